// The page's levels (study, locus, trait), search, grids and copying. It starts the
// page, which can also be read without a script.
// Gives: nothing
// Uses: make, byId, prepareTables, prepareFigures (elements); index, canUnpack, traitNumber, searchEntries,
//   unpackText, loadPositions, loadVariantNames, variantsMatching (data); prepareClusters (marks);
//   preparePicture (interact); showTrait, redrawTrait, prepareTrait (trait);
//   openAround, prepareContents (contents); prepareTheme, preparePrint (display)
const setLevel = (level) => {
  document.body.dataset.level = level;
  byId("trait").hidden = level !== "trait";
};

const reveal = (target) => {
  target.scrollIntoView({ block: "start" });
  target.focus({ preventScroll: true });
};

// Shows what the address says.
const follow = async () => {
  const place = decodeURIComponent(location.hash.slice(1));
  const [trait, variant] = place.startsWith("trait-") ? place.slice(6).split("@") : [];
  if (traitNumber.has(trait)) {
    setLevel("trait");
    reveal(byId("trait"));
    await showTrait(traitNumber.get(trait), variant);
    return;
  }
  const target = place === "" ? null : byId(place);
  if (target && target.matches("article")) {
    setLevel("locus");
    for (const article of document.querySelectorAll("article")) {
      article.classList.toggle("current", article === target);
    }
    reveal(target);
    return;
  }
  setLevel("study");
  if (target) openAround(target);
  if (target) target.scrollIntoView({ block: "start" });
};

// Search: genes, loci and traits immediately, variants once their names are unpacked.
const search = byId("search"), results = byId("search-results"), searchStatus = byId("search-status");
let chosen = -1; // index of the chosen result

const entriesMatching = (text) => {
  const matches = ([words]) => words.toLowerCase().includes(text);
  const startsWith = ([words]) => words.toLowerCase().startsWith(text);
  const entries = searchEntries.filter(matches).sort((a, b) => startsWith(b) - startsWith(a));
  return [...entries, ...variantsMatching(text, 6)];
};

const closeResults = () => {
  results.hidden = true;
  chosen = -1;
  search.setAttribute("aria-expanded", "false");
  search.removeAttribute("aria-activedescendant");
};

const choose = (number) => {
  const items = [...results.children];
  if (items.length === 0) return;
  chosen = (number + items.length) % items.length;
  items.forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
  items[chosen].scrollIntoView({ block: "nearest" });
  search.setAttribute("aria-activedescendant", items[chosen].id);
};

const openResult = (item) => {
  if (!item) return;
  closeResults();
  if (location.hash === item.dataset.to) follow();
  location.hash = item.dataset.to;
};

const resultItem = ([words, what, address], i) => {
  const attributes = { role: "option", id: `result-${i}`, "aria-selected": "false", "data-to": address };
  return make("li", attributes, words, make("span", { class: "note" }, what));
};

const searchText = () => search.value.trim().toLowerCase();

const updateResults = async () => {
  const text = searchText();
  if (text === "") {
    closeResults();
    searchStatus.textContent = "";
    return;
  }
  if (text.length >= 3 && canUnpack) await loadVariantNames();
  if (text !== searchText()) return;
  const entries = entriesMatching(text);
  results.replaceChildren(...entries.slice(0, 14).map(resultItem));
  results.hidden = entries.length === 0;
  search.setAttribute("aria-expanded", String(entries.length > 0));
  search.removeAttribute("aria-activedescendant");
  chosen = -1;
  searchStatus.textContent = entries.length === 0 ? "nothing found" : `${entries.length} found`;
  searchStatus.classList.toggle("unseen", entries.length > 0);
};

const prepareSearch = () => {
  const keys = {
    ArrowDown: (event) => { choose(chosen + 1); event.preventDefault(); },
    ArrowUp: (event) => { choose(Math.max(chosen, 0) - 1); event.preventDefault(); },
    Enter: () => openResult(results.children[Math.max(chosen, 0)]),
    Escape: closeResults,
  };
  byId("tools").hidden = false;
  search.addEventListener("input", updateResults);
  search.addEventListener("keydown", (event) => keys[event.key]?.(event));
  search.addEventListener("blur", closeResults);
  results.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    openResult(event.target.closest("li"));
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input")) return;
    event.preventDefault();
    search.focus();
  });
};

// Grids of leads and features: three colourings
const cellsOf = (picture) => [...picture.querySelectorAll("[data-trait]")];

// Colouring -> share of the palette for a cell (null: no value), and the words of the key
const COLOURINGS = {
  p: (cells) => {
    const top = Math.max(index.threshold, ...cells.map((cell) => Number(cell.dataset.p)));
    return [(cell) => Number(cell.dataset.p) / top, `strongest −log10 p, from 0 to ${top.toFixed(1)}`];
  },
  lambda: () => {
    const share = ({ dataset }) => dataset.lambda === undefined ? null : (Number(dataset.lambda) - 0.9) / 0.2;
    return [share, "λ from 0.9 to 1.1; light blue: below, orange: above, grey: not known"];
  },
  loci: (cells) => {
    const top = Math.max(1, ...cells.map((cell) => Number(cell.dataset.loci)));
    return [(cell) => Number(cell.dataset.loci) / top, `number of loci, from 0 to ${top}`];
  },
};

const shade = (share) => {
  if (share === null) return "var(--grid)";
  if (share < 0) return "var(--sky)";
  if (share > 1) return "var(--vermilion)";
  return index.cividis[Math.min(Math.floor(share * index.cividis.length), index.cividis.length - 1)];
};

const paintGrids = (colouring) => {
  for (const button of document.querySelectorAll("[data-shown]")) {
    button.setAttribute("aria-pressed", String(button.dataset.shown === colouring));
  }
  for (const picture of document.querySelectorAll(".picture")) {
    const cells = cellsOf(picture);
    if (cells.length === 0) continue;
    const [share, words] = COLOURINGS[colouring](cells);
    for (const cell of cells) cell.setAttribute("fill", shade(share(cell)));
    const key = picture.querySelector("[data-key]");
    if (key) key.textContent = words;
  }
};

const prepareCopy = () => byId("copy-methods").addEventListener("click", async () => {
  const paragraphs = byId("methods-text"), range = document.createRange();
  range.selectNodeContents(paragraphs);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  try {
    await navigator.clipboard.writeText(paragraphs.innerText);
    byId("copy-status").textContent = "copied";
  } catch {
    byId("copy-status").textContent = "selected: copy with Ctrl+C";
  }
});

const prepareCopies = () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const status = button.nextElementSibling;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        status.textContent = "copied";
      } catch {
        status.textContent = "not copied: the browser does not allow it";
      }
    });
  }
};

// Pictures that are drawn when they are chosen
const drawChosen = async (chooser) => {
  const number = Number(chooser.querySelector(":checked").value);
  const picture = chooser.querySelector(`.chosen > :nth-child(${number}) .picture`);
  const { packed } = picture.dataset;
  if (!packed || !canUnpack) return;
  delete picture.dataset.packed;
  picture.innerHTML = await unpackText(`picture-${packed}`);
  preparePicture(picture);
};

const prepareChoosers = () => {
  for (const chooser of document.querySelectorAll(".chooser")) {
    chooser.addEventListener("change", () => drawChosen(chooser));
    drawChosen(chooser);
  }
};

document.body.classList.add("scripted");
prepareTables();
prepareFigures();
prepareSearch();
prepareTheme(redrawTrait);
prepareTrait();
prepareCopy();
prepareCopies();
preparePrint();
for (const picture of document.querySelectorAll(".picture:not([data-packed])")) {
  preparePicture(picture);
  prepareClusters(picture);
}
prepareChoosers();
prepareContents();
for (const button of document.querySelectorAll("[data-shown]")) {
  button.addEventListener("click", () => paintGrids(button.dataset.shown));
}
addEventListener("hashchange", follow);
follow();
// Positions of variants are unpacked while the study is read, so that the first trait opens fast, too.
if (canUnpack) (window.requestIdleCallback ?? setTimeout)(() => loadPositions());

// The page can be read without this script. It adds levels (study, locus, trait), search, sorting, CSV and SVG, and print.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const byId = (name) => document.getElementById(name);

// Tables: sorted by their headings, saved as CSV.
const byKey = (index, down) => (a, b) => {
  const left = a.cells[index].dataset.key, right = b.cells[index].dataset.key;
  if (left === "" || right === "") return (left === "") - (right === "");
  const x = Number(left), y = Number(right);
  const order = Number.isNaN(x) || Number.isNaN(y) ? left.localeCompare(right, "en", { numeric: true }) : x - y;
  return down ? -order : order;
};

const sort = (table, heading) => {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(byKey(heading.cellIndex, down)));
};

const save = (text, type, name) => {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};

const quoted = (words) => /[",\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;

const asCsv = (table) => [...table.rows]
  .map((row) => [...row.cells].map((cell) => quoted(cell.textContent.trim())).join(",")).join("\n") + "\n";

const prepareTables = () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = make("button", { type: "button" }, ...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      heading.append(button);
    }
  }
  for (const link of document.querySelectorAll("button.save-table")) {
    link.hidden = false;
    link.addEventListener("click", () => save(asCsv(byId(link.dataset.table)), "text/csv", `${link.dataset.table}.csv`));
  }
};

// Pictures: the SVG of the page with its colours written out, so that it stands alone.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const standalone = (svg) => new XMLSerializer().serializeToString(svg)
  .replace(/var\((--[a-z]+)\)/g, (_, name) => colour(name)).replace("<svg", '<svg font-family="sans-serif"');

const preparePictures = () => {
  for (const link of document.querySelectorAll("a.save-picture")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      save(standalone(link.closest("figure").querySelector("svg")), "image/svg+xml", link.getAttribute("download"));
    });
  }
  for (const button of document.querySelectorAll("button[data-save]")) {
    button.addEventListener("click", () => {
      const svg = byId(button.dataset.save).querySelector("svg");
      if (svg) save(standalone(svg), "image/svg+xml", `${button.dataset.save}_${byId("h-trait").textContent}.svg`);
    });
  }
};

// Words beside the pointer.
const tip = byId("tip");
const showTip = (words, event) => {
  tip.textContent = words;
  tip.hidden = words === "";
  if (tip.hidden) return;
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, room)) + scrollX}px`;
  tip.style.top = `${event.clientY + 16 + scrollY}px`;
};

// Levels: the study, a locus, a trait; the address says which.
const level = (name) => {
  document.body.dataset.level = name;
  byId("trait").hidden = name !== "trait";
};

const reveal = (target) => {
  target.scrollIntoView({ block: "start" });
  target.focus({ preventScroll: true });
};

const go = async () => {
  const place = decodeURIComponent(location.hash.slice(1));
  const [name, variant] = place.startsWith("trait-") ? place.slice(6).split("@") : [];
  if (traitNumber.has(name)) {
    level("trait");
    reveal(byId("trait"));
    await showTrait(traitNumber.get(name), variant);
    return;
  }
  const target = place === "" ? null : byId(place);
  if (target && target.matches("article")) {
    level("locus");
    for (const article of document.querySelectorAll("article")) article.classList.toggle("current", article === target);
    reveal(target);
    return;
  }
  level("study");
  if (target) target.scrollIntoView({ block: "start" });
};

// Search: genes, loci, traits at once; variants when their names are unpacked.
const search = byId("search"), results = byId("search-results");
let chosen = -1;

const fitting = (words) => {
  const fits = (text) => text.toLowerCase().includes(words);
  const first = (a, b) => b[0].toLowerCase().startsWith(words) - a[0].toLowerCase().startsWith(words);
  const found = searchable.filter((entry) => fits(entry[0])).sort(first);
  return [...found, ...variantsFitting(words, 6)];
};

const close = () => {
  results.hidden = true;
  chosen = -1;
  search.setAttribute("aria-expanded", "false");
  search.removeAttribute("aria-activedescendant");
};

const choose = (index) => {
  const items = results.children;
  if (items.length === 0) return;
  chosen = (index + items.length) % items.length;
  [...items].forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
  items[chosen].scrollIntoView({ block: "nearest" });
  search.setAttribute("aria-activedescendant", items[chosen].id);
};

const openResult = (item) => {
  if (!item) return;
  close();
  if (location.hash === item.dataset.to) go();
  location.hash = item.dataset.to;
};

const look = async () => {
  const words = search.value.trim().toLowerCase();
  if (words === "") { close(); byId("search-status").textContent = ""; return; }
  if (words.length >= 3 && "DecompressionStream" in window) await variantNames();
  if (words !== search.value.trim().toLowerCase()) return;
  const found = fitting(words);
  results.replaceChildren(...found.slice(0, 14).map(([text, what, to], i) =>
    make("li", { role: "option", id: `result-${i}`, "aria-selected": "false", "data-to": to },
      text, make("span", { class: "note" }, what))));
  results.hidden = found.length === 0;
  search.setAttribute("aria-expanded", String(found.length > 0));
  search.removeAttribute("aria-activedescendant");
  chosen = -1;
  byId("search-status").textContent = found.length === 0 ? "nothing found" : `${found.length} found`;
};

const prepareSearch = () => {
  byId("tools").hidden = false;
  search.addEventListener("input", look);
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { choose(chosen + 1); event.preventDefault(); }
    if (event.key === "ArrowUp") { choose(Math.max(chosen, 0) - 1); event.preventDefault(); }
    if (event.key === "Enter") openResult(results.children[Math.max(chosen, 0)]);
    if (event.key === "Escape") close();
  });
  results.addEventListener("pointerdown", (event) => { event.preventDefault(); openResult(event.target.closest("li")); });
  search.addEventListener("blur", close);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input")) { event.preventDefault(); search.focus(); }
  });
};

// Light, dark, or as the system is.
const prepareDress = () => byId("dress").addEventListener("click", () => {
  const dark = document.documentElement.dataset.dress
    ? document.documentElement.dataset.dress === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.dress = dark ? "light" : "dark";
  redraw();
});

// Grids of leads and features: pointer and arrow keys, three colourings.
const cellsOf = (picture) => [...picture.querySelectorAll("[data-trait]")];
const wordsOf = (cell) => cell.querySelector("title").textContent;

const step = (cells, current, key) => {
  const at = (cell) => [Number(cell.getAttribute("x")), Number(cell.getAttribute("y"))];
  const [x, y] = at(current);
  const ahead = { ArrowRight: ([a, b]) => b === y && a > x, ArrowLeft: ([a, b]) => b === y && a < x,
    ArrowDown: ([a, b]) => a === x && b > y, ArrowUp: ([a, b]) => a === x && b < y }[key];
  const far = (cell) => { const [a, b] = at(cell); return Math.abs(a - x) + Math.abs(b - y); };
  return cells.filter((cell) => ahead(at(cell))).sort((a, b) => far(a) - far(b))[0] ?? current;
};

const prepareGrid = (picture) => {
  const cells = cellsOf(picture);
  if (cells.length === 0) return;
  let current = null;
  const mark = (cell) => {
    current?.classList.remove("current");
    current = cell;
    cell.classList.add("current");
    byId("grid-status").textContent = wordsOf(cell);
  };
  picture.addEventListener("focus", () => { if (!current) byId("grid-status").textContent = "Arrow keys move, Enter opens."; });
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && current) location.hash = `trait-${encodeURIComponent(current.dataset.trait)}`;
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    mark(current ? step(cells, current, event.key) : cells[0]);
  });
  picture.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-trait]");
    if (cell) location.hash = `trait-${encodeURIComponent(cell.dataset.trait)}`;
  });
};

const shades = { // share of the palette for a cell; words of the key
  p: (cells) => { const top = Math.max(index.threshold, ...cells.map((c) => Number(c.dataset.p)));
    return [(cell) => Number(cell.dataset.p) / top, `−log10 p from 0 to ${top.toFixed(1)}`]; },
  lambda: () => [(cell) => cell.dataset.lambda === undefined ? -1 : (Number(cell.dataset.lambda) - 0.9) / 0.2, "λ from 0.9 to 1.1"],
  loci: (cells) => { const top = Math.max(1, ...cells.map((c) => Number(c.dataset.loci)));
    return [(cell) => Number(cell.dataset.loci) / top, `loci from 0 to ${top}`]; },
};

const paint = (shown) => {
  for (const button of document.querySelectorAll("[data-shown]")) {
    button.setAttribute("aria-pressed", String(button.dataset.shown === shown));
  }
  for (const picture of document.querySelectorAll(".picture")) {
    const cells = cellsOf(picture);
    if (cells.length === 0) continue;
    const [share, words] = shades[shown](cells);
    for (const cell of cells) {
      const place = Math.min(Math.max(Math.floor(share(cell) * index.cividis.length), 0), index.cividis.length - 1);
      cell.setAttribute("fill", share(cell) < 0 ? "var(--grid)" : index.cividis[place]);
    }
    const key = picture.querySelector("[data-key]");
    if (key) key.textContent = words;
  }
};

// The network: a gene in focus keeps its neighbours, the others fade.
const prepareNetwork = (picture) => {
  const nodes = [...picture.querySelectorAll("[data-gene]")], edges = [...picture.querySelectorAll("[data-edge]")];
  if (nodes.length === 0) return;
  const show = (gene) => {
    const near = new Set([gene, ...edges.flatMap((edge) => {
      const pair = edge.dataset.edge.split(" ");
      return pair.includes(gene) ? pair : [];
    })]);
    for (const node of nodes) node.classList.toggle("faded", gene !== null && !near.has(node.dataset.gene));
    for (const edge of edges) edge.classList.toggle("faded", gene !== null && !edge.dataset.edge.split(" ").includes(gene));
  };
  picture.addEventListener("pointerover", (event) => show(event.target.closest("[data-gene]")?.dataset.gene ?? null));
  picture.addEventListener("pointerleave", () => show(null));
  picture.addEventListener("click", (event) => {
    const gene = event.target.closest("[data-gene]")?.dataset.gene;
    const entry = gene && index.find.find(([words, what]) => words === gene && what.startsWith("gene"));
    if (entry) location.hash = entry[2];
  });
};

const prepareCopy = () => byId("copy-methods").addEventListener("click", async () => {
  const range = document.createRange();
  range.selectNodeContents(byId("methods-text"));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  try {
    await navigator.clipboard.writeText(byId("methods-text").innerText);
    byId("copy-status").textContent = "copied";
  } catch {
    byId("copy-status").textContent = "selected: copy with Ctrl+C";
  }
});

// Print: at the level of the study, everything.
const preparePrint = () => {
  let closed = [], before = "study";
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const part of closed) part.open = true;
    before = document.body.dataset.level;
    if (before === "study") document.body.dataset.level = "all";
  });
  addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
    document.body.dataset.level = before;
  });
};

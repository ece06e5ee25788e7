// The search field: what the server finds; Enter without a choice opens the first, or the view of a variant.
// Gives: prepareSearch
// Uses: make, byId (elements); askFor (data)
const search = byId("search"), results = byId("search-results"), searchStatus = byId("search-status");
const WAIT_MS = 120;
let chosen = -1; // index of the chosen result
let latest = 0; // number of the latest question

const closeResults = () => {
  results.hidden = true;
  chosen = -1;
  latest += 1;
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

const resultItem = ([words, what, address], i) => {
  const attributes = { role: "option", id: `result-${i}`, "aria-selected": "false", "data-to": address };
  return make("li", attributes, words, make("span", { class: "note" }, what));
};

const open = (address) => {
  closeResults();
  searchStatus.textContent = "";
  location.hash = address;
};

const searchText = () => search.value.trim();

const entriesOf = async (text) => {
  const answer = await askFor("search", { study: byId("study").value, text });
  if (answer.problem) searchStatus.textContent = answer.problem;
  return answer.entries ?? [];
};

const updateResults = async () => {
  const text = searchText();
  latest += 1;
  const asked = latest;
  if (text.length < 2) {
    closeResults();
    searchStatus.textContent = "";
    return;
  }
  await new Promise((done) => setTimeout(done, WAIT_MS));
  if (asked !== latest) return;
  const entries = await entriesOf(text);
  if (asked !== latest) return;
  results.replaceChildren(...entries.map(resultItem));
  results.hidden = entries.length === 0;
  search.setAttribute("aria-expanded", String(entries.length > 0));
  search.removeAttribute("aria-activedescendant");
  chosen = -1;
  searchStatus.textContent = entries.length === 0 ? "nothing found" : `${entries.length} found`;
  searchStatus.classList.toggle("unseen", entries.length > 0);
};

const openSearched = async () => {
  const item = results.children[Math.max(chosen, 0)];
  if (!results.hidden && item) {
    open(item.dataset.to);
    return;
  }
  const text = searchText();
  if (text === "") return;
  const [first] = await entriesOf(text);
  open(first ? first[2] : `#variant-${encodeURIComponent(text)}/${encodeURIComponent(byId("study").value)}`);
};

const prepareSearch = () => {
  const keys = {
    ArrowDown: (event) => { choose(chosen + 1); event.preventDefault(); },
    ArrowUp: (event) => { choose(Math.max(chosen, 0) - 1); event.preventDefault(); },
    Enter: openSearched,
    Escape: closeResults,
  };
  search.addEventListener("input", updateResults);
  search.addEventListener("keydown", (event) => keys[event.key]?.(event));
  search.addEventListener("blur", closeResults);
  results.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const item = event.target.closest("li");
    if (item) open(item.dataset.to);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
};

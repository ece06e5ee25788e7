// Elements of the page: making them; numbers in words; tables, saved as CSV; figures, saved as SVG; the tip.
// The page's scripts are joined within one function, in the order of SCRIPTS in render.py.
// Gives: make, shape, byId, rounded, withCommas, withMinus, ticks, pWords, prepareTables, prepareFigures,
//   colour, save, standalone, showTip
// Uses: nothing of the other scripts
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// An element of SVG
const shape = (tag, attributes, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const rounded = (value) => Math.round(value * 10) / 10;
const withCommas = (value) => value.toLocaleString("en");
const withMinus = (text) => text.replaceAll("-", "−");

// About `about` round values from low to high.
const ticks = (low, high, about) => {
  const power = 10 ** Math.floor(Math.log10((high - low) / about || 1));
  const step = [1, 2, 5, 10].map((m) => m * power).find((size) => size >= (high - low) / about * 0.999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  const value = (_, i) => Number(((first + i) * step).toPrecision(12));
  return Array.from({ length: Math.max(last - first + 1, 0) }, value);
};

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// p with two significant digits, as in report/text/p_values.py
const pWords = (neglog10p) => {
  if (neglog10p < 3) return String(Number((10 ** -neglog10p).toPrecision(2)));
  const exponent = Math.ceil(neglog10p), digits = (10 ** (exponent - neglog10p)).toFixed(1);
  const [factor, power] = digits === "10.0" ? ["1.0", exponent - 1] : [digits, exponent];
  return `${factor}×10⁻${[...String(power)].map((digit) => SUPERSCRIPTS[digit]).join("")}`;
};

const byId = (id) => document.getElementById(id);

// Empty keys sort last in both directions.
const byColumn = (column, descending) => (a, b) => {
  const left = a.cells[column].dataset.key, right = b.cells[column].dataset.key;
  if (left === "" || right === "") return (left === "") - (right === "");
  const x = Number(left), y = Number(right);
  const areWords = Number.isNaN(x) || Number.isNaN(y);
  const order = areWords ? left.localeCompare(right, "en", { numeric: true }) : x - y;
  return descending ? -order : order;
};

const sortTable = (table, heading) => {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(byColumn(heading.cellIndex, descending)));
};

const save = (text, type, fileName) => {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: fileName }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};

const quoted = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

const shownCells = (row) => [...row.cells].filter((cell) => !cell.hidden);
const asCsv = (table) => [...table.rows]
  .map((row) => shownCells(row).map((cell) => quoted(cell.textContent.trim())).join(",")).join("\n") + "\n";

const prepareTables = () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = make("button", { type: "button" }, ...heading.childNodes);
      button.addEventListener("click", () => sortTable(table, heading));
      heading.append(button);
    }
  }
  for (const button of document.querySelectorAll("button.save-table")) {
    const name = button.dataset.table;
    button.hidden = false;
    button.addEventListener("click", () => save(asCsv(byId(name)), "text/csv", `${name}.csv`));
  }
};

const colour = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();

// The figure's SVG as shown, with its colours written out, so that it does not need the page.
const standalone = (svg) => {
  const copy = svg.cloneNode(true);
  copy.querySelector(".overlay")?.remove();
  for (const mark of copy.querySelectorAll("[data-tip]")) mark.append(shape("title", {}, mark.dataset.tip));
  return new XMLSerializer().serializeToString(copy)
    .replace(/var\((--[a-z]+)\)/g, (_, variable) => colour(variable))
    .replace("<svg", '<svg font-family="sans-serif"');
};

const prepareFigures = () => {
  for (const link of document.querySelectorAll("a.save-picture")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const svg = link.closest("figure").querySelector("svg");
      save(standalone(svg), "image/svg+xml", link.getAttribute("download"));
    });
  }
  for (const button of document.querySelectorAll("button[data-save]")) {
    const name = button.dataset.save;
    button.addEventListener("click", () => {
      const svg = byId(name).querySelector("svg");
      if (svg) save(standalone(svg), "image/svg+xml", `${name}_${byId("h-trait").textContent}.svg`);
    });
  }
};

const tip = byId("tip");
document.querySelector("main").append(tip); // what is shown belongs to a landmark
const showTip = (text, event) => {
  tip.textContent = text;
  tip.hidden = text === "";
  if (tip.hidden) return;
  const { clientWidth, clientHeight } = document.documentElement;
  const rightmost = clientWidth - tip.offsetWidth - 8, below = event.clientY + 16;
  const isTooLow = below + tip.offsetHeight > clientHeight && event.clientY > tip.offsetHeight + 16;
  const top = isTooLow ? event.clientY - tip.offsetHeight - 12 : below;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, rightmost)) + scrollX}px`;
  tip.style.top = `${top + scrollY}px`;
};


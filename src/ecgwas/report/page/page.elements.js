// Elements of the page: making them; tables, sorted and saved as CSV; figures, saved as SVG; the tip.
// The page's scripts are joined in this order within one function: elements, data, trait, contents, page.
// Gives: make, byId, prepareTables, prepareFigures, colour, save, standalone, showTip
// Uses: nothing of the other scripts
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
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

// The figure's SVG with its colours written out, so that it does not need the page.
const standalone = (svg) => new XMLSerializer().serializeToString(svg)
  .replace(/var\((--[a-z]+)\)/g, (_, variable) => colour(variable))
  .replace("<svg", '<svg font-family="sans-serif"');

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
const showTip = (text, event) => {
  tip.textContent = text;
  tip.hidden = text === "";
  if (tip.hidden) return;
  const rightmost = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, rightmost)) + scrollX}px`;
  tip.style.top = `${event.clientY + 16 + scrollY}px`;
};


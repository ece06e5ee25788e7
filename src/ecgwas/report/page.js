"use strict";
// The page is whole without this script; it adds sorting, searching, CSV of tables, and opens everything for print.
(() => {
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

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      heading.append(button);
    }
  }

  const quoted = (words) => /[",\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;

  for (const link of document.querySelectorAll("button.save-table")) {
    link.hidden = false;
    link.addEventListener("click", () => {
      const table = document.getElementById(link.dataset.table);
      const lines = [...table.rows].map((row) => [...row.cells].map((cell) => quoted(cell.textContent.trim())).join(","));
      const address = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
      const anchor = Object.assign(document.createElement("a"), { href: address, download: `${link.dataset.table}.csv` });
      anchor.click();
      URL.revokeObjectURL(address);
    });
  }

  const search = document.getElementById("search");
  const status = document.getElementById("search-status");
  const targets = [...document.querySelectorAll("[data-find]")];
  document.getElementById("search-form").hidden = false;
  search.addEventListener("input", () => {
    const words = search.value.trim().toLowerCase();
    let found = 0;
    for (const target of targets) {
      const fits = words === "" || target.dataset.find.toLowerCase().includes(words);
      target.hidden = !fits;
      found += fits;
    }
    status.textContent = words === "" ? "" : `${found} of ${targets.length} loci and traits`;
  });
  document.getElementById("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const first = targets.find((target) => !target.hidden);
    if (search.value.trim() === "" || !first) return;
    if (first.tagName === "DETAILS") first.open = true;
    first.scrollIntoView({ block: "start" });
  });

  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const part of closed) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of closed) part.open = false; });
})();

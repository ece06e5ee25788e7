// Blocks of a view: paragraphs, cards, links, figures, tables (their layout: blocks.py).
// Gives: blockOf, prepareView, problemOf
// Uses: make, byId, save, standalone, prepareTables (elements); index, askFor (data);
//   Picture, unpackPlot (interact)
const linkOf = ({ words, to }) => {
  if (!to) return words;
  return to.startsWith("#") ? make("a", { href: to }, words) : make("a", { href: to, download: "" }, words);
};

// Words of where an address leads
const leadsTo = (address) => {
  if (address.startsWith("#region-")) return "opens the region";
  return address.startsWith("#variant-") ? "opens the variant" : "";
};

// A figure whose points lead to views of the server
class ServedPicture extends Picture {
  point(place) {
    const point = super.point(place), more = leadsTo(point.address);
    return more ? { ...point, words: `${point.words}\n${more}` } : point;
  }

  showByKeys(shownMark, prefix) {
    this.show(shownMark, this.scrolledTo(shownMark));
    this.say(`${prefix}${shownMark.words.replaceAll("\n", "; ")}${shownMark.address ? " with Enter" : ""}`);
  }
}

const figureBlock = ({ name, title, caption, svg, plot, full, peak }) => {
  const attributes = { class: "picture", tabindex: "0", role: "group", "aria-label": title };
  if (peak !== null) attributes["data-peak"] = peak;
  const drawing = make("div", attributes);
  drawing.innerHTML = svg;
  const button = make("button", { type: "button", class: "plain", "aria-label": `${title} as SVG` }, "SVG");
  button.addEventListener("click", () =>
    save(standalone(drawing.querySelector("svg")), "image/svg+xml", `${name}.svg`));
  const words = make("figcaption", {}, make("strong", {}, title), ` ${caption} `, button);
  const figure = make("figure", { id: `figure-${name}`, class: full ? "wide full" : "wide" }, drawing, words);
  if (plot) {
    const points = make("template", { id: `block-plot-${name}` });
    points.content.append(plot);
    figure.append(points);
  }
  return figure;
};

const cellOf = (tag, isNumber, cell) => {
  const attributes = { "data-key": String(cell.key), ...isNumber ? { class: "number" } : {} };
  return make(tag, attributes, linkOf(cell));
};

const tableBlock = ({ name, caption, headings, rows }) => {
  const heading = ([words, isNumber]) =>
    make("th", { scope: "col", ...isNumber ? { class: "number" } : {} }, words);
  const row = (cells) => make("tr", {}, ...cells.map((cell, i) => cellOf("td", headings[i][1], cell)));
  const id = `table-${name}`;
  const table = make("table", { class: "sortable", id, "aria-labelledby": `${id}-title` },
    make("thead", {}, make("tr", {}, ...headings.map(heading))), make("tbody", {}, ...rows.map(row)));
  const isTall = rows.length > 16 ? "table tall" : "table";
  const frame = make("div", { class: isTall, tabindex: "0", role: "group", "aria-label": caption }, table);
  const button = make("button", { type: "button", class: "save-table", "data-table": id, hidden: "" },
    "Save this table as CSV");
  const title = make("p", { class: "table-title", id: `${id}-title` }, caption);
  return make("div", {}, title, frame, make("p", { class: "note" }, button));
};

const askBlock = ({ words, view }) => {
  const button = make("button", { type: "button", class: "ask" }, words);
  const place = make("div", { role: "status" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    place.textContent = "Reading genotypes and recordings …";
    const answer = await askFor("look", view);
    place.replaceChildren(...answer.problem ? [problemOf(answer)] : answer.blocks.map(blockOf));
    button.disabled = false;
    preparePictures(place);
  });
  return make("div", {}, make("p", {}, button), place);
};

const BLOCKS = {
  text: ({ pieces, note }) => make("p", note ? { class: "note" } : {}, ...pieces.map(linkOf)),
  heading: ({ words }) => make("h2", {}, words),
  cards: ({ pairs }) => make("ul", { class: "cards" },
    ...pairs.map(([count, noun]) => make("li", {}, make("b", {}, count), noun))),
  links: ({ label, links }) => make("ul", { class: "link-row", "aria-label": label },
    ...links.map((link) => make("li", {}, linkOf(link)))),
  figure: figureBlock,
  table: tableBlock,
  groups: ({ groups }) => make("div", { class: "groups" },
    ...groups.map((blocks) => make("div", {}, ...blocks.map(blockOf)))),
  ask: askBlock,
};

const blockOf = (block) => BLOCKS[block.kind](block);

const problemOf = ({ problem, fix }) =>
  make("div", { class: "problem" }, make("p", {}, problem), make("p", { class: "note" }, fix));

const preparePictures = (parent) => {
  for (const element of parent.querySelectorAll(".picture")) {
    const name = element.closest("figure").id.replace(/^figure-/, "");
    const zooms = element.querySelector("[data-panel]") !== null;
    new ServedPicture(element, { load: () => unpackPlot(name), zooms });
    const { peak } = element.dataset, { scrollWidth, clientWidth } = element;
    const isWide = scrollWidth > clientWidth + 1;
    if (peak && isWide) element.scrollLeft = Number(peak) * scrollWidth - clientWidth / 2;
  }
};

// Puts a view's blocks on the page.
const prepareView = ({ blocks, genome }) => {
  index.genome = genome;
  const view = byId("view");
  view.replaceChildren(...blocks.map(blockOf));
  preparePictures(view);
  prepareTables();
};

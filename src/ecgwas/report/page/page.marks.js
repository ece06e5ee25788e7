// Marks of pictures (bars, cells, genes): words, addresses, what they comprise; clusters of the network.
// Gives: MARK, marksOf, addressOf, neighbourOf, showDetails, highlightGene, prepareClusters
// Uses: make (elements)
const MARK = "[data-tip], [data-to], [data-details], [data-trait]";

// All marks of a picture. The browser would show titles too: their words become those of the marks.
const marksOf = (svg) => {
  for (const title of svg.querySelectorAll("title")) {
    const mark = title.parentElement;
    if (mark === svg) continue;
    mark.dataset.tip ??= title.textContent;
    title.remove();
  }
  return [...svg.querySelectorAll(MARK)];
};

const addressOf = ({ dataset }) =>
  dataset.trait ? `#trait-${encodeURIComponent(dataset.trait)}` : dataset.to ?? "";

const cornerOf = (mark) => {
  const { left, top } = mark.getBoundingClientRect();
  return [left, top];
};

// Key -> distances along and across the direction, from distances to the right and down
const DIRECTIONS = {
  ArrowRight: (right, down) => [right, down], ArrowLeft: (right, down) => [-right, down],
  ArrowDown: (right, down) => [down, right], ArrowUp: (right, down) => [-down, right],
};

// The next mark in the direction of an arrow key, or the same one
const neighbourOf = (marks, current, key) => {
  const [x, y] = cornerOf(current);
  let nearest = current, least = Infinity;
  for (const mark of marks) {
    const [left, top] = cornerOf(mark);
    const [along, across] = DIRECTIONS[key](left - x, top - y).map((distance) => Math.round(distance));
    const cost = along + 3 * Math.abs(across);
    if (along <= 1 || Math.abs(across) > 2 * along || cost >= least) continue;
    nearest = mark;
    least = cost;
  }
  return nearest;
};

// Lists below its picture what a mark comprises: title, number of rows not listed, rows of words and address.
const showDetails = (picture, [title, more, ...rows], byKeyboard) => {
  const figure = picture.closest("figure");
  figure.querySelector(".details")?.remove();
  const item = ([words, address]) => make("li", {}, address ? make("a", { href: address }, words) : words);
  const close = make("button", { type: "button", class: "plain" }, "Close");
  const listed = make("div", { class: "details", role: "group", "aria-label": title, tabindex: "-1" },
    make("strong", {}, title), close, make("ul", {}, ...rows.map(item)));
  if (more > 0) listed.append(make("p", { class: "note" }, `${more} more are in the tables.`));
  const leave = () => {
    listed.remove();
    picture.focus();
  };
  close.addEventListener("click", leave);
  listed.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });
  picture.after(listed);
  if (byKeyboard) listed.focus();
};

const genesOf = (edge) => edge.dataset.edge.split(" ");

// The network: a gene keeps its neighbours, the others fade; null: none fades.
const highlightGene = (svg, gene) => {
  const edges = [...svg.querySelectorAll("[data-edge]")];
  const linked = new Set(gene === null ? [] : edges.filter((edge) => genesOf(edge).includes(gene)));
  const near = new Set([gene, ...[...linked].flatMap(genesOf)]);
  for (const node of svg.querySelectorAll("[data-gene]")) {
    node.classList.toggle("faded", gene !== null && !near.has(node.dataset.gene));
  }
  for (const edge of edges) edge.classList.toggle("faded", gene !== null && !linked.has(edge));
};

const MOST_BUTTONS = 12;

const applyClusters = (svg, hiddenClusters) => {
  const hiddenGenes = new Set();
  for (const node of svg.querySelectorAll("[data-gene]")) {
    const isHidden = hiddenClusters.has(node.dataset.cluster);
    node.classList.toggle("out", isHidden);
    if (isHidden) hiddenGenes.add(node.dataset.gene);
  }
  for (const label of svg.querySelectorAll("[data-label]")) {
    label.classList.toggle("out", hiddenGenes.has(label.dataset.label));
  }
  for (const edge of svg.querySelectorAll("[data-edge]")) {
    edge.classList.toggle("out", genesOf(edge).some((gene) => hiddenGenes.has(gene)));
  }
};

// Buttons that show and hide the network's clusters, the largest by name, the others together.
const prepareClusters = (picture) => {
  const svg = picture.querySelector("svg"), sizes = new Map(), hiddenClusters = new Set();
  for (const { dataset } of svg.querySelectorAll("[data-gene]")) {
    sizes.set(dataset.cluster, (sizes.get(dataset.cluster) ?? 0) + 1);
  }
  if (sizes.size < 2) return;
  const order = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a) || Number(a) - Number(b));
  const nameOf = (cluster) => svg.querySelector(`[data-cluster-name="${cluster}"] text`)?.textContent
    ?? (cluster === "0" ? "no cluster" : `cluster ${cluster}`);
  const sets = order.slice(0, MOST_BUTTONS)
    .map((cluster) => [[cluster], `${nameOf(cluster)} (${sizes.get(cluster)})`]);
  if (order.length > MOST_BUTTONS) sets.push([order.slice(MOST_BUTTONS), "other clusters"]);
  const buttons = sets.map(([clusters, words]) => {
    const button = make("button", { type: "button", "aria-pressed": "true" }, words);
    button.addEventListener("click", () => {
      const shows = button.getAttribute("aria-pressed") === "false";
      button.setAttribute("aria-pressed", String(shows));
      for (const cluster of clusters) {
        if (shows) hiddenClusters.delete(cluster);
        else hiddenClusters.add(cluster);
      }
      applyClusters(svg, hiddenClusters);
    });
    return button;
  });
  const attributes = { class: "picture-tools", role: "group", "aria-label": "Clusters that are shown" };
  picture.before(make("div", attributes, ...buttons));
};

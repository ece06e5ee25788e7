// The page of a trait, drawn when it is opened: plots, facts, strongest variants, meaning.
// Gives: showTrait, redrawTrait, prepareTrait
// Uses: make, byId, save, standalone, rounded, withCommas, withMinus, pWords (elements); index, canUnpack,
//   unpackText, loadVariantNames, loadGenes, geneOf, locusOf, loadTrait, variantOf, variantKey (data);
//   Picture, preparePicture (interact); textAt, MIDDLE, lambdaOf, manhattan, qq (plots)
// As many decimals as give the standard error two significant digits, as in report/text/effects.py.
const decimalsOf = (error) => error > 0 ? Math.min(Math.max(0, 1 - Math.floor(Math.log10(error))), 9) : 2;
const signed = (value, decimals) => withMinus(`${value < 0 ? "" : "+"}${value.toFixed(decimals)}`);

const naturalCells = (found) => {
  if (!found) return [["–", ""], ["–", ""]];
  const decimals = decimalsOf(found.error);
  return [[signed(found.effect, decimals), found.effect], [found.error.toFixed(decimals), found.error]];
};

const strongestRow = (data, i) => {
  const { id, effect, other, chrom, pos } = variantOf(data.variant[i]);
  const neglog10p = data.neglog10p[i];
  const { beta = data.beta[i], se, eaf, n, gene } = data.strongest.get(i) ?? {};
  const words = [[id, id], [gene ?? "–", gene ?? ""], [chrom, chrom]];
  const alleles = [[effect, effect], [other, other]];
  const cell = ([text, key]) => make("td", { "data-key": key }, text);
  const number = (text, key) => make("td", { "data-key": key, class: "number" }, text);
  const known = (value, text) => value == null ? number("–", "") : number(text(value), value);
  return make("tr", {}, ...words.map(cell), number(withCommas(pos), pos), ...alleles.map(cell),
    known(eaf, (value) => value.toFixed(3)),
    number(withMinus(data.beta[i].toFixed(3)), beta), known(se, (value) => value.toFixed(3)),
    number(neglog10p.toFixed(2), neglog10p), known(n, withCommas),
    ...data.effects.size ? naturalCells(data.effects.get(i)).map(([text, key]) => number(text, key)) : []);
};

const fillStrongest = (data, unit) => {
  for (const heading of byId("table-strongest").querySelectorAll("th.natural")) {
    heading.hidden = data.effects.size === 0;
    heading.querySelector(".unit").textContent = unit ?? "";
  }
  const order = [...data.neglog10p.keys()].sort((a, b) => data.neglog10p[b] - data.neglog10p[a]);
  fillEffect(data, unit, order.find((i) => data.effects.has(i)) ?? order[0]);
  const rows = order.slice(0, index.strongest).map((i) => strongestRow(data, i));
  byId("table-strongest").tBodies[0].replaceChildren(...rows);
};

// The effect of the strongest hit, i its point, in the trait's unit or else in that of beta; nothing if i is
// no hit
const fillEffect = (data, unit, i) => {
  const paragraph = byId("trait-effect");
  const natural = data.effects.get(i), { beta, se, gene } = data.strongest.get(i) ?? {};
  paragraph.hidden = i === undefined || (!natural && (se == null || data.neglog10p[i] <= index.threshold));
  if (paragraph.hidden) return;
  const effect = natural ? natural.effect : beta, error = natural ? natural.error : se;
  const { id, effect: allele } = variantOf(data.variant[i]), decimals = decimalsOf(error);
  const words = [signed(effect, decimals), natural ? unit : index.beta_unit];
  const size = `${words.filter((word) => word).join(" ")} (SE ${error.toFixed(decimals)})`;
  const place = gene ? ` (nearest gene ${gene})` : "";
  paragraph.textContent = `Strongest hit: ${allele} allele of ${id}${place}, ${size} per copy.`;
};

const fillFacts = (trait) => {
  const best = trait.best == null ? "not known" : trait.best.toFixed(2);
  const facts = [
    `${withCommas(trait.n ?? 0)} participants, ${withCommas(trait.tests ?? 0)} tests, λ ${lambdaOf(trait)}`,
    `strongest −log10 p ${best}, threshold ${index.threshold.toFixed(2)} (${index.threshold_kind})`,
    `${withCommas(trait.significant ?? 0)} significant variants`,
  ];
  if (trait.odd_even != null) {
    facts.push(`correlation between odd and even beats ${trait.odd_even.toFixed(2)}`);
  }
  if (trait.visits) {
    const [icc, low, high] = trait.visits.map((value) => value.toFixed(2));
    const visitors = `${withCommas(trait.visits[3])} participants`;
    facts.push(`ICC between two visits of ${visitors} ${icc} (${low} to ${high})`);
  }
  if (trait.h2) {
    const [heritability, error] = trait.h2.map((value) => value.toFixed(2));
    facts.push(`heritability ${heritability} (standard error ${error})`);
  }
  const nodes = [facts.join("; ").replaceAll(" -", " −")];
  const links = trait.loci.flatMap((locus, i) => {
    const address = byId(`locus-${locus}`) ? `#locus-${locus}` : "#loci";
    return [i === 0 ? "; loci " : ", ", make("a", { href: address }, locus)];
  });
  byId("trait-facts").replaceChildren(...nodes, ...links, ".");
};

const fillMeaning = async (trait) => {
  const parent = byId("trait-meaning"), figure = index.figures[trait.meaning];
  if (!figure) {
    const text = trait.measured ? `Measured: ${trait.measured}.`
      : "Its representation cannot be decoded: there is no figure of what it represents.";
    parent.replaceChildren(make("p", trait.measured ? {} : { class: "note" }, text));
    return;
  }
  const [title, caption] = figure;
  const drawing = make("div", { class: "picture", tabindex: "0", role: "group", "aria-label": title });
  drawing.innerHTML = await unpackText(`picture-${trait.meaning}`);
  const button = make("button", { type: "button", class: "plain" }, "SVG");
  button.addEventListener("click", () =>
    save(standalone(drawing.querySelector("svg")), "image/svg+xml", `${trait.meaning}.svg`));
  parent.replaceChildren(make("figure", { class: "wide", id: `figure-${trait.meaning}` }, drawing,
    make("figcaption", {}, make("strong", {}, title), ` ${caption} `, button)));
  preparePicture(drawing);
};

let shown = null; // the trait on the page: { trait, data, ringed }; ringed: number of a point, -1: none
let manhattanPicture = null, qqPicture = null;

const effectWords = (i) => {
  const { data, trait } = shown, { effect, other } = variantOf(data.variant[i]), found = data.effects.get(i);
  const beta = withMinus(data.beta[i].toFixed(3));
  if (!found) return `beta ${beta} ${index.effect_unit} ${effect} (other ${other})`;
  const decimals = decimalsOf(found.error);
  const size = `${signed(found.effect, decimals)} ${trait.unit} (SE ${found.error.toFixed(decimals)})`;
  return `${size} per copy of ${effect} (other ${other})`;
};

const pointWords = (i) => {
  const { data, trait } = shown, described = variantOf(data.variant[i]);
  if (described === null) return "";
  const { id, chrom, pos } = described, gene = geneOf(data.variant[i]), neglog10p = data.neglog10p[i];
  return [
    `${id}, ${chrom}:${withCommas(pos)}`,
    ...gene ? [`nearest gene ${gene}`] : [],
    `p ${pWords(neglog10p)} (−log10 p ${neglog10p.toFixed(2)})`,
    effectWords(i),
    ...trait.n ? [`n ${withCommas(trait.n)}`] : [],
  ].join("\n");
};

const manhattanPlot = (panel, places) => {
  const { neglog10p, variant } = shown.data;
  const points = {
    panel: 0, x: places, y: neglog10p, words: pointWords,
    link: (i) => locusOf(variant[i]) ? `#locus-${locusOf(variant[i])}` : "",
    byKeys: [...neglog10p.keys()].filter((i) => neglog10p[i] > index.threshold),
  };
  return { axis: "genome", zoomed: [0], panels: [panel], points: [points], curves: [], details: {} };
};

const qqPlot = (panel) => {
  const { expected, observed } = shown.data.curve;
  const words = (i) => [
    `expected −log10 p ${expected[i].toFixed(2)}`,
    `observed ${observed[i].toFixed(2)}, p ${pWords(observed[i])}`,
  ].join("\n");
  const points = { panel: 0, x: expected, y: observed, words, link: () => "", byKeys: [...expected.keys()] };
  return { axis: "value", zoomed: [], panels: [panel], points: [points], curves: [], details: {} };
};

// A ring and its id at the point that was searched for
const drawRing = (panel, places, range) => {
  const { data, ringed } = shown, [low, high] = range ?? panel.x;
  if (ringed < 0 || places[ringed] < low || places[ringed] > high) return;
  const x = panel.left + (places[ringed] - low) / (high - low) * panel.width;
  const y = panel.top + (panel.y[1] - data.neglog10p[ringed]) / (panel.y[1] - panel.y[0]) * panel.height;
  const place = `cx="${rounded(x)}" cy="${rounded(y)}" r="8"`;
  const ring = `<circle ${place} fill="none" stroke="var(--ink)" stroke-width="2"/>`;
  const label = textAt(x, y - 12, variantOf(data.variant[ringed]).id, MIDDLE);
  byId("trait-manhattan").querySelector("svg").insertAdjacentHTML("beforeend", ring + label);
};

// Draws the Manhattan plot for a range of the genome and gives its panels.
const drawManhattan = (range) => {
  const { svg, panel, places, hits } = manhattan(shown.data, shown.trait.name, range);
  byId("trait-manhattan").innerHTML = svg;
  drawRing(panel, places, range);
  Object.assign(shown, { places, hits });
  return [panel];
};

const drawTrait = () => {
  const { data, trait } = shown;
  const [panel] = drawManhattan(null);
  manhattanPicture.set(manhattanPlot(panel, shown.places));
  const limit = index.threshold.toFixed(2);
  const words = [`${withCommas(shown.hits)} variants beyond −log10 p ${limit} (dashed).`];
  if (index.background) {
    const grey = "grey is darker where a chromosome has more of them";
    words.push(`Tests below ${index.floor} were counted, not kept: ${grey}.`);
  }
  if (data.pixels.length) {
    const from = index.points_from;
    words.push(`Between ${index.floor} and ${from} tests are pixels; from there on each is a point.`);
  }
  byId("trait-manhattan-words").textContent = words.join(" ");
  const curve = qq(data, trait);
  byId("trait-qq").innerHTML = curve?.svg ?? "";
  if (curve) qqPicture.set(qqPlot(curve.panel));
  byId("trait-qq-words").textContent =
    curve ? "Grey is the 95 % band for independent tests." : "There are no tests to draw.";
};

const redrawTrait = () => {
  if (shown && document.body.dataset.level === "trait") drawTrait();
};

// Rings the variant with this key.
const ringVariant = (key) => {
  const i = shown.data.variant.findIndex((variant) => variantKey(variant) === key);
  if (i < 0) return;
  shown.ringed = i;
  drawRing(manhattanPicture.plot.panels[0], shown.places, null);
};

const linkNeighbours = (k) => {
  const neighbours = { "trait-before": index.traits[k - 1], "trait-after": index.traits[k + 1] };
  for (const [id, neighbour] of Object.entries(neighbours)) {
    byId(id).href = neighbour ? `#trait-${encodeURIComponent(neighbour.name)}` : "#traits";
  }
};

// k: the trait's number; key: of a variant to ring, or undefined
const showTrait = async (k, key) => {
  const trait = index.traits[k];
  byId("h-trait").textContent = trait.name;
  linkNeighbours(k);
  if (!canUnpack) {
    byId("trait-facts").textContent = "This browser is too old to unpack the plots of traits; "
      + "those of the strongest are in the folder figures.";
    return;
  }
  const data = await loadTrait(k);
  shown = { data, trait, ringed: -1 };
  byId("trait-effect").hidden = true;
  fillFacts(trait);
  drawTrait();
  document.body.dataset.drawn = trait.name;
  await Promise.all([fillMeaning(trait), loadVariantNames(), loadGenes()]);
  if (shown.trait !== trait) return;
  fillStrongest(data, trait.unit);
  if (key) ringVariant(key);
};

const prepareTrait = () => {
  manhattanPicture = new Picture(byId("trait-manhattan"), { zooms: true, redraw: drawManhattan });
  qqPicture = new Picture(byId("trait-qq"), {});
  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(redrawTrait, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawTrait);
};

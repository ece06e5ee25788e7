// The page of a trait, drawn when it is opened: Manhattan and QQ plots, facts, strongest variants, meaning.
// Gives: showTrait, redrawTrait, prepareTrait
// Uses: make, byId, colour, save, standalone, showTip (elements); index, canUnpack, unpackText,
//   loadVariantNames, loadTrait, variantOf, variantKey (data)
const rounded = (value) => Math.round(value * 10) / 10;
const withCommas = (value) => value.toLocaleString("en");
const withMinus = (text) => text.replace("-", "−");

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => String(text).replace(/[&<>"]/g, (character) => ENTITIES[character]);

const textAt = (x, y, text, attributes = "") => {
  const place = `x="${rounded(x)}" y="${rounded(y)}"`;
  return `<text ${place} font-size="11" fill="var(--muted)" ${attributes}>${escaped(text)}</text>`;
};
const line = (x1, y1, x2, y2, variable, attributes = "") => {
  const path = `M${rounded(x1)} ${rounded(y1)}L${rounded(x2)} ${rounded(y2)}`;
  return `<path d="${path}" stroke="var(${variable})" fill="none" ${attributes}/>`;
};
const MIDDLE = 'text-anchor="middle"', END = 'text-anchor="end"';

const svgOf = (width, height, label, parts) => {
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(label)}">`;
  return `${head}${parts.join("")}</svg>`;
};

// About `about` round values from low to high.
const ticks = (low, high, about) => {
  const power = 10 ** Math.floor(Math.log10((high - low) / about || 1));
  const step = [1, 2, 5, 10].map((m) => m * power).find((size) => size >= (high - low) / about * 0.999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  const value = (_, i) => Number(((first + i) * step).toPrecision(12));
  return Array.from({ length: Math.max(last - first + 1, 0) }, value);
};

const lambdaOf = (trait) => trait.lambda_gc == null ? "not known" : trait.lambda_gc.toFixed(3);

// Coordinates of the points.
const pointsOf = (data, box) => {
  const starts = index.genome.map((chromosome) => chromosome[1]);
  return {
    x: Float32Array.from(data.pos, (pos, i) => box.x(starts[data.chrom[i]] + pos)),
    y: Float32Array.from(data.neglog10p, (value) => box.y(value)),
  };
};

// Tests below what the scan kept: a rectangle per chromosome and bin, darker where there are more.
const drawCounts = (pen, data, box) => {
  if (!index.background || data.background.length === 0) return;
  const { chroms, edges } = index.background;
  const bins = edges.length - 1;
  const highest = Math.log1p(data.background.reduce((a, b) => Math.max(a, b), 0));
  pen.fillStyle = colour("--muted");
  index.genome.forEach(([chrom, , left, width]) => {
    const row = chroms.indexOf(chrom);
    if (row < 0) return;
    for (let bin = 0; bin < bins; bin++) {
      const top = box.y(edges[bin + 1]);
      pen.globalAlpha = 0.5 * Math.log1p(data.background[row * bins + bin]) / (highest || 1);
      pen.fillRect(box.x(left), top, box.x(left + width) - box.x(left), box.y(edges[bin]) - top);
    }
  });
  pen.globalAlpha = 1;
};

// Weaker tests where there are too many for points: one bit per pixel.
const drawPixels = (pen, data, box) => {
  const rows = data.pixels.length * 8 / index.columns;
  const width = box.width / index.columns;
  pen.fillStyle = colour("--blue");
  for (let row = 0; row < rows; row++) {
    const top = box.y(index.floor + (row + 1) * index.pixel);
    const height = Math.max(box.y(index.floor + row * index.pixel) - top, 1);
    for (let column = 0; column < index.columns; column++) {
      const bit = row * index.columns + column;
      const isSet = data.pixels[bit >> 3] >> (bit & 7) & 1;
      if (isSet) pen.fillRect(box.left + column * width, top, Math.max(width, 1), height);
    }
  }
};

const drawBelowThreshold = (canvas, data, box, points) => {
  const scale = Math.min(devicePixelRatio || 1, 2);
  canvas.width = box.width * scale;
  canvas.height = box.height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.translate(-box.left, -box.top);
  drawCounts(pen, data, box);
  drawPixels(pen, data, box);
  const colours = [colour("--blue"), colour("--muted")];
  for (let i = 0; i < points.x.length; i++) {
    if (data.neglog10p[i] > index.threshold) continue;
    pen.fillStyle = colours[data.chrom[i] % 2];
    pen.fillRect(points.x[i] - 1.1, points.y[i] - 1.1, 2.2, 2.2);
  }
};

const manhattanAxes = (box, height) => {
  const right = box.left + box.width, base = box.top + box.height, middle = box.top + box.height / 2;
  const parts = [];
  index.genome.forEach(([chrom, , left, width]) => {
    const fits = box.x(width) - box.x(0) > 8 * chrom.length;
    if (fits) parts.push(textAt(box.x(left + width / 2), height - 34, chrom, MIDDLE));
  });
  const limit = box.y(index.threshold);
  parts.push(line(box.left, limit, right, limit, "--ink", 'stroke-dasharray="5 4"'));
  parts.push(line(box.left, base, right, base, "--muted"));
  parts.push(textAt(box.left + box.width / 2, height - 12, "chromosome", MIDDLE));
  parts.push(textAt(14, middle, "−log10 p", `${MIDDLE} transform="rotate(-90 14 ${middle})"`));
  return parts;
};

const manhattan = (data, name) => {
  const width = Math.max(byId("trait-manhattan").clientWidth, 640), height = 320;
  const bottom = index.background || index.floor === 0 ? 0 : index.floor;
  const top = 1.06 * data.neglog10p.reduce((a, b) => Math.max(a, b), index.threshold);
  const box = { left: 50, top: 12, width: width - 62, height: height - 62 };
  box.x = (place) => box.left + place / index.end * box.width;
  box.y = (value) => box.top + (top - value) / (top - bottom) * box.height;
  const points = pointsOf(data, box), canvas = document.createElement("canvas");
  drawBelowThreshold(canvas, data, box, points);
  const grid = ticks(bottom, top, 5).flatMap((tick) => [
    line(box.left, box.y(tick), box.left + box.width, box.y(tick), "--grid"),
    textAt(box.left - 7, box.y(tick) + 4, tick, END),
  ]);
  const hits = [];
  for (let i = 0; i < points.x.length; i++) {
    if (data.neglog10p[i] > index.threshold) hits.push(`M${rounded(points.x[i])} ${rounded(points.y[i])}h0`);
  }
  const size = `x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"`;
  const stroke = 'stroke="var(--vermilion)" stroke-width="5" stroke-linecap="round" fill="none"';
  const parts = [
    ...grid,
    `<image ${size} href="${canvas.toDataURL()}"/>`,
    `<path d="${hits.join("")}" ${stroke}/>`,
    ...manhattanAxes(box, height),
  ];
  const label = `Manhattan plot of ${name}: ${hits.length} variants beyond the threshold`;
  return { svg: svgOf(width, height, label, parts), points, hits: hits.length };
};

// null where there is no curve
const qq = (data, trait) => {
  const { expected, observed, low, high } = data.curve, size = 260;
  if (expected.length === 0) return null;
  const end = expected[expected.length - 1] * 1.03 || 1, top = Math.max(end, ...observed, ...high) * 1.05;
  const x = (value) => 44 + value / end * (size - 56), y = (value) => 12 + (top - value) / top * (size - 62);
  const corner = (value, i) => `${rounded(x(expected[i]))},${rounded(y(value))}`;
  const band = [...Array.from(low, corner), ...Array.from(high, corner).reverse()].join(" ");
  const stroke = 'stroke="var(--blue)" stroke-width="4.5" stroke-linecap="round" fill="none"';
  const dot = (value, i) => `M${rounded(x(expected[i]))} ${rounded(y(value))}h0`;
  const parts = [
    ...ticks(0, top, 5).flatMap((tick) => [
      line(44, y(tick), size - 12, y(tick), "--grid"), textAt(38, y(tick) + 4, tick, END)]),
    `<polygon points="${band}" fill="var(--muted)" fill-opacity="0.25"/>`,
    line(x(0), y(0), x(end), y(end), "--muted"),
    `<path d="${Array.from(observed, dot).join("")}" ${stroke}/>`,
    ...ticks(0, end, 4).map((tick) => textAt(x(tick), size - 34, tick, MIDDLE)),
    textAt(size / 2 + 16, size - 12, "expected −log10 p", MIDDLE),
    textAt(52, 28, `λ = ${lambdaOf(trait)}`),
  ];
  return svgOf(size, size, `QQ plot of ${trait.name}, λ ${lambdaOf(trait)}`, parts);
};

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
  const beta = data.beta[i], neglog10p = data.neglog10p[i];
  const { se, eaf, n, gene } = data.strongest.get(i) ?? {};
  const words = [[id, id], [gene ?? "–", gene ?? ""], [chrom, chrom]];
  const alleles = [[effect, effect], [other, other]];
  const cell = ([text, key]) => make("td", { "data-key": key }, text);
  const number = (text, key) => make("td", { "data-key": key, class: "number" }, text);
  const known = (value, text) => value == null ? number("–", "") : number(text(value), value);
  return make("tr", {}, ...words.map(cell), number(withCommas(pos), pos), ...alleles.map(cell),
    known(eaf, (value) => value.toFixed(3)), number(withMinus(beta.toFixed(3)), beta),
    known(se, (value) => value.toFixed(3)), number(neglog10p.toFixed(2), neglog10p), known(n, withCommas),
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
  const natural = data.effects.get(i), { se, gene } = data.strongest.get(i) ?? {};
  paragraph.hidden = i === undefined || (!natural && (se == null || data.neglog10p[i] <= index.threshold));
  if (paragraph.hidden) return;
  const effect = natural ? natural.effect : data.beta[i], error = natural ? natural.error : se;
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
  parent.replaceChildren(make("figure", { class: "wide" }, drawing,
    make("figcaption", {}, make("strong", {}, title), ` ${caption} `, button)));
};

let shown = null; // the trait on the page: { trait, data, points }
const drawTrait = () => {
  const { data, trait } = shown;
  const { svg, points, hits } = manhattan(data, trait.name);
  shown.points = points;
  byId("trait-manhattan").innerHTML = svg;
  const words = [`${withCommas(hits)} variants beyond −log10 p ${index.threshold.toFixed(2)} (dashed).`];
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
  byId("trait-qq").innerHTML = curve ?? "";
  byId("trait-qq-words").textContent =
    curve ? "Grey is the 95 % band for independent tests." : "There are no tests to draw.";
};

const redrawTrait = () => {
  if (shown && document.body.dataset.level === "trait") drawTrait();
};

// A ring and its id at the variant with this key.
const ringVariant = (key) => {
  const { data, points } = shown;
  const i = data.variant.findIndex((variant) => variantKey(variant) === key);
  if (i < 0) return;
  const x = points.x[i], y = points.y[i];
  const place = `cx="${rounded(x)}" cy="${rounded(y)}" r="8"`;
  const ring = `<circle ${place} fill="none" stroke="var(--ink)" stroke-width="2"/>`;
  const label = textAt(x, y - 12, variantOf(data.variant[i]).id, MIDDLE);
  byId("trait-manhattan").querySelector("svg").insertAdjacentHTML("beforeend", ring + label);
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
  shown = { data, trait };
  byId("trait-effect").hidden = true;
  fillFacts(trait);
  drawTrait();
  document.body.dataset.drawn = trait.name;
  await Promise.all([fillMeaning(trait), loadVariantNames()]);
  if (shown.trait !== trait) return;
  fillStrongest(data, trait.unit);
  if (key) ringVariant(key);
};

// Index of the point next to the pointer, within ten pixels; -1: none
const nearestPoint = (event) => {
  const svg = byId("trait-manhattan").querySelector("svg"), frame = svg.getBoundingClientRect();
  const zoom = svg.viewBox.baseVal.width / frame.width;
  const x = (event.clientX - frame.left) * zoom, y = (event.clientY - frame.top) * zoom;
  let nearest = -1, least = 100;
  for (let i = 0; i < shown.points.x.length; i++) {
    const squared = (shown.points.x[i] - x) ** 2 + (shown.points.y[i] - y) ** 2;
    if (squared < least) {
      least = squared;
      nearest = i;
    }
  }
  return nearest;
};

const describePoint = (i) => {
  const { variant, neglog10p, beta } = shown.data;
  const described = variantOf(variant[i]);
  if (described === null) return "";
  const { id, effect, other, chrom, pos } = described;
  return `${id} (${chrom}:${withCommas(pos)}), −log10 p ${neglog10p[i].toFixed(2)}, `
    + `beta ${beta[i].toFixed(3)} ${index.effect_unit} ${effect} (other ${other})`;
};

const prepareTrait = () => {
  const plot = byId("trait-manhattan");
  plot.addEventListener("pointermove", (event) => {
    const i = shown ? nearestPoint(event) : -1;
    showTip(i < 0 ? "" : describePoint(i), event);
  });
  plot.addEventListener("pointerleave", (event) => showTip("", event));
  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(redrawTrait, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawTrait);
};


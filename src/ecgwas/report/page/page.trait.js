// A trait, drawn when it is asked for from the packed blocks at the end of the page (see embedded.py for their layout).
const index = JSON.parse(byId("index").textContent);
const traitNumber = new Map(index.traits.map((trait, k) => [trait.name, k]));
const searchable = [...index.find, ...index.traits.map(({ name }) => [name, "trait", `#trait-${encodeURIComponent(name)}`])];

const fromBase64 = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const plain = atob(text), bytes = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i);
  return bytes;
};

const unpack = async (name) => {
  const stream = new Blob([fromBase64(byId(`block-${name}`).textContent)]).stream();
  return new Uint8Array(await new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
};

const once = (work) => {
  let promise = null;
  return () => (promise ??= work());
};

class Reader {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }
  take(count, Kind) { // four-byte numbers, byte planes apart
    const raw = new Uint8Array(4 * count);
    for (let plane = 0; plane < 4; plane++) {
      const from = this.at + plane * count;
      for (let i = 0; i < count; i++) raw[4 * i + plane] = this.bytes[from + i];
    }
    this.at += 4 * count;
    return new Kind(raw.buffer);
  }
  plain(count) { const found = new Uint32Array(this.bytes.slice(this.at, this.at + 4 * count).buffer); this.at += 4 * count; return found; }
}

const variantPlaces = once(async () => {
  const reader = new Reader(await unpack("variant-places"));
  const chrom = reader.take(index.variants, Uint32Array), pos = reader.take(index.variants, Uint32Array);
  for (let i = 1; i < pos.length; i++) pos[i] += pos[i - 1]; // wraps as it did when it was packed
  return { chrom, pos, best: reader.take(index.variants, Uint32Array) };
});

let names = null; // lines "variant<tab>effect allele<tab>other allele"
const variantNames = once(async () => {
  await variantPlaces().then((places) => { variantPlaces.done = places; });
  const text = new TextDecoder().decode(await unpack("variant-names"));
  names = text === "" ? [] : text.split("\n");
});

// chrom:pos:effect allele:other allele of a variant, which tells it from all others; names may be missing or stand twice
const keyOf = (places, variant) => {
  const [, effect, other] = names[variant].split("\t");
  return `${index.genome[places.chrom[variant]][0]}:${places.pos[variant]}:${effect}:${other}`;
};

const variantsFitting = (words, most) => {
  const found = [];
  if (names === null || words.length < 3) return found;
  for (let i = 0; i < names.length && found.length < most; i++) {
    if (!names[i].toLowerCase().includes(words)) continue;
    const id = names[i].split("\t")[0];
    if (!id.toLowerCase().includes(words)) continue;
    const places = variantPlaces.done, trait = index.traits[places.best[i]].name;
    const at = `${index.genome[places.chrom[i]][0]}:${places.pos[i].toLocaleString("en")}`;
    found.push([id, `variant at ${at}, strongest in ${trait}`, `#trait-${encodeURIComponent(`${trait}@${keyOf(places, i)}`)}`]);
  }
  return found;
};

const loadTrait = async (k) => {
  const [bytes, places] = await Promise.all([unpack(`trait-${k}`), variantPlaces()]);
  const reader = new Reader(bytes);
  const [points, curve, counts, pixels] = reader.plain(4);
  const number = reader.take(points, Uint32Array);
  for (let i = 1; i < points; i++) number[i] += number[i - 1];
  const neglog10p = reader.take(points, Float32Array), beta = reader.take(points, Float32Array);
  const [expected, observed, low, high] = [0, 1, 2, 3].map(() => reader.take(curve, Float32Array));
  const counted = reader.take(counts, Uint32Array);
  return { places, number, neglog10p, beta, curve: { expected, observed, low, high }, counted,
    pixels: bytes.subarray(reader.at, reader.at + pixels) };
};

const rounded = (value) => Math.round(value * 10) / 10;
const escaped = (words) => String(words).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const words = (x, y, text, more = "") => `<text x="${rounded(x)}" y="${rounded(y)}" font-size="11" fill="var(--muted)" ${more}>${escaped(text)}</text>`;
const line = (x1, y1, x2, y2, stroke, more = "") => `<path d="M${rounded(x1)} ${rounded(y1)}L${rounded(x2)} ${rounded(y2)}" stroke="var(${stroke})" fill="none" ${more}/>`;

const ticks = (low, high, about) => {
  const power = 10 ** Math.floor(Math.log10((high - low) / about || 1));
  const size = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= (high - low) / about * 0.999);
  const found = [];
  for (let i = Math.ceil(low / size - 1e-9); i <= Math.floor(high / size + 1e-9); i++) found.push(Number((i * size).toPrecision(12)));
  return found;
};

const svgOf = (width, height, label, parts) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">${parts.join("")}</svg>`;

const placed = (data, box) => { // coordinates of the real points
  const starts = index.genome.map((part) => part[1]);
  const x = new Float32Array(data.number.length), y = new Float32Array(data.number.length);
  for (let i = 0; i < x.length; i++) {
    const variant = data.number[i];
    x[i] = box.x(starts[data.places.chrom[variant]] + data.places.pos[variant]);
    y[i] = box.y(data.neglog10p[i]);
  }
  return { x, y };
};

const drawBackground = (canvas, data, box, points) => {
  const sharp = Math.min(devicePixelRatio || 1, 2);
  canvas.width = box.width * sharp; canvas.height = box.height * sharp;
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  pen.translate(-box.left, -box.top);
  drawCounted(pen, data, box);
  drawPixels(pen, data, box);
  const inks = [colour("--blue"), colour("--muted")];
  for (let i = 0; i < points.x.length; i++) {
    if (data.neglog10p[i] > index.threshold) continue;
    pen.fillStyle = inks[data.places.chrom[data.number[i]] % 2];
    pen.fillRect(points.x[i] - 1.1, points.y[i] - 1.1, 2.2, 2.2);
  }
};

const drawCounted = (pen, data, box) => {
  if (!index.counted || data.counted.length === 0) return;
  const { chroms, edges } = index.counted;
  const most = Math.log1p(data.counted.reduce((a, b) => Math.max(a, b), 0));
  pen.fillStyle = colour("--muted");
  index.genome.forEach(([chrom, , left, width]) => {
    const c = chroms.indexOf(chrom);
    for (let h = 0; c >= 0 && h < edges.length - 1; h++) {
      pen.globalAlpha = 0.5 * Math.log1p(data.counted[c * (edges.length - 1) + h]) / (most || 1);
      pen.fillRect(box.x(left), box.y(edges[h + 1]), box.x(left + width) - box.x(left), box.y(edges[h]) - box.y(edges[h + 1]));
    }
  });
  pen.globalAlpha = 1;
};

const drawPixels = (pen, data, box) => {
  const rows = data.pixels.length * 8 / index.columns;
  const wide = box.width / index.columns;
  pen.fillStyle = colour("--blue");
  for (let row = 0; row < rows; row++) {
    const top = box.y(index.floor + (row + 1) * index.pixel), high = Math.max(box.y(index.floor + row * index.pixel) - top, 1);
    for (let column = 0; column < index.columns; column++) {
      const bit = row * index.columns + column;
      if (data.pixels[bit >> 3] >> (bit & 7) & 1) pen.fillRect(box.left + column * wide, top, Math.max(wide, 1), high);
    }
  }
};

const manhattan = (data, name) => {
  const width = Math.max(byId("trait-manhattan").clientWidth, 640), height = 320;
  const bottom = index.counted || index.floor === 0 ? 0 : index.floor;
  let top = index.threshold;
  for (const value of data.neglog10p) if (value > top) top = value;
  top *= 1.06;
  const box = { left: 50, top: 12, width: width - 62, height: height - 62 };
  box.x = (place) => box.left + place / index.end * box.width;
  box.y = (value) => box.top + (top - value) / (top - bottom) * box.height;
  const points = placed(data, box), canvas = document.createElement("canvas");
  drawBackground(canvas, data, box, points);
  const parts = ticks(bottom, top, 5).flatMap((tick) => [
    line(box.left, box.y(tick), box.left + box.width, box.y(tick), "--grid"),
    words(box.left - 7, box.y(tick) + 4, tick, 'text-anchor="end"')]);
  parts.push(`<image x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}" href="${canvas.toDataURL()}"/>`);
  const hits = [];
  for (let i = 0; i < points.x.length; i++) {
    if (data.neglog10p[i] > index.threshold) hits.push(`M${rounded(points.x[i])} ${rounded(points.y[i])}h0`);
  }
  parts.push(`<path d="${hits.join("")}" stroke="var(--vermilion)" stroke-width="5" stroke-linecap="round" fill="none"/>`);
  index.genome.forEach(([chrom, , left, wide]) => {
    if (box.x(wide) - box.x(0) > 8 * chrom.length) parts.push(words(box.x(left + wide / 2), height - 34, chrom, 'text-anchor="middle"'));
  });
  const at = box.y(index.threshold);
  parts.push(line(box.left, at, box.left + box.width, at, "--ink", 'stroke-dasharray="5 4"'));
  parts.push(line(box.left, box.top + box.height, box.left + box.width, box.top + box.height, "--muted"));
  parts.push(words(box.left + box.width / 2, height - 12, "chromosome", 'text-anchor="middle"'));
  parts.push(words(14, box.top + box.height / 2, "−log10 p", `text-anchor="middle" transform="rotate(-90 14 ${box.top + box.height / 2})"`));
  return { svg: svgOf(width, height, `Manhattan plot of ${name}: ${hits.length} variants beyond the threshold`, parts), points, hits: hits.length };
};

const qq = (data, trait) => {
  const { expected, observed, low, high } = data.curve, size = 260;
  if (expected.length === 0) return null;
  const end = expected[expected.length - 1] * 1.03 || 1, top = Math.max(end, ...observed, ...high) * 1.05;
  const x = (value) => 44 + value / end * (size - 56), y = (value) => 12 + (top - value) / top * (size - 62);
  const parts = ticks(0, top, 5).flatMap((tick) => [line(44, y(tick), size - 12, y(tick), "--grid"), words(38, y(tick) + 4, tick, 'text-anchor="end"')]);
  const around = [...expected].map((e, i) => `${rounded(x(e))},${rounded(y(low[i]))}`)
    .concat([...expected].map((e, i) => `${rounded(x(e))},${rounded(y(high[i]))}`).reverse());
  parts.push(`<polygon points="${around.join(" ")}" fill="var(--muted)" fill-opacity="0.25"/>`, line(x(0), y(0), x(end), y(end), "--muted"));
  const dots = [...expected].map((e, i) => `M${rounded(x(e))} ${rounded(y(observed[i]))}h0`);
  parts.push(`<path d="${dots.join("")}" stroke="var(--blue)" stroke-width="4.5" stroke-linecap="round" fill="none"/>`);
  for (const tick of ticks(0, end, 4)) parts.push(words(x(tick), size - 34, tick, 'text-anchor="middle"'));
  parts.push(words(size / 2 + 16, size - 12, "expected −log10 p", 'text-anchor="middle"'), words(52, 28, `λ = ${lambdaOf(trait)}`));
  return svgOf(size, size, `QQ plot of ${trait.name}, λ ${lambdaOf(trait)}`, parts);
};

const lambdaOf = (trait) => trait.lambda_gc == null ? "not known" : trait.lambda_gc.toFixed(3);

const fillStrongest = (data) => {
  const order = [...data.neglog10p.keys()].sort((a, b) => data.neglog10p[b] - data.neglog10p[a]).slice(0, 25);
  byId("table-strongest").tBodies[0].replaceChildren(...order.map((i) => {
    const variant = data.number[i], [id, effect, other] = names[variant].split("\t");
    const chrom = index.genome[data.places.chrom[variant]][0], pos = data.places.pos[variant];
    const cells = [[id, id], [chrom, chrom], [pos.toLocaleString("en"), pos, 1], [effect, effect], [other, other],
      [data.beta[i].toFixed(3).replace("-", "−"), data.beta[i], 1], [data.neglog10p[i].toFixed(2), data.neglog10p[i], 1]];
    return make("tr", {}, ...cells.map(([text, key, number]) => make("td", { "data-key": key, ...(number ? { class: "number" } : {}) }, text)));
  }));
};

const linkTo = (to, text) => make("a", { href: to }, text);

const facts = (trait) => {
  const count = (value) => value.toLocaleString("en");
  const parts = [`${count(trait.n ?? 0)} people, ${count(trait.tests ?? 0)} tests, λ ${lambdaOf(trait)}; strongest −log10 p `,
    `${trait.best == null ? "not known" : trait.best.toFixed(2)}, threshold ${index.threshold.toFixed(2)} (${index.threshold_kind}); `,
    `${count(trait.significant ?? 0)} significant variants`];
  if (trait.repeat != null) parts.push(`; correlation between odd and even beats ${trait.repeat.toFixed(2)}`);
  if (trait.visits) {
    const [icc, low, high] = trait.visits.map((value) => value.toFixed(2));
    parts.push(`; ICC between two visits of ${count(trait.visits[3])} people ${icc} (${low} to ${high})`);
  }
  if (trait.h2) parts.push(`; heritability ${trait.h2[0].toFixed(2)} (standard error ${trait.h2[1].toFixed(2)})`);
  const nodes = [parts.join("").replaceAll(" -", " −")];
  if (trait.loci.length) nodes.push("; loci ", ...trait.loci.flatMap((locus, i) => [i ? ", " : "", linkTo(byId(`locus-${locus}`) ? `#locus-${locus}` : "#loci", locus)]));
  byId("trait-facts").replaceChildren(...nodes, ".");
};

const meaning = async (trait) => {
  const place = byId("trait-meaning");
  const about = index.pictures[trait.meaning];
  if (!about) {
    const instead = trait.words ? `Measured: ${trait.words}.` : "Its representation cannot be decoded: there is no picture of what it stands for.";
    place.replaceChildren(make("p", trait.words ? {} : { class: "note" }, instead));
    return;
  }
  const drawn = make("div", { class: "picture", tabindex: "0", role: "group", "aria-label": about[0] });
  drawn.innerHTML = new TextDecoder().decode(await unpack(`picture-${trait.meaning}`));
  const button = make("button", { type: "button", class: "plain" }, "SVG");
  button.addEventListener("click", () => save(standalone(drawn.querySelector("svg")), "image/svg+xml", `${trait.meaning}.svg`));
  place.replaceChildren(make("figure", { class: "wide" }, drawn,
    make("figcaption", {}, make("strong", {}, about[0]), ` ${about[1]} `, button)));
};

let shown = null; // the trait on the page
const drawTrait = () => {
  const { data, trait } = shown;
  const drawn = manhattan(data, trait.name);
  shown.points = drawn.points;
  byId("trait-manhattan").innerHTML = drawn.svg;
  const below = index.counted ? ` Tests below ${index.floor} were counted, not kept: grey is darker where a chromosome has more of them.` : "";
  const pixels = data.pixels.length ? ` Between ${index.floor} and ${index.real_from} tests are pixels; from there on each is a point.` : "";
  byId("trait-manhattan-words").textContent = `${drawn.hits.toLocaleString("en")} variants beyond −log10 p ${index.threshold.toFixed(2)} (dashed).${below}${pixels}`;
  const curve = qq(data, trait);
  byId("trait-qq").innerHTML = curve ?? "";
  byId("trait-qq-words").textContent = curve ? "Grey is the 95 % band for independent tests." : "There are no tests to draw.";
};

const showTrait = async (k, variant) => {
  const trait = index.traits[k];
  byId("h-trait").textContent = trait.name;
  for (const [id, other] of [["trait-before", k - 1], ["trait-after", k + 1]]) {
    byId(id).href = index.traits[other] ? `#trait-${encodeURIComponent(index.traits[other].name)}` : "#traits";
  }
  if (!("DecompressionStream" in window)) {
    byId("trait-facts").textContent = "This browser is too old to unpack the plots of traits; those of the strongest are in the folder figures.";
    return;
  }
  const data = await loadTrait(k);
  shown = { data, trait };
  facts(trait);
  drawTrait();
  document.body.dataset.drawn = trait.name;
  await Promise.all([meaning(trait), variantNames()]);
  if (shown.trait !== trait) return;
  fillStrongest(data);
  if (variant) markVariant(variant);
};

const markVariant = (key) => {
  const { data, points } = shown;
  const i = data.number.findIndex((number) => keyOf(data.places, number) === key);
  if (i < 0) return;
  const id = names[data.number[i]].split("\t")[0];
  const svg = byId("trait-manhattan").querySelector("svg");
  const ring = `<circle cx="${rounded(points.x[i])}" cy="${rounded(points.y[i])}" r="8" fill="none" stroke="var(--ink)" stroke-width="2"/>`;
  svg.insertAdjacentHTML("beforeend", ring + words(points.x[i], points.y[i] - 12, id, 'text-anchor="middle"'));
};

const redraw = () => { if (shown && document.body.dataset.level === "trait") drawTrait(); };

const nearestPoint = (event) => {
  const svg = byId("trait-manhattan").querySelector("svg"), frame = svg.getBoundingClientRect();
  const zoom = svg.viewBox.baseVal.width / frame.width;
  const x = (event.clientX - frame.left) * zoom, y = (event.clientY - frame.top) * zoom;
  let best = -1, least = 100;
  for (let i = 0; i < shown.points.x.length; i++) {
    const far = (shown.points.x[i] - x) ** 2 + (shown.points.y[i] - y) ** 2;
    if (far < least) { least = far; best = i; }
  }
  return best;
};

const prepareTrait = () => {
  const plot = byId("trait-manhattan");
  plot.addEventListener("pointermove", (event) => {
    const i = shown && names ? nearestPoint(event) : -1;
    if (i < 0) { showTip("", event); return; }
    const variant = shown.data.number[i], [id, effect, other] = names[variant].split("\t");
    const chrom = index.genome[shown.data.places.chrom[variant]][0], pos = shown.data.places.pos[variant].toLocaleString("en");
    showTip(`${id} (${chrom}:${pos}), −log10 p ${shown.data.neglog10p[i].toFixed(2)}, beta ${shown.data.beta[i].toFixed(3)} ${index.beta_unit} ${effect} (other ${other})`, event);
  });
  plot.addEventListener("pointerleave", (event) => showTip("", event));
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
};

document.body.classList.add("scripted");
prepareTables();
preparePictures();
prepareSearch();
prepareDress();
prepareTrait();
prepareCopy();
preparePrint();
for (const picture of document.querySelectorAll(".picture")) { prepareGrid(picture); prepareNetwork(picture); }
for (const button of document.querySelectorAll("[data-shown]")) button.addEventListener("click", () => paint(button.dataset.shown));
addEventListener("hashchange", go);
go();
// Places of the variants are unpacked while the reader looks at the study, so that the first trait opens as fast as the others.
if ("DecompressionStream" in window) (window.requestIdleCallback ?? setTimeout)(() => variantPlaces());

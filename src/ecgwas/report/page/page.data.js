// Data at the end of the page: the index, and packed blocks, unpacked on demand (their layout: embedded.py).
// Gives: index, canUnpack, traitNumber, searchEntries, unpackText, loadPositions, loadVariantNames,
//   loadGenes, geneOf, locusOf, loadTrait, variantOf, variantKey, variantsMatching
// Uses: byId
const index = JSON.parse(byId("index").textContent);
const canUnpack = "DecompressionStream" in window;
const traitNumber = new Map(index.traits.map((trait, k) => [trait.name, k]));
const searchEntries = [
  ...index.search,
  ...index.traits.map(({ name }) => [name, "trait", `#trait-${encodeURIComponent(name)}`]),
];

const fromBase64 = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
};

const unpack = async (block) => {
  const packed = new Blob([fromBase64(byId(`block-${block}`).textContent)]);
  const unpacked = packed.stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
};

const unpackText = async (block) => new TextDecoder().decode(await unpack(block));

const once = (work) => {
  let promise = null;
  return () => (promise ??= work());
};

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.position = 0;
  }

  plain(count) { // 32-bit numbers as they are
    const start = this.position;
    this.position += 4 * count;
    return new Uint32Array(this.bytes.slice(start, this.position).buffer);
  }

  planes(count, ArrayType) { // 32-bit numbers stored as byte planes: all first bytes, all second bytes, ...
    const raw = new Uint8Array(4 * count);
    for (let plane = 0; plane < 4; plane++) {
      const start = this.position + plane * count;
      for (let i = 0; i < count; i++) raw[4 * i + plane] = this.bytes[start + i];
    }
    this.position += 4 * count;
    return new ArrayType(raw.buffer);
  }

  rest(count) {
    return this.bytes.subarray(this.position, this.position + count);
  }
}

// In place: differences to values, with the same overflow as when they were packed.
const accumulate = (values) => {
  for (let i = 1; i < values.length; i++) values[i] += values[i - 1];
  return values;
};

// Of all variants: chrom (index into index.genome), pos, best (number of the strongest trait)
let positions = null;
const loadPositions = once(async () => {
  const reader = new Reader(await unpack("variant-places"));
  const [chrom, pos, best] = [0, 1, 2].map(() => reader.planes(index.variants, Uint32Array));
  positions = { chrom, pos: accumulate(pos), best };
});

let variantNames = null; // lines "variant<tab>effect allele<tab>other allele"
const loadVariantNames = once(async () => {
  await loadPositions();
  const text = await unpackText("variant-names");
  variantNames = text === "" ? [] : text.split("\n");
});

// null until the names are loaded
const variantOf = (variant) => {
  if (variantNames === null) return null;
  const [id, effect, other] = variantNames[variant].split("\t");
  return { id, effect, other, chrom: index.genome[positions.chrom[variant]][0], pos: positions.pos[variant] };
};

// Of variants with a gene or within a locus that has a page: the nearest gene ("": none), the locus (0: none)
let genesAndLoci = new Map();
const loadGenes = once(async () => {
  const { names, variants, genes, loci } = JSON.parse(await unpackText("variant-genes"));
  const numbers = accumulate(Uint32Array.from(variants));
  genesAndLoci = new Map(Array.from(numbers, (variant, i) =>
    [variant, { gene: names[genes[i]] ?? "", locus: loci[i] }]));
});
const geneOf = (variant) => genesAndLoci.get(variant)?.gene ?? "";
const locusOf = (variant) => genesAndLoci.get(variant)?.locus ?? 0;

// chrom:pos:effect allele:other allele, which is unique; ids may be missing or repeated
const variantKey = (variant) => {
  const { chrom, pos, effect, other } = variantOf(variant);
  return `${chrom}:${pos}:${effect}:${other}`;
};

// chromosome and position in a text such as 3:38592065 or chr3:38592065:C:T; null for any other text
const placeIn = (text) => {
  const found = /^(?:chr)?(\d{1,2}|x|y|mt):(\d+)(?::|$)/.exec(text);
  return found && { chrom: found[1].toUpperCase(), pos: Number(found[2]) };
};

// Search entries of at most `most` variants whose id contains the text (in lower case, three characters) or
// that lie at the position that it names.
const variantsMatching = (text, most) => {
  const entries = [];
  if (variantNames === null || text.length < 3) return entries;
  const place = placeIn(text);
  for (let i = 0; i < variantNames.length && entries.length < most; i++) {
    const there = place !== null && positions.pos[i] === place.pos;
    if (!there && !variantNames[i].toLowerCase().includes(text)) continue;
    const { id, chrom, pos } = variantOf(i);
    if (!(there && chrom === place.chrom) && !id.toLowerCase().includes(text)) continue;
    const trait = index.traits[positions.best[i]].name;
    const what = `variant at ${chrom}:${pos.toLocaleString("en")}, strongest in ${trait}`;
    entries.push([id, what, `#trait-${encodeURIComponent(`${trait}@${variantKey(i)}`)}`]);
  }
  return entries;
};

const NOT_KNOWN = -(2 ** 31 - 1); // of a beta that is not known

// Number of a point -> its effect in the trait's unit and the standard error; empty without a unit or a hit
const loadEffects = async (k) => {
  if (!byId(`block-effects-${k}`)) return new Map();
  const reader = new Reader(await unpack(`effects-${k}`));
  const [count] = reader.plain(1);
  const points = reader.planes(count, Uint32Array);
  const [effect, error] = [0, 1].map(() => reader.planes(count, Float32Array));
  return new Map(Array.from(points, (point, i) => [point, { effect: effect[i], error: error[i] }]));
};

// Number of a point -> beta, its standard error, frequency of the effect allele, participants, nearest gene
// (or null) of the strongest variants
const loadStrongest = async (k) => {
  if (!byId(`block-strongest-${k}`)) return new Map();
  const rows = JSON.parse(await unpackText(`strongest-${k}`));
  return new Map(rows.map(([point, beta, se, eaf, n, gene]) => [point, { beta, se, eaf, n, gene }]));
};

const loadTrait = async (k) => {
  const [bytes, effects, strongest] = await Promise.all(
    [unpack(`trait-${k}`), loadEffects(k), loadStrongest(k), loadPositions()]);
  const reader = new Reader(bytes);
  const [points, curvePoints, bins, pixelBytes, decimals] = reader.plain(5);
  const variant = accumulate(reader.planes(points, Uint32Array));
  const neglog10p = reader.planes(points, Float32Array), whole = reader.planes(points, Int32Array);
  const unit = 10 ** decimals;
  const beta = Float64Array.from(whole, (value) => value === NOT_KNOWN ? NaN : value / unit);
  const [expected, observed, low, high] = [0, 1, 2, 3].map(() => reader.planes(curvePoints, Float32Array));
  return {
    variant,
    chrom: variant.map((i) => positions.chrom[i]),
    pos: variant.map((i) => positions.pos[i]),
    neglog10p,
    beta,
    effects,
    strongest,
    curve: { expected, observed, low, high },
    background: reader.planes(bins, Uint32Array),
    pixels: reader.rest(pixelBytes),
  };
};


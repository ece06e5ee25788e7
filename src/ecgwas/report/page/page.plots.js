// Plots of a trait: Manhattan plot, of the whole genome or of a part, and QQ plot.
// Gives: textAt, MIDDLE, lambdaOf, manhattan, qq
// Uses: byId, colour, rounded, ticks (elements); index (data); genomeTicks (zoom)
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

const lambdaOf = (trait) => trait.lambda_gc == null ? "not known" : trait.lambda_gc.toFixed(3);

// Coordinates of the points.
const pointsOf = (data, box) => {
  const starts = index.genome.map((chromosome) => chromosome[1]);
  return {
    place: Float64Array.from(data.pos, (pos, i) => starts[data.chrom[i]] + pos),
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
  const start = box.x(0), width = (box.x(index.end) - start) / index.columns;
  pen.fillStyle = colour("--blue");
  for (let row = 0; row < rows; row++) {
    const top = box.y(index.floor + (row + 1) * index.pixel);
    const height = Math.max(box.y(index.floor + row * index.pixel) - top, 1);
    for (let column = 0; column < index.columns; column++) {
      const bit = row * index.columns + column;
      const isSet = data.pixels[bit >> 3] >> (bit & 7) & 1;
      if (isSet) pen.fillRect(start + column * width, top, Math.max(width, 1), height);
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
  for (const { at, words } of genomeTicks(box.range, Math.round(box.width / 110))) {
    parts.push(textAt(box.x(at), height - 34, words, MIDDLE));
  }
  const limit = box.y(index.threshold);
  parts.push(line(box.left, limit, right, limit, "--ink", 'stroke-dasharray="5 4"'));
  parts.push(line(box.left, base, right, base, "--muted"));
  parts.push(textAt(box.left + box.width / 2, height - 12, "chromosome", MIDDLE));
  parts.push(textAt(14, middle, "−log10 p", `${MIDDLE} transform="rotate(-90 14 ${middle})"`));
  return parts;
};

// What is drawn for a range of the genome; null: all of it
const manhattan = (data, name, range) => {
  const width = Math.max(byId("trait-manhattan").clientWidth, 640), height = 320;
  const bottom = index.background || index.floor === 0 ? 0 : index.floor;
  const top = 1.06 * data.neglog10p.reduce((a, b) => Math.max(a, b), index.threshold);
  const box = { left: 50, top: 12, width: width - 62, height: height - 62, range: range ?? [0, index.end] };
  const [low, high] = box.range;
  box.x = (place) => box.left + (place - low) / (high - low) * box.width;
  box.y = (value) => box.top + (top - value) / (top - bottom) * box.height;
  const points = pointsOf(data, box), canvas = document.createElement("canvas");
  drawBelowThreshold(canvas, data, box, points);
  const grid = ticks(bottom, top, 5).flatMap((tick) => [
    line(box.left, box.y(tick), box.left + box.width, box.y(tick), "--grid"),
    textAt(box.left - 7, box.y(tick) + 4, tick, END),
  ]);
  const beyond = [];
  let hits = 0;
  for (let i = 0; i < points.x.length; i++) {
    if (data.neglog10p[i] <= index.threshold) continue;
    hits += 1;
    if (points.x[i] < box.left - 3 || points.x[i] > box.left + box.width + 3) continue;
    beyond.push(`M${rounded(points.x[i])} ${rounded(points.y[i])}h0`);
  }
  const size = `x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"`;
  const stroke = 'stroke="var(--vermilion)" stroke-width="5" stroke-linecap="round" fill="none"';
  const parts = [
    ...grid,
    `<image ${size} href="${canvas.toDataURL()}"/>`,
    `<path d="${beyond.join("")}" ${stroke}/>`,
    ...manhattanAxes(box, height),
  ];
  const label = `Manhattan plot of ${name}: ${hits} variants beyond the threshold`;
  const panel = { ...box, x: [0, index.end], y: [bottom, top] };
  return { svg: svgOf(width, height, label, parts), panel, places: points.place, hits };
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
  const panel = { left: 44, top: 12, width: size - 56, height: size - 62, x: [0, end], y: [0, top] };
  return { svg: svgOf(size, size, `QQ plot of ${trait.name}, λ ${lambdaOf(trait)}`, parts), panel };
};


// Zoom of a picture along x: its buttons and keys; marks and ticks are moved, points drawn again.
// Gives: Zoom, genomeTicks
// Uses: make, shape, rounded, withMinus, ticks (elements); index (data); HOW_TO_ZOOM (gestures)
// Axis -> smallest range, as a share of the whole
const LEAST_SHARE = { genome: 1 / 20000, bp: 1 / 250, ms: 1 / 50, value: 1 / 50, names: 1 / 50 };
const FACTOR = 2;
const LETTER = 6; // about as wide as a letter

const chromosomeAt = (x) => index.genome.findLast(([, , left]) => left <= x) ?? index.genome[0];

const placeWords = (x, span) => {
  const [chrom, start] = chromosomeAt(x);
  return `${chrom}:${(Math.max(x - start, 0) / 1e6).toFixed(span < 2e6 ? 3 : 1)}`;
};

// Values with their words, all with as many decimals as one needs
const alike = (values) => {
  const decimals = Math.max(0, ...values.map((value) => (String(value).split(".")[1] ?? "").length));
  return values.map((value) => [value, withMinus(value.toFixed(decimals))]);
};

// Names of chromosomes or, where few are in view, positions in Mb
const genomeTicks = ([low, high], about) => {
  const part = ([chrom, start, left, width]) =>
    ({ chrom, start, first: Math.max(left, low), last: Math.min(left + width, high) });
  const inView = index.genome.map(part).filter(({ first, last }) => last > first);
  if (inView.length > 2) {
    return inView.filter(({ chrom, first, last }) => (last - first) / (high - low) > 0.01 * chrom.length)
      .map(({ chrom, first, last }) => ({ at: (first + last) / 2, words: chrom }));
  }
  return inView.flatMap(({ chrom, start, first, last }) => {
    const count = Math.max(1, Math.round(about * (last - first) / (high - low)));
    return alike(ticks(Math.max(first - start, 0) / 1e6, (last - start) / 1e6, count))
      .map(([mega, words]) => ({ at: start + mega * 1e6, words: `${chrom}:${words} Mb` }));
  });
};

// Positions are in base pairs, or already in Mb.
const megaOf = (high) => high > 1e4 ? 1e6 : 1;

// Names of stretches of x, each in the middle of what is in view of it, where there is room for it
const nameTicks = (names, [low, high], width) => names
  .map(([first, last, words]) => ({ first: Math.max(first, low), last: Math.min(last, high), words }))
  .filter(({ first, last, words }) => (last - first) / (high - low) * width >= LETTER * words.length)
  .map(({ first, last, words }) => ({ at: (first + last) / 2, words }));

const ticksAlong = ({ axis, names }, [low, high], width) => {
  const about = Math.max(2, Math.round(width / 110));
  if (axis === "names") return nameTicks(names, [low, high], width);
  if (axis === "genome") return genomeTicks([low, high], about);
  const unit = axis === "bp" ? megaOf(high) : 1;
  return alike(ticks(low / unit, high / unit, about)).map(([value, words]) => ({ at: value * unit, words }));
};

const viewWords = ({ axis, points }, [low, high]) => {
  if (axis === "names") {
    const places = points.flatMap(({ x }) => [...x]);
    return `${places.filter((x) => x >= low && x <= high).length} of ${places.length} traits`;
  }
  if (axis === "genome") return `${placeWords(low, high - low)} – ${placeWords(high, high - low)} Mb`;
  const unit = axis === "bp" ? megaOf(high) : 1;
  const decimals = axis === "ms" ? 0 : Math.max(0, 2 - Math.floor(Math.log10((high - low) / unit)));
  const [from, to] = [low, high].map((value) => withMinus((value / unit).toFixed(decimals)));
  return `${from} – ${to}${{ bp: " Mb", ms: " ms" }[axis] ?? ""}`;
};

// Shapes as they were drawn: of paths letters with their numbers, of others the attributes that hold x
const ATTRIBUTES = { circle: ["cx"], ellipse: ["cx"], text: ["x", "transform"], rect: ["x", "width"],
  image: ["x", "width"], line: ["x1", "x2"], polygon: ["points"], polyline: ["points"] };
const SMALL = 26; // polygons up to this width are symbols, which are not stretched

const NUMBER = /-?(?:\d+\.?\d*|\.\d+)/g;

// Letters with their numbers. Relative m and l become M and L, so that rounding adds no errors up.
const piecesOf = (path) => {
  let start = [0, 0], at = [0, 0];
  const absolute = (numbers) => numbers.map((step, i) => {
    at[i % 2] = Math.round((at[i % 2] + step) * 100) / 100;
    return at[i % 2];
  });
  return [...path.matchAll(/([A-Za-z])([^A-Za-z]*)/g)].map(([, letter, text]) => {
    const given = (text.match(NUMBER) ?? []).map(Number), isRelative = letter === "m" || letter === "l";
    const numbers = isRelative ? absolute(given) : given, isPlace = "mlML".includes(letter);
    if (isPlace) at = numbers.slice(-2);
    else if (letter === "h") at = [at[0] + given[0], at[1]];
    else if (letter === "z") at = [...start];
    if (letter === "m" || letter === "M") start = numbers.slice(0, 2);
    return [isRelative ? letter.toUpperCase() : letter, numbers];
  });
};

// grow: how many times wider; move: coordinate to coordinate
const movedPath = (pieces, move, grow) => pieces.map(([letter, numbers]) => {
  if (letter === "h") return `h${numbers.map((length) => rounded(length * grow)).join(" ")}`;
  if (letter === "H") return `H${numbers.map((x) => rounded(move(x))).join(" ")}`;
  if (!"MLCQST".includes(letter)) return `${letter}${numbers.join(" ")}`;
  return `${letter}${numbers.map((value, i) => i % 2 === 0 ? rounded(move(value)) : value).join(" ")}`;
}).join("");

const movedCorners = (text, move) => {
  const corners = text.trim().split(/\s+/).map((pair) => pair.split(",").map(Number));
  const places = corners.map(([x]) => x), low = Math.min(...places), high = Math.max(...places);
  const shift = move((low + high) / 2) - (low + high) / 2;
  const place = high - low <= SMALL ? (x) => x + shift : move;
  return corners.map(([x, y]) => `${rounded(place(x))},${y}`).join(" ");
};

const movedAttribute = (name, drawn, move) => {
  const text = drawn[name];
  if (name === "points") return movedCorners(text, move);
  if (name === "width") return String(rounded(move(Number(drawn.x) + Number(text)) - move(Number(drawn.x))));
  if (name !== "transform") return String(rounded(move(Number(text))));
  const turned = (_, angle, x) => `rotate(${angle} ${rounded(move(Number(x)))} `;
  return text.replace(/rotate\((\S+) (\S+) /, turned);
};

class Zoom {
  // picture: whose x is zoomed; redraw: see Picture
  constructor(picture, redraw) {
    Object.assign(this, { picture, redraw, range: null, next: null }); // next: range of the next frame
    this.drawn = new WeakMap(); // shape -> its attributes as drawn
    this.ticks = new Map(); // panel -> its ticks as drawn
    const { element } = picture;
    element.classList.add("zooms");
    const button = (words, label, answer) => {
      const made = make("button", { type: "button", "aria-label": label, title: label }, words);
      made.addEventListener("click", async () => {
        await picture.ready();
        answer();
      });
      return made;
    };
    this.all = button("Show all", "Show all", () => this.reset());
    this.all.disabled = true;
    this.view = make("span", { class: "note", role: "status" });
    const how = make("span", { class: "note how", "aria-hidden": "true" }, HOW_TO_ZOOM);
    const name = element.getAttribute("aria-label") ?? "picture";
    const closer = button("+", "Zoom in", () => this.by(1 / FACTOR));
    const farther = button("−", "Zoom out", () => this.by(FACTOR));
    const attributes = { class: "picture-tools", role: "group", "aria-label": `Zoom: ${name}` };
    element.before(make("div", attributes, closer, farther, this.all, this.view, how));
    new ResizeObserver(() => element.classList.toggle("scrolls", this.scrolls)).observe(element);
  }

  get scrolls() {
    const { scrollWidth, clientWidth } = this.picture.element;
    return scrollWidth > clientWidth + 1;
  }

  get isZoomed() {
    return this.range !== null;
  }

  // A finger on a picture that is wider than its frame scrolls it, unless it is zoomed.
  accepts(isTouch) {
    return this.picture.plot.zoomed.length > 0 && (this.isZoomed || !(isTouch && this.scrolls));
  }

  get whole() {
    const { panels, zoomed } = this.picture.plot;
    return panels[zoomed[0]].x;
  }

  // After something else was drawn
  start() {
    this.range = null;
    this.next = null;
    this.ticks.clear();
    this.tell();
  }

  // The range next to this one that is neither too narrow nor beyond the whole
  within(low, high) {
    const [first, last] = this.whole, span = Math.min(Math.max(high - low, this.least), last - first);
    const from = Math.min(Math.max((low + high - span) / 2, first), last - span);
    return [from, from + span];
  }

  get least() {
    const [first, last] = this.whole;
    return (last - first) * LEAST_SHARE[this.picture.plot.axis];
  }

  to(low, high) {
    const [first, last] = this.whole, range = this.within(low, high);
    this.next = null;
    this.range = range[1] - range[0] >= (last - first) * 0.999 ? null : range;
    this.draw();
  }

  // The same in the next frame: of many requests for one frame, the last counts.
  soon(low, high) {
    const isAsked = this.next !== null;
    this.next = this.within(low, high);
    if (!isAsked) requestAnimationFrame(() => this.next && this.to(...this.next));
  }

  // The range as it will be
  get current() {
    return this.next ?? this.range ?? this.whole;
  }

  // The zoomed panel at a place or, outside of all, one above or below it
  panelAt({ x, y }) {
    const { panels, zoomed } = this.picture.plot;
    const isAcross = (k) => x >= panels[k].left && x <= panels[k].left + panels[k].width;
    const isThere = (k) => isAcross(k) && y >= panels[k].top && y <= panels[k].top + panels[k].height;
    return panels[zoomed.find(isThere) ?? zoomed.find(isAcross) ?? zoomed[0]];
  }

  // Zooms so that what is at this place stays there.
  about(at, factor) {
    if (this.picture.plot.zoomed.length === 0) return;
    this.toHeld(this.hold(at), at, factor);
  }

  // What is at a place: its panel, value, and the range now
  hold(at) {
    const panel = this.panelAt(at), [low, high] = this.current;
    const share = Math.min(Math.max((at.x - panel.left) / panel.width, 0), 1);
    return { panel, low, high, value: low + share * (high - low) };
  }

  // Brings what was held to a place, with a range that is so many times as wide.
  toHeld({ panel, low, high, value }, at, factor) {
    const [first, last] = this.whole;
    const span = Math.min(Math.max((high - low) * factor, this.least), last - first);
    const from = value - Math.min(Math.max((at.x - panel.left) / panel.width, 0), 1) * span;
    this.soon(from, from + span);
  }

  // Moves the range by so many units of the SVG.
  shift(units) {
    if (!this.isZoomed) return;
    const [low, high] = this.current, { panels, zoomed } = this.picture.plot;
    const step = units / panels[zoomed[0]].width * (high - low);
    this.soon(low + step, high + step);
  }

  // Moves what was held along with the pointer. Gives by how many units of the SVG the whole ends too early.
  drag({ panel, low, high }, units) {
    const step = -units / panel.width * (high - low), [from] = this.within(low + step, high + step);
    this.soon(low + step, high + step);
    return (from - low - step) / (high - low) * panel.width;
  }

  by(factor) {
    if (this.picture.plot.zoomed.length === 0) return;
    const [low, high] = this.range ?? this.whole, { found } = this.picture;
    const at = found?.group ? found.group.x[found.i] : found?.value ?? (low + high) / 2;
    const middle = at >= low && at <= high ? at : (low + high) / 2;
    this.to(middle - (middle - low) * factor, middle + (high - middle) * factor);
  }

  pan(share) {
    if (this.range === null) return;
    const [low, high] = this.range;
    this.to(low + share * (high - low), high + share * (high - low));
  }

  reset() {
    this.next = null;
    if (this.range === null) return;
    this.range = null;
    this.draw();
  }

  // Moves the range so that x is in it.
  include(x) {
    if (this.range === null || (x >= this.range[0] && x <= this.range[1])) return;
    const half = (this.range[1] - this.range[0]) / 2;
    this.to(x - half, x + half);
  }

  // True if the key was one of the zoom's
  typed(event) {
    const answers = {
      "+": () => this.by(1 / FACTOR), "=": () => this.by(1 / FACTOR), "-": () => this.by(FACTOR),
      0: () => this.reset(), ArrowLeft: () => this.pan(-0.25), ArrowRight: () => this.pan(0.25),
    };
    if (!Object.hasOwn(answers, event.key)) return false;
    event.preventDefault();
    this.picture.ready().then(answers[event.key]);
    return true;
  }

  // Ends of a selection as values of x
  ends({ from, to }) {
    const { plot } = this.picture, k = plot.zoomed.find((i) => {
      const { left, width, top, height } = plot.panels[i];
      return from.x >= left && from.x <= left + width && from.y >= top && from.y <= top + height;
    });
    const { left, width } = plot.panels[k], [low, high] = this.picture.range(k);
    const value = (x) => low + Math.min(Math.max((x - left) / width, 0), 1) * (high - low);
    return [value(from.x), value(to.x)].sort((a, b) => a - b);
  }

  selection(drag) {
    const ends = this.ends(drag);
    return this.picture.plot.zoomed.map((k) => {
      const { top, height } = this.picture.plot.panels[k];
      const [x, right] = ends.map((value) => this.picture.across(k, value));
      return shape("rect", { class: "selection", x: rounded(x), y: top, width: rounded(right - x), height });
    });
  }

  toSelection(drag) {
    const [low, high] = this.ends(drag);
    this.picture.hide();
    if (high > low) this.to(low, high);
  }

  draw() {
    const { picture } = this, { found } = picture;
    picture.show(null);
    if (this.redraw) {
      picture.plot.panels = this.redraw(this.range);
    } else {
      for (const k of picture.plot.zoomed) {
        this.moveMarks(k);
        this.moveTicks(k);
      }
    }
    picture.showAgain(found);
    this.tell();
  }

  tell() {
    this.all.disabled = this.range === null;
    this.picture.element.classList.toggle("zoomed", this.isZoomed);
    this.view.textContent = this.range ? viewWords(this.picture.plot, this.range) : "";
  }

  moveMarks(k) {
    const { plot, svg } = this.picture, { left, width, x: [first, last] } = plot.panels[k];
    const [low, high] = this.picture.range(k), grow = (last - first) / (high - low);
    const move = (x) => left + (first - low) / (high - low) * width + (x - left) * grow;
    for (const element of svg.querySelectorAll(`[data-panel="${k}"] *`)) {
      if (!svg.contains(element)) continue; // of a group that was drawn again
      const group = element.closest("g[data-points]");
      if (group !== null) this.moveDots(group, element);
      else if (element.tagName === "path") this.movePath(element, move, grow);
      else this.moveShape(element, move);
    }
  }

  movePath(path, move, grow) {
    if (!this.drawn.has(path)) this.drawn.set(path, { d: path.getAttribute("d"), pieces: null });
    const drawn = this.drawn.get(path);
    if (this.range === null) {
      path.setAttribute("d", drawn.d);
    } else if (path.dataset.points !== undefined) {
      path.setAttribute("d", this.dots(this.picture.plot.points[path.dataset.points]));
    } else {
      drawn.pieces ??= piecesOf(drawn.d);
      path.setAttribute("d", movedPath(drawn.pieces, move, grow));
    }
  }

  // Many points are a group of paths; zoomed, they are one.
  moveDots(group, element) {
    if (element !== group) return;
    if (!this.drawn.has(group)) this.drawn.set(group, [...group.children]);
    const whole = this.drawn.get(group), one = whole[0].cloneNode();
    one.setAttribute("d", this.dots(this.picture.plot.points[group.dataset.points]));
    group.replaceChildren(...(this.range === null ? whole : [one]));
  }

  dots({ panel, x, y }) {
    const { left, width } = this.picture.plot.panels[panel], parts = [];
    for (let i = 0; i < x.length; i++) {
      const across = this.picture.across(panel, x[i]);
      if (across < left - 10 || across > left + width + 10) continue;
      parts.push(`M${rounded(across)} ${rounded(this.picture.up(panel, y[i]))}h0`);
    }
    return parts.join("");
  }

  moveShape(element, move) {
    const names = (ATTRIBUTES[element.tagName] ?? []).filter((name) => element.hasAttribute(name));
    if (names.length === 0) return;
    if (!this.drawn.has(element)) {
      this.drawn.set(element, Object.fromEntries(names.map((name) => [name, element.getAttribute(name)])));
    }
    const drawn = this.drawn.get(element);
    for (const name of names) {
      element.setAttribute(name, this.range === null ? drawn[name] : movedAttribute(name, drawn, move));
    }
  }

  // Ticks look like the first one that was drawn.
  moveTicks(k) {
    const { svg, plot } = this.picture, group = svg.querySelector(`[data-ticks="${k}"]`);
    if (!group) return;
    if (!this.ticks.has(k)) this.ticks.set(k, [...group.childNodes]);
    const drawn = this.ticks.get(k), last = drawn.findIndex(({ tagName }) => tagName === "text");
    if (this.range === null || last < 0) {
      group.replaceChildren(...drawn);
      return;
    }
    const made = ticksAlong(plot, this.range, plot.panels[k].width).flatMap(({ at, words }) => {
      const x = this.picture.across(k, at);
      return drawn.slice(0, last + 1).map((part) => this.tick(part.cloneNode(true), x, words));
    });
    group.replaceChildren(...made);
  }

  tick(part, x, words) {
    if (part.tagName === "text") {
      part.setAttribute("x", rounded(x));
      part.textContent = words;
    } else {
      part.setAttribute("d", part.getAttribute("d").replace(/([ML])-?[\d.]+/g, `$1${rounded(x)}`));
    }
    return part;
  }
}

// What pictures answer to pointer, keys and touch: words of the nearest point, values of curves, addresses.
// What can be pointed at is unpacked when it is first needed (layout: plots.py, meaning: plot_data.py).
// Gives: Picture, preparePicture
// Uses: make, shape, byId, showTip, rounded, withCommas, withMinus (elements); canUnpack, unpackText (data);
//   MARK, marksOf, addressOf, neighbourOf, showDetails, highlightGene (marks); Zoom (zoom);
//   prepareGestures, isSecondTap (gestures)
const NEAR = 12, NEAR_FINGER = 24; // pixels within which a point is found
const MOST_BY_KEYS = 100; // points that arrow keys go through: the strongest
const MOST_READ = 8; // curves that are read off together
const EMPTY = { axis: "value", zoomed: [], panels: [], points: [], curves: [], details: {} };

const valuesOf = ([decimals, steps]) => {
  let sum = 0;
  return Float64Array.from(steps, (step) => step === null ? NaN : (sum += step) / 10 ** decimals);
};

const unpackPlot = async (name) => {
  if (!canUnpack || !byId(`block-plot-${name}`)) return EMPTY;
  const packed = JSON.parse(await unpackText(`plot-${name}`));
  const xs = packed.xs.map(valuesOf);
  const panel = ([left, top, width, height, ...ends]) =>
    ({ left, top, width, height, x: ends.slice(0, 2), y: ends.slice(2) });
  const group = ({ words, links, keys, ...one }) => ({
    panel: one.panel, x: xs[one.x], y: valuesOf(one.y), words: (i) => words[i], link: (i) => links[i] ?? "",
    byKeys: keys ? [...words.keys()].filter((i) => words[i] !== "") : [],
  });
  const curve = (one) => ({ ...one, x: xs[one.x], y: valuesOf(one.y) });
  const panels = packed.panels.map(panel), points = packed.points.map(group);
  const curves = packed.curves.map(curve);
  return { ...packed, panels, points, curves };
};

// Points that arrow keys go through, along x
const strongestOf = ({ points }) => points
  .flatMap((group) => group.byKeys.map((i) => ({ group, i, x: group.x[i], y: group.y[i] })))
  .sort((a, b) => b.y - a.y).slice(0, MOST_BY_KEYS).sort((a, b) => a.x - b.x);

// Index of the value next to x; values ascend.
const nextTo = (values, x) => {
  let low = 0, high = values.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] > x) high = middle;
    else low = middle;
  }
  return x - values[low] <= values[high] - x ? low : high;
};

const isInside = ({ left, top, width, height }, { x, y }) =>
  x >= left && x <= left + width && y >= top && y <= top + height;

const hintOf = (address) => {
  if (address.startsWith("#locus-")) return `opens locus ${address.slice(7)}`;
  return address.startsWith("#trait-") ? "opens the trait" : "";
};

class Picture {
  // element: holds the SVG; zooms: along x. load: gives what can be pointed at; without it `set` does.
  // redraw: draws the SVG for a range of x (null: all), gives its panels; without it marks are moved.
  // status: where answers to keys are said; without it below the picture
  constructor(element, { zooms, load, redraw, status }) {
    Object.assign(this, { element, status, plot: EMPTY, marks: [], strongest: [] });
    this.load = load ?? (async () => this.plot);
    this.found = null; // what is shown: a point, a mark or a reading
    this.current = -1; // index among the strongest
    this.drag = null;
    this.isReady = false; // after `set`
    this.latest = null; // the pointer's latest move
    this.isTouch = false;
    this.isActive = false; // clicked or in focus: the wheel zooms
    this.tapped = null; // the latest tap
    this.zoom = zooms ? new Zoom(this, redraw) : null;
    const listen = (type, answer) => element.addEventListener(type, (event) => answer.call(this, event));
    listen("pointerenter", this.ready);
    listen("pointerdown", this.pressed);
    listen("pointermove", this.moved);
    listen("pointerup", this.released);
    listen("pointercancel", this.hide);
    listen("pointerleave", this.left);
    listen("click", this.clicked);
    listen("dblclick", () => this.zoom?.reset());
    listen("dragstart", (event) => event.preventDefault());
    listen("focus", this.focused);
    listen("blur", this.blurred);
    listen("keydown", this.typed);
    if (this.zoom) prepareGestures(this);
  }

  get svg() {
    return this.element.querySelector("svg");
  }

  async ready() {
    this.loading ??= this.load().then((plot) => this.set(plot));
    await this.loading;
  }

  set(plot) {
    this.plot = plot;
    this.isReady = true;
    this.marks = this.svg ? marksOf(this.svg) : [];
    this.strongest = strongestOf(plot);
    this.current = -1;
    this.found = null;
    this.zoom?.start();
    if (!this.status) {
      this.status = make("span", { class: "unseen", role: "status" });
      this.element.after(this.status);
    }
  }

  // Range of x of a panel as shown; coordinates of values
  range(k) {
    return this.zoom?.range && this.plot.zoomed.includes(k) ? this.zoom.range : this.plot.panels[k].x;
  }

  across(k, x) {
    const { left, width } = this.plot.panels[k], [low, high] = this.range(k);
    return left + (x - low) / (high - low || 1) * width;
  }

  up(k, y) {
    const { top, height, y: [low, high] } = this.plot.panels[k];
    return top + (high - y) / (high - low || 1) * height;
  }

  // Coordinates within the SVG, and how many of its units a pixel is
  place(event) {
    const { left, top, width } = this.svg.getBoundingClientRect();
    const unit = this.svg.viewBox.baseVal.width / width;
    return { x: (event.clientX - left) * unit, y: (event.clientY - top) * unit, unit };
  }

  clientPlace(x, y) {
    const { left, top, width } = this.svg.getBoundingClientRect();
    const unit = this.svg.viewBox.baseVal.width / width;
    return { clientX: left + x / unit, clientY: top + y / unit };
  }

  pointAt(at) {
    const radius = (this.isTouch ? NEAR_FINGER : NEAR) * at.unit;
    let nearest = null, least = radius ** 2;
    for (const group of this.plot.points) {
      const { left, width } = this.plot.panels[group.panel];
      for (let i = 0; i < group.x.length; i++) {
        const x = this.across(group.panel, group.x[i]);
        if (Math.abs(x - at.x) > radius || x < left - 1 || x > left + width + 1) continue;
        const squared = (x - at.x) ** 2 + (this.up(group.panel, group.y[i]) - at.y) ** 2;
        if (squared >= least || group.words(i) === "") continue;
        least = squared;
        nearest = { group, i };
      }
    }
    return nearest && this.point(nearest);
  }

  point({ group, i }) {
    const x = this.across(group.panel, group.x[i]), y = this.up(group.panel, group.y[i]);
    return { key: group.x[i], group, i, x, y, words: group.words(i), address: group.link(i) };
  }

  markAt(event) {
    const mark = event.target.closest?.(MARK);
    return mark && this.svg.contains(mark) ? this.mark(mark) : null;
  }

  mark(mark) {
    const details = this.plot.details[mark.dataset.details];
    return { key: mark, mark, words: mark.dataset.tip ?? "", address: addressOf(mark), details };
  }

  // Curves that are read off together with those of a panel: of its column, or only of panels close to it
  curvesWith(k) {
    const { panels, curves } = this.plot, { left, width } = panels[k];
    const column = [...panels.keys()].filter((i) => panels[i].left === left && panels[i].width === width);
    const inColumn = curves.filter(({ panel }) => column.includes(panel));
    if (inColumn.length <= MOST_READ) return inColumn;
    const gap = (i, j) => Math.max(panels[i].top, panels[j].top)
      - Math.min(panels[i].top + panels[i].height, panels[j].top + panels[j].height);
    const close = new Set([k]);
    for (let before = 0; before < close.size;) {
      before = close.size;
      for (const i of column) if ([...close].some((j) => gap(i, j) <= 8)) close.add(i);
    }
    return inColumn.filter(({ panel }) => close.has(panel));
  }

  readingAt(at) {
    const k = this.plot.panels.findIndex((panel) => isInside(panel, at));
    if (k < 0) return null;
    const { left, width } = this.plot.panels[k], [low, high] = this.range(k);
    return this.reading(k, low + (at.x - left) / width * (high - low));
  }

  reading(k, value) {
    const curves = this.curvesWith(k);
    if (curves.length === 0) return null;
    const x = curves[0].x[nextTo(curves[0].x, value)];
    const read = curves.map((curve) => ({ curve, y: curve.y[nextTo(curve.x, x)] }))
      .filter(({ y }) => !Number.isNaN(y));
    const said = read.map(({ curve: { name, decimals, unit }, y }) =>
      `${name}: ${withMinus(y.toFixed(decimals))} ${unit}`.trim());
    return { key: x, panel: k, value: x, read, words: [this.xWords(x), ...said].join("\n"), address: "" };
  }

  xWords(x) {
    if (this.plot.axis === "ms") return `${withMinus(String(Math.round(x)))} ms`;
    return this.plot.axis === "bp" ? withCommas(x) : withMinus(String(Number(x.toPrecision(4))));
  }

  find(event) {
    const at = this.place(event);
    return this.pointAt(at) ?? this.markAt(event) ?? this.readingAt(at);
  }

  overlay(...shapes) {
    this.svg?.querySelector(":scope > .overlay")?.remove();
    if (shapes.length) this.svg.append(shape("g", { class: "overlay" }, ...shapes));
  }

  // Shows a point, mark or reading; event: where its words appear
  show(found, event) {
    this.unmark();
    this.found = found;
    this.element.classList.toggle("opens", Boolean(found?.address || found?.details));
    if (found?.group) {
      this.overlay(shape("circle", { class: "ring", cx: rounded(found.x), cy: rounded(found.y), r: 7 }));
    } else if (found?.read) this.overlay(...this.crosshair(found));
    else this.overlay();
    found?.mark?.classList.add("current");
    if (found?.mark?.dataset.gene) highlightGene(this.svg, found.mark.dataset.gene);
    const more = found?.details ? "lists what belongs to it" : hintOf(found?.address ?? "");
    showTip([found?.words ?? "", more].filter((words) => words !== "").join("\n"), event);
  }

  unmark() {
    this.found?.mark?.classList.remove("current");
    if (this.found?.mark?.dataset.gene && this.svg) highlightGene(this.svg, null);
  }

  hide() {
    this.drag = null;
    this.show(null);
  }

  // After a zoom: what was shown, where it is now in view
  showAgain(found) {
    const x = found?.group ? found.group.x[found.i] : found?.value;
    if (x === undefined) return;
    const k = found.group?.panel ?? found.panel, [low, high] = this.range(k);
    if (x < low || x > high) return;
    const again = found.group ? this.point(found) : this.reading(k, x);
    this.show(again, this.scrolledTo(again));
  }

  crosshair({ panel, value, read }) {
    const panels = this.plot.zoomed.length ? this.plot.zoomed : [panel];
    const verticals = panels.map((k) => {
      const { top, height } = this.plot.panels[k], x = rounded(this.across(k, value));
      return shape("path", { class: "crosshair", d: `M${x} ${rounded(top)}v${rounded(height)}` });
    });
    const dots = read.map(({ curve, y }) => {
      const cx = rounded(this.across(curve.panel, value)), cy = rounded(this.up(curve.panel, y));
      return shape("circle", { class: "read", cx, cy, r: 3 });
    });
    return [...verticals, ...dots];
  }

  open(found, byKeyboard) {
    if (found?.details) showDetails(this.element, found.details, byKeyboard);
    else if (found?.address) location.hash = found.address;
  }

  // Pointer
  async pressed(event) {
    this.isTouch = event.pointerType === "touch";
    this.wasDragged = false;
    this.isActive = true;
    this.drag = null;
    if (event.button !== 0 || !event.isPrimary || !this.zoom?.accepts(this.isTouch)) return;
    const at = this.place(event);
    if (!this.plot.zoomed.some((k) => isInside(this.plot.panels[k], at))) return;
    const held = this.zoom.isZoomed && !event.shiftKey ? this.zoom.hold(at) : null; // null: selects
    this.drag = { from: at, to: at, held, clientX: event.clientX, scrollLeft: this.element.scrollLeft };
  }

  moved(event) {
    this.latest = event;
    if (this.drag) this.dragged(event);
    else if (this.isReady) this.pointed(event);
    else this.ready().then(() => this.latest === event && this.pointed(event));
  }

  pointed(event) {
    if (event.pointerType !== "touch" && this.svg) this.show(this.find(event), event);
  }

  dragged(event) {
    const at = this.place(event);
    if (!this.wasDragged && Math.abs(at.x - this.drag.from.x) < 6 * at.unit) return;
    if (!this.wasDragged) {
      this.element.setPointerCapture(event.pointerId);
      this.show(null);
    }
    this.wasDragged = true;
    this.drag.to = at;
    if (this.drag.held) this.panned(event, at.unit);
    else this.overlay(...this.zoom.selection(this.drag));
  }

  // A zoomed picture moves with the pointer; where it cannot, one that is wider than its frame scrolls.
  panned(event, unit) {
    const { held, clientX, scrollLeft } = this.drag;
    const beyond = this.zoom.drag(held, (event.clientX - clientX) * unit);
    if (this.zoom.scrolls) this.element.scrollLeft = scrollLeft - beyond / unit;
  }

  released() {
    const { drag } = this;
    this.drag = null;
    if (drag && this.wasDragged && !drag.held) this.zoom.toSelection(drag);
  }

  left(event) {
    if (event.pointerType === "touch" || this.drag) return;
    this.latest = null;
    this.hide();
  }

  // A mouse opens; a finger shows first, and opens what is shown.
  async clicked(event) {
    if (this.wasDragged || !this.svg) return;
    await this.ready();
    const isSecond = this.isTouch && isSecondTap(this.tapped, event);
    this.tapped = event;
    if (isSecond && this.zoom?.isZoomed) {
      this.zoom.reset();
      return;
    }
    const found = this.find(event);
    if (this.isTouch && found?.key !== this.found?.key) this.show(found, event);
    else this.open(found, false);
  }

  // Keys
  async focused() {
    this.isActive = true;
    await this.ready();
    this.say(this.help());
  }

  blurred() {
    this.isActive = false;
    this.hide();
  }

  help() {
    const sentences = [];
    if (this.strongest.length) sentences.push("Left and Right go through the strongest tests, Enter opens.");
    else if (this.marks.length) sentences.push("Arrow keys move, Enter opens.");
    else if (this.plot.curves.length) sentences.push("Left and Right read off, Up and Down change panels.");
    if (this.zoom) sentences.push("Plus and minus zoom, Shift with Left and Right moves, 0 shows all.");
    return sentences.join(" ");
  }

  say(words) {
    if (this.status && words) this.status.textContent = words;
  }

  async typed(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.shiftKey && this.zoom?.typed(event)) return;
    if (event.key.startsWith("Arrow") || ["Home", "End"].includes(event.key)) {
      event.preventDefault();
      await this.ready();
      this.step(event.key);
    } else if (event.key === "Enter") {
      this.open(this.found, true);
    } else if (event.key === "Escape") {
      this.hide();
      this.isActive = false;
      this.zoom?.reset();
    } else {
      this.zoom?.typed(event);
    }
  }

  step(key) {
    const isUpDown = key === "ArrowUp" || key === "ArrowDown";
    const isMark = this.marks.length > 0 && (isUpDown || this.strongest.length === 0);
    if (isMark) this.stepMark(key);
    else if (this.strongest.length) this.stepPoint(key);
    else if (this.plot.curves.length) this.stepReading(key);
  }

  stepPoint(key) {
    const last = this.strongest.length - 1, step = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    const next = { Home: 0, End: last }[key] ?? Math.min(Math.max(this.current + step, 0), last);
    this.current = next;
    const { group, i } = this.strongest[next];
    this.zoom?.include(group.x[i]);
    this.showByKeys(this.point({ group, i }), `${next + 1} of ${last + 1}: `);
  }

  stepMark(key) {
    const shownMarks = this.marks.filter((mark) => !mark.classList.contains("out"));
    if (shownMarks.length === 0) return;
    const before = shownMarks.includes(this.found?.mark) ? this.found.mark : null;
    const ends = { Home: shownMarks[0], End: shownMarks.at(-1) };
    const next = ends[key] ?? (before ? neighbourOf(shownMarks, before, key) : shownMarks[0]);
    this.showByKeys(this.mark(next), "");
  }

  stepReading(key) {
    const { curves } = this.plot;
    const panels = [...new Set(curves.map(({ panel }) => panel))];
    let k = this.found?.panel ?? panels[0];
    const [low, high] = this.range(k), { x } = curves.find(({ panel }) => panel === k);
    const first = nextTo(x, low), last = nextTo(x, high);
    const stride = Math.max(1, Math.round((last - first) / 100));
    const before = this.found?.read ? nextTo(x, this.found.value) : Math.round((first + last) / 2);
    if (key === "ArrowUp" || key === "ArrowDown") {
      const next = panels.indexOf(k) + (key === "ArrowUp" ? -1 : 1);
      k = panels[Math.min(Math.max(next, 0), panels.length - 1)];
    }
    const places = { Home: first, End: last, ArrowLeft: before - stride, ArrowRight: before + stride };
    this.showByKeys(this.reading(k, x[Math.min(Math.max(places[key] ?? before, first), last)]), "");
  }

  showByKeys(found, prefix) {
    this.show(found, this.scrolledTo(found));
    const more = found.address ? `; Enter ${hintOf(found.address)}` : "";
    this.say(`${prefix}${found.words.replaceAll("\n", "; ")}${more}`);
  }

  // Where words appear; a picture that is wider than its frame is scrolled to it.
  scrolledTo({ mark, x, y, panel, value }) {
    const placeOf = () => {
      if (mark) {
        const { left, bottom } = mark.getBoundingClientRect();
        return { clientX: left, clientY: bottom };
      }
      if (x !== undefined) return this.clientPlace(x, y);
      return this.clientPlace(this.across(panel, value), this.plot.panels[panel].top);
    };
    const { left, right } = this.element.getBoundingClientRect(), { clientX } = placeOf();
    if (clientX < left + 20 || clientX > right - 20) this.element.scrollLeft += clientX - (left + right) / 2;
    return placeOf();
  }
}

const preparePicture = (element) => {
  const svg = element.querySelector("svg"), { id } = element.closest("figure");
  const status = svg.querySelector("[data-trait]") ? byId("grid-status") : undefined;
  const load = () => unpackPlot(id.replace(/^figure-/, ""));
  return new Picture(element, { load, status, zooms: svg.querySelector("[data-panel]") !== null });
};

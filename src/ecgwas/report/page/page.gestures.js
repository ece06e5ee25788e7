// Wheel and fingers on a picture that zooms. A wheel zooms about the pointer with Ctrl or ⌘, or once the
// picture was clicked or is in focus; otherwise it scrolls the page. Two fingers zoom and move, two taps show
// everything.
// Gives: HOW_TO_ZOOM, prepareGestures, isSecondTap
// Uses: nothing of the other scripts
const HOW_TO_ZOOM = matchMedia("(pointer: coarse)").matches
  ? "two fingers zoom, a double tap shows all"
  : "Ctrl or ⌘ with the wheel zooms, after a click the wheel alone; dragging zooms in, then moves";

const LINE = 16, PAGE = 400; // pixels that a wheel means where it counts lines or pages
const PER_PIXEL = 0.004; // powers of two, for each pixel of the wheel
const PINCH_PAD = 5; // two fingers on a touchpad are a wheel with Ctrl and few pixels: so many times as fast
const MOST = 1; // power of two of one event

const pixelsOf = (delta, mode) => delta * [1, LINE, PAGE][mode];

const factorOf = ({ deltaY, deltaMode, ctrlKey }) => {
  const pixels = pixelsOf(deltaY, deltaMode), speed = ctrlKey && Math.abs(pixels) < 50 ? PINCH_PAD : 1;
  return 2 ** Math.min(Math.max(pixels * PER_PIXEL * speed, -MOST), MOST);
};

// The pixels of a wheel that turns sideways, or with Shift
const sidewaysOf = ({ deltaX, deltaY, deltaMode, shiftKey }) => {
  if (Math.abs(deltaX) > Math.abs(deltaY)) return pixelsOf(deltaX, deltaMode);
  return shiftKey ? pixelsOf(deltaY, deltaMode) : 0;
};

const wheeled = (picture, event) => {
  const { zoom } = picture, isAsked = event.ctrlKey || event.metaKey;
  if (!isAsked && !picture.isActive) return;
  const sideways = sidewaysOf(event), factor = factorOf(event);
  // What would change nothing is the page's.
  if (!isAsked && !zoom.isZoomed && (sideways !== 0 || factor >= 1)) return;
  event.preventDefault();
  const at = picture.place(event);
  picture.ready().then(() => {
    if (sideways === 0) zoom.about(at, factor);
    else zoom.shift(sideways * at.unit);
  });
};

const middleOf = ([first, second]) =>
  ({ clientX: (first.clientX + second.clientX) / 2, clientY: (first.clientY + second.clientY) / 2 });

const gapOf = ([first, second]) =>
  Math.max(Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY), 20);

// Two fingers: what is between them stays there. The elements below them hear of their moves to the end, even
// where the picture is drawn again meanwhile.
const pinched = (picture, event) => {
  if (event.touches.length !== 2) return;
  event.preventDefault();
  picture.hide();
  const { zoom } = picture, targets = new Set([...event.touches].map(({ target }) => target));
  const gap = gapOf(event.touches), from = picture.place(middleOf(event.touches));
  const start = picture.ready().then(() => picture.plot.zoomed.length ? zoom.hold(from) : null);
  const move = (moved) => {
    if (moved.touches.length !== 2) return;
    moved.preventDefault();
    const at = picture.place(middleOf(moved.touches)), factor = gap / gapOf(moved.touches);
    start.then((held) => held && zoom.toHeld(held, at, factor));
  };
  const end = () => {
    for (const target of targets) {
      target.removeEventListener("touchmove", move);
      for (const kind of ["touchend", "touchcancel"]) target.removeEventListener(kind, end);
    }
  };
  for (const target of targets) {
    target.addEventListener("touchmove", move, { passive: false });
    for (const kind of ["touchend", "touchcancel"]) target.addEventListener(kind, end);
  }
};

// Is this tap, soon after another at the same place, the second of a double tap?
const isSecondTap = (before, { timeStamp, clientX, clientY }) => before !== null
  && timeStamp - before.timeStamp < 400
  && Math.hypot(clientX - before.clientX, clientY - before.clientY) < 30;

const prepareGestures = (picture) => {
  const { element } = picture;
  element.addEventListener("wheel", (event) => wheeled(picture, event), { passive: false });
  element.addEventListener("touchstart", (event) => pinched(picture, event), { passive: false });
};

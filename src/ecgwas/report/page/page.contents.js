// What helps to find one's way: the current section in the list of contents, folded parts that open when the
// address leads into them, all columns of a table, hints where a table or picture is wider than its box.
// Gives: openAround, prepareContents
// Uses: make, byId (elements)
const BOXES = ".picture, .table";
const hints = new WeakMap(); // box -> its hint

const openAround = (element) => {
  for (let part = element; part; part = part.parentElement) {
    if (part.matches("details")) part.open = true;
  }
};

// The last section whose head is in the upper part of the window is the current one.
const followSections = () => {
  const links = new Map([...byId("toc").querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  if (links.has("traits")) links.set("trait", links.get("traits"));
  const sections = [...document.querySelectorAll("main > section")], inView = new Set();
  const mark = () => {
    const current = links.get(sections.filter((section) => inView.has(section)).at(-1)?.id);
    for (const link of links.values()) link.removeAttribute("aria-current");
    current?.setAttribute("aria-current", "location");
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) inView[isIntersecting ? "add" : "delete"](target);
    mark();
  }, { rootMargin: "0px 0px -60% 0px" });
  for (const section of sections) observer.observe(section);
};

const prepareColumns = () => {
  for (const button of document.querySelectorAll("button.all-columns")) {
    const table = byId(button.dataset.columns);
    button.addEventListener("click", () => {
      const isBrief = table.classList.toggle("brief");
      button.setAttribute("aria-pressed", String(!isBrief));
    });
  }
};

// A box that is wider than it can show says so, to the eye and to screen readers. Until the reader moves it,
// a picture is scrolled to its peak.
const markWide = (box) => {
  const isWide = box.scrollWidth > box.clientWidth + 1;
  hints.get(box).hidden = !isWide;
  box.classList.toggle("sideways", isWide);
  if (isWide) box.setAttribute("aria-describedby", "sideways");
  else box.removeAttribute("aria-describedby");
  if (!isWide || !box.dataset.peak || box.dataset.moved) return;
  box.scrollLeft = Number(box.dataset.peak) * box.scrollWidth - box.clientWidth / 2;
};

const prepareHints = () => {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) markWide(target.closest(BOXES));
  });
  const addHint = (box) => {
    const words = "↔ scroll sideways to see all of it";
    const hint = make("p", { class: "hint", "aria-hidden": "true", hidden: "" }, words);
    box.before(hint);
    hints.set(box, hint);
    for (const kind of ["pointerdown", "wheel", "keydown"]) {
      box.addEventListener(kind, () => { box.dataset.moved = "yes"; }, { once: true, passive: true });
    }
    observer.observe(box);
    if (box.firstElementChild) observer.observe(box.firstElementChild);
  };
  document.querySelectorAll(BOXES).forEach(addHint);
  // What a trait's feature represents is drawn anew for each trait.
  const meaning = byId("trait-meaning");
  const drawn = new MutationObserver(() => meaning.querySelectorAll(BOXES).forEach(addHint));
  if (meaning) drawn.observe(meaning, { childList: true });
};

const prepareContents = () => {
  followSections();
  prepareColumns();
  prepareHints();
};

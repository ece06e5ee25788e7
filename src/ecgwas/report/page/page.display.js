// Light and dark, and printing.
// Gives: prepareTheme, preparePrint
// Uses: byId (elements)
// Light, dark, or as the system is. redraw: draws again what has no CSS colours
const prepareTheme = (redraw) => byId("theme").addEventListener("click", () => {
  const root = document.documentElement.dataset;
  const isDark = root.theme ? root.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.theme = isDark ? "light" : "dark";
  redraw();
});

// Print: at the level of the study, everything.
const preparePrint = () => {
  let closed = [], level = "study";
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
    level = document.body.dataset.level;
    if (level === "study") document.body.dataset.level = "all";
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
    document.body.dataset.level = level;
  });
};

// The page of a comparison: opens the locus that the address names, and starts the page, which can also be
// read without a script.
// Gives: nothing
// Uses: byId, prepareTables, prepareFigures (elements); preparePicture (interact);
//   openAround, prepareContents (contents); prepareTheme, preparePrint (display)
const openTarget = () => {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  openAround(target);
  target.scrollIntoView({ block: "start" });
  target.querySelector(":scope > summary")?.focus({ preventScroll: true });
};

document.body.classList.add("scripted");
prepareTables();
prepareFigures();
prepareTheme(() => {});
preparePrint();
byId("tools").hidden = false;
for (const picture of document.querySelectorAll(".picture")) preparePicture(picture);
prepareContents();
addEventListener("hashchange", openTarget);
// An address that is chosen again does not change: it opens its locus all the same.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#locus-']");
  if (link && link.hash === location.hash) openTarget();
});
openTarget();

// Starts the page: views by address, choice of the study, theme.
// Gives: nothing
// Uses: byId, showTip (elements); askFor (data); prepareView, problemOf (blocks); prepareSearch (search)
const STUDY_VIEWS = ["start", "loci", "traits", "tables"];
let asked = 0; // number of the latest view

const addressNow = () => location.hash.slice(1) || `start/${encodeURIComponent(byId("study").value)}`;

const markLinks = (address) => {
  const [view, study] = address.split("/");
  const choice = byId("study");
  if (study && choice.matches("select")) choice.value = decodeURIComponent(study);
  for (const link of document.querySelectorAll("[data-view]")) {
    link.href = `#${link.dataset.view}/${encodeURIComponent(choice.value)}`;
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
};

const showView = async () => {
  const address = addressNow(), view = byId("view"), title = byId("view-title");
  asked += 1;
  const own = asked;
  showTip("");
  view.setAttribute("aria-busy", "true");
  const answer = await askFor("view", { at: address });
  if (own !== asked) return;
  markLinks(address);
  if (answer.problem) view.replaceChildren(problemOf(answer));
  else prepareView(answer);
  title.textContent = answer.problem ? "Not shown" : answer.title;
  document.title = `${title.textContent} – ecgwas`;
  byId("view-status").textContent = `${title.textContent}: shown`;
  view.removeAttribute("aria-busy");
  document.body.dataset.shown = address;
  scrollTo({ top: 0 });
  if (document.activeElement === document.body) title.focus({ preventScroll: true });
};

// The same view of another study
const changeStudy = () => {
  const [view] = addressNow().split("/");
  const kind = view.split("-")[0];
  const kept = STUDY_VIEWS.includes(view) || kind === "variant" || kind === "region" ? view : "start";
  location.hash = `#${kept}/${encodeURIComponent(byId("study").value)}`;
};

const prepareTheme = () => byId("theme").addEventListener("click", () => {
  const root = document.documentElement.dataset;
  const isDark = root.theme ? root.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.theme = isDark ? "light" : "dark";
});

document.body.classList.add("scripted");
prepareSearch();
prepareTheme();
byId("study").addEventListener("change", changeStudy);
addEventListener("hashchange", showView);
showView();

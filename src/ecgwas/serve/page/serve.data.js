// Data of the view that is shown, for the report's scripts: chromosomes of its Manhattan plot, points of its
// figures. Figures of the served page are not packed: their points are JSON in a template next to them.
// Gives: index, canUnpack, unpackText, askFor
// Uses: byId (elements)
const index = { genome: [] };
const canUnpack = true;
const unpackText = async (name) => byId(`block-${name}`).content.textContent;

// The server's answer; an answer in words, with `problem` and `fix`, if it cannot be given
const askFor = async (what, values) => {
  const given = Object.entries(values).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  try {
    const answer = await fetch(`api/${what}?${given.join("&")}`, { credentials: "same-origin" });
    if (answer.headers.get("content-type")?.startsWith("application/json")) return await answer.json();
    const fix = "start `ecgwas serve` again and open the address that it prints";
    return { problem: await answer.text(), fix };
  } catch {
    return { problem: "the server does not answer", fix: "start `ecgwas serve` again" };
  }
};

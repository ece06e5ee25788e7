"""Writes docs/study.md from the options' own declarations: `python docs/make_study.py`."""

from __future__ import annotations

from pathlib import Path

from ecgwas.commands.terminal import options_text

HEAD = """\
# The study file

One YAML file says all that is scientific about a study; `ecgwas init FOLDER` writes a first one, `ecgwas check STUDY.yaml`
opens everything that it names; each mistake is one line with the line of its key. Paths are relative to the file, `~` is your
home. What it does not say has the default below, or that of its `preset`: `calibrated`, or `published`, the chain as the source
study ran it. `ecgwas options --json` gives a schema for editors.

"""


def study_page() -> str:
    """Markdown: how a study file looks, and every option."""
    lines = [f"    {line}".rstrip() for line in options_text().splitlines()]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "study.md").write_text(study_page())

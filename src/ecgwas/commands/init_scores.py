"""The section `scores` of a first study file, by the scoring files found in FOLDER/scores."""

from __future__ import annotations

import re
from pathlib import Path

from ecgwas.scores.scoring_file import ASSEMBLIES

FOLDER = "scores"
ENDINGS = (".txt", ".txt.gz")
HARMONISED = re.compile(r"_hmPOS_(GRCh\d\d)")


def scores_section(folder: Path, build: str) -> str:
    """YAML of the section; empty without a file. Of a score in several files, that harmonised to the build (hg19, hg38)."""
    paths = sorted(path for path in (folder / FOLDER).glob("*") if path.name.endswith(ENDINGS) and path.is_file())
    chosen: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: _rank(path, build)):
        name = path.name.removesuffix(".gz").removesuffix(".txt")
        chosen.setdefault(HARMONISED.sub("", name), path)
    if not chosen:
        return ""
    lines = [f"    - {FOLDER}/{path.name}" for path in sorted(chosen.values())]
    return "\n".join(["scores:                       # polygenic scores; see docs/scores.md", "  files:", *lines, ""])


def _rank(path: Path, build: str) -> int:
    """0 for a file harmonised to the build, 1 for one as given, 2 for one harmonised to another."""
    harmonised = HARMONISED.search(path.name)
    if harmonised is None:
        return 1
    return 0 if harmonised[1] == ASSEMBLIES[build] else 2

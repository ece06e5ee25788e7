"""Writes docs/bad_input.md from the table of bad input that the tests run: `python docs/make_bad_input.py`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.bad_input.cases import CASES
from tests.bad_input.harness import EITHER, LEFT_OUT, REFUSED, RIGHT

HEAD = """\
# Bad input

Real folders contain incomplete files, mistakes and, occasionally, an attack. Each of the {count} cases below is run by the
tests (`tests/bad_input`), with the result given here: {endings}. None ends in a traceback or a hang, and no one is lost
silently: every recording is listed in `results/read/recordings.parquet` and every participant in
`results/traits/people.csv`, with the reason. The last column quotes part of the reason or of the error; each error names the
file and the fix.

Written by `python docs/make_bad_input.py`.
"""


def bad_input_page() -> str:
    """Markdown: one table for each kind of input."""
    counts = Counter(case.how for case in CASES)
    endings = ", ".join(f"{counts[how]} {how}" for how in (RIGHT, LEFT_OUT, REFUSED, EITHER))
    lines = [HEAD.format(count=len(CASES), endings=endings)]
    for group in dict.fromkeys(case.group for case in CASES):
        lines += ["", f"## {group[0].upper()}{group[1:]}", "", "| input | result | message contains |", "|---|---|---|"]
        for case in (case for case in CASES if case.group == group):
            says = f"“{case.says}”" if case.says else ""
            lines.append(f"| {case.what.replace('|', chr(92) + '|')} | {case.how} | {says} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "bad_input.md").write_text(bad_input_page())

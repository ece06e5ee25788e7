"""The tables of `benchmarks/findings/representations.py`, and their insertion into a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

END = "<!-- representations:end -->"


@dataclass(frozen=True)
class Found:
    """Results of one kind on simulated participants; NaN or None if not measured.

    people   number fitted to;  r2  parameter -> held-out R2;  ceiling  mean R2 without noise;  again  r with a second recording
    r, mae_uv  of the reconstruction of held-out participants
    """

    features: int
    people: int
    seconds: float
    r2: Mapping[str, float]
    ceiling: float
    again: float
    r: float | None
    mae_uv: float | None

    @property
    def mean(self) -> float:
        """Mean held-out R2."""
        return float(np.mean(list(self.r2.values())))

    @property
    def known(self) -> int:
        """Number of parameters with an R2 of at least 0.70."""
        return sum(value >= 0.7 for value in self.r2.values())


@dataclass(frozen=True)
class OnReal:
    """Results of one representation on real recordings: mean r of odd and even beats, mean ICC of two visits, and for held-out
    participants r, mean absolute error, percentage root mean square difference, samples per feature of the reconstruction."""

    name: str
    odd_even: float | None = None
    icc: float | None = None
    r: float | None = None
    mae_uv: float | None = None
    prd_percent: float | None = None
    ratio: float | None = None


SIMULATED = ("features", "R²", "parameters ≥ 0.70", "without noise", "again", "r", "µV", "fitted to", "s to fit")
REAL = ("odd and even", "two visits", "r", "µV", "PRD, %", "samples a feature")


def of_kinds(found: Mapping[str, Found], real: Mapping[str, Sequence[OnReal]]) -> str:
    """Three tables: simulated participants, real recordings, R2 of each parameter."""
    parts = []
    if found:
        parts.append(_table(("simulated people", *SIMULATED), [(name, *_of_simulated(one)) for name, one in found.items()]))
    if real:
        parts.append(_table(("real recordings", *REAL), [(name, *_of_real(ones)) for name, ones in real.items()]))
    if found:
        parameters = list(next(iter(found.values())).r2)
        rows = [(parameter, *(_number(one.r2[parameter], 2) for one in found.values())) for parameter in parameters]
        parts.append(_table(("R² of", *found), rows))
    return "\n\n".join(parts)


def of_seeds(seeds: Sequence[int], found: Sequence[Mapping[str, Found]]) -> str:
    """One table: mean R2 by seed, and their mean."""
    rows = []
    for name in found[0]:
        means = [one[name].mean for one in found]
        rows.append((name, str(found[0][name].features), *(_number(value, 3) for value in (*means, float(np.mean(means))))))
    return _table(("mean R²", "features", *(f"seed {seed}" for seed in seeds), "mean"), rows)


def of_hearts(found: Mapping[str, Mapping[str, Found]]) -> str:
    """One table: mean R2 of each representation by kind of hearts (kind -> representation -> results), with the number of
    parameters known to 0.70; – where a representation could not be fitted."""
    hearts = list(found)
    rows = []
    for name in dict.fromkeys(name for of_kind in found.values() for name in of_kind):
        results = [found[kind].get(name) for kind in hearts]
        cells = ["–" if one is None else f"{one.mean:.3f} ({one.known} of {len(one.r2)})" for one in results]
        rows.append((name, *cells))
    return _table(("mean R² (parameters ≥ 0.70)", *hearts), rows)


def write(page: Path, block: str, text: str) -> None:
    """Writes the text between the page's comments of that block. Raises SystemExit if the page has none."""
    begin = f"<!-- representations:{block} -->"
    before = page.read_text()
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(before):
        raise SystemExit(f"{page} has no comments {begin} and {END}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{END}", before, count=1))


def _of_simulated(one: Found) -> tuple[str, ...]:
    return (
        str(one.features), _number(one.mean, 3), f"{one.known} of {len(one.r2)}", _number(one.ceiling, 3),
        _number(one.again, 3), _number(one.r, 3), _number(one.mae_uv, 1), f"{one.people:,}", f"{one.seconds:.0f}",
    )  # fmt: skip


def _of_real(ones: Sequence[OnReal]) -> tuple[str, ...]:
    """The numbers of several representations, as in `0.943 and 0.972`."""
    digits = {"odd_even": 3, "icc": 3, "r": 3, "mae_uv": 1, "prd_percent": 1, "ratio": 0}
    return tuple(" and ".join(_number(getattr(one, name), places) for one in ones) for name, places in digits.items())


def _number(value: float | None, places: int) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.{places}f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

"""Figures of a comparison: which loci are found by which (UpSet plot), their strength side by side, loci by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg as d
from ecgwas.report.plot_data import Details, PlotData, Points
from ecgwas.report.text.intersections import Intersection, intersections, joined, loci_counted

COLUMN, ROW = 30.0, 38.0
"""Width of an intersection, height of a set."""
BARS, SIZES = 130.0, 84.0
"""Height of the longest bar of an intersection, width of that of a set."""
MOST_COLUMNS = 30
MOST_LISTED = 60
"""Most loci that are listed of a mark."""
LONGEST = 34
"""Most characters of a set's name."""
NAMED = 3
"""Loci that are named at the pointer."""

BOTH, ONLY_X, ONLY_Y, NEITHER = d.BLUE, d.VERMILION, d.GREEN, d.MUTED
COLOURS = {(True, True): BOTH, (True, False): ONLY_X, (False, True): ONLY_Y, (False, False): NEITHER}
"""Found along x, found along y -> colour."""
PLOT = 250.0


def upset(sets: Mapping[str, frozenset[int]], loci: Mapping[int, str], what: str) -> Figure | None:
    """Intersections of sets of loci (Lex et al. 2014, IEEE TVCG 20:1983): each column is a combination of sets, its bar the
    number of loci that exactly these find.

    sets: name -> numbers of the loci it finds; loci: number -> words; what: the sets are, as in `studies`. None without loci.
    """
    combinations = intersections(sets)
    if not combinations:
        return None
    shown = combinations[:MOST_COLUMNS]
    names = {name: name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in sets}
    left = 24 + max(SIZES + 30, *(d.width_of(name, 12) for name in names.values()))
    top = 30 + BARS
    parts = [*_bars(shown, left, top), *_matrix(shown, list(sets), left, top), *_sizes(sets, names, loci, left, top)]
    parts += _columns(shown, len(sets), loci, left, top)
    more = f" The {len(shown)} largest of {len(combinations)} combinations are drawn." if len(shown) < len(combinations) else ""
    caption = (
        f"Each column is a combination of {what}: the dots say which, the bar how many loci exactly these find and no other. "
        f"Bars on the left: all loci that each finds.{more}"
    )
    width = left + len(shown) * COLUMN + 16
    picture = d.svg(max(width, 300), top + 12 + len(sets) * ROW + 12, parts, f"Loci by {what}. {caption}")
    rows = [("; ".join(one.members), len(one.loci), "; ".join(map(str, one.loci))) for one in combinations]
    numbers = pl.DataFrame(rows, schema=["found_by", "loci", "numbers"], orient="row")
    return Figure(f"Loci by {what}", caption, picture, numbers.write_csv(), PlotData(details=_details(shown, sets, loci)))


def _details(shown: Sequence[Intersection], sets: Mapping[str, frozenset[int]], loci: Mapping[int, str]) -> dict[str, Details]:
    """Lists of the marks: of combination i `of-i`, of set i `all-i`."""
    lists = {f"of-{i}": (_title(one, len(sets)), one.loci) for i, one in enumerate(shown)}
    for i, (name, own) in enumerate(sets.items()):
        lists[f"all-{i}"] = (f"{name}: {loci_counted(len(own))}", tuple(sorted(own)))
    return {key: _listed(title, numbers, loci) for key, (title, numbers) in lists.items()}


def _listed(title: str, numbers: Sequence[int], loci: Mapping[int, str]) -> Details:
    rows = [(loci[number], f"#locus-{number}") for number in numbers[:MOST_LISTED]]
    return Details(title, rows, max(len(numbers) - MOST_LISTED, 0))


def _title(one: Intersection, of: int) -> str:
    if len(one.members) == of > 1:
        return f"{loci_counted(len(one.loci))} of {'both' if of == 2 else 'all'}: {joined(one.members)}"
    alone = "only" if len(one.members) == 1 else "exactly"
    return f"{loci_counted(len(one.loci))} of {alone} {joined(one.members)}"


def _tip(title: str, own: Sequence[int], loci: Mapping[int, str]) -> str:
    named = [loci[number] for number in own[:NAMED]]
    more = [f"and {len(own) - NAMED:,} more"] if len(own) > NAMED else []
    return "\n".join([title, *named, *more])


def _bars(shown: Sequence[Intersection], left: float, top: float) -> list[str]:
    largest = len(shown[0].loci)
    parts = []
    for i, one in enumerate(shown):
        height, x = BARS * len(one.loci) / largest, left + i * COLUMN
        parts.append(d.rect(x + 8, top - height, COLUMN - 16, height, d.BLUE, rx=2))
        parts.append(d.text(x + COLUMN / 2, top - height - 6, f"{len(one.loci):,}", anchor="middle", size=12, fill=d.INK))
    return [*parts, d.line(left, top, left + len(shown) * COLUMN, top, d.MUTED)]


def _matrix(shown: Sequence[Intersection], names: Sequence[str], left: float, top: float) -> list[str]:
    parts = [d.rect(left, top + 12 + k * ROW, len(shown) * COLUMN, ROW, d.BAND, fill_opacity="0.5")
             for k in range(0, len(names), 2)]  # fmt: skip
    for i, one in enumerate(shown):
        x = left + (i + 0.5) * COLUMN
        rows = [k for k, name in enumerate(names) if name in one.members]
        ends = [top + 12 + (k + 0.5) * ROW for k in (rows[0], rows[-1])]
        parts.append(d.line(x, ends[0], x, ends[1], d.INK, 2.5))
        for k in range(len(names)):
            y = top + 12 + (k + 0.5) * ROW
            fill = d.INK if k in rows else d.LIGHT
            parts.append(f"<circle cx='{d.number(x)}' cy='{d.number(y)}' r='{6 if k in rows else 3.5}' fill='{fill}'/>")
    return parts


def _sizes(
    sets: Mapping[str, frozenset[int]], names: Mapping[str, str], loci: Mapping[int, str], left: float, top: float
) -> list[str]:
    """Names of the sets, each with a bar of all loci that it finds."""
    largest = max(len(own) for own in sets.values())
    parts = []
    for k, (name, own) in enumerate(sets.items()):
        y, width = top + 12 + k * ROW, SIZES * len(own) / largest
        parts.append(d.text(10, y + 15, names[name], size=12, fill=d.INK))
        parts.append(d.rect(10, y + 21, max(width, 1), 9, d.MUTED, rx=2))
        parts.append(d.text(10 + width + 6, y + 30, f"{len(own):,}"))
        title = _tip(f"{name}: {loci_counted(len(own))}", sorted(own), loci)
        parts.append(_mark(4, y + 1, left - 8, ROW - 2, title, f"all-{k}"))
    return parts


def _columns(shown: Sequence[Intersection], sets: int, loci: Mapping[int, str], left: float, top: float) -> list[str]:
    height, parts = BARS + 34 + sets * ROW, []
    for i, one in enumerate(shown):
        title = _tip(_title(one, sets), one.loci, loci)
        parts.append(_mark(left + i * COLUMN + 2, top - BARS - 20, COLUMN - 4, height, title, f"of-{i}"))
    return parts


def _mark(x: float, y: float, width: float, height: float, title: str, key: str) -> str:
    """An invisible area that is pointed at, chosen and opened as one."""
    return d.rect(x, y, width, height, "transparent", title=title, data_details=key, rx=4)


def strengths(
    names: tuple[str, str], loci: pl.DataFrame, floors: tuple[float, float], threshold: float, words: Mapping[int, str]
) -> Figure | None:
    """-log10 p of each locus in two studies or representations, the strongest test of each there.

    loci: columns locus, x, y (null: no row kept, -log10 p below the floor or not tested); None without loci
    """
    if loci.height == 0:
        return None
    low = [pl.col(axis).fill_null(floor).alias(f"{axis}_at") for axis, floor in zip("xy", floors, strict=True)]
    placed = loci.with_columns(low)
    top = 1.06 * max(threshold, *placed["x_at"], *placed["y_at"])
    bottom = min(*floors, threshold) - 0.03 * top
    neither = bool(placed.filter((pl.col("x_at") <= threshold) & (pl.col("y_at") <= threshold)).height)
    key, key_height = _key(names, neither=neither)
    panel = d.Panel(62, key_height + 10, PLOT, PLOT, (bottom, top), (bottom, top))
    parts = [*d.y_axis(panel, f"−log10 p, {_short(names[1])}", gap=44)]
    parts += [d.line(panel.x.at(bottom), panel.y.at(bottom), panel.x.at(top), panel.y.at(top), d.MUTED, 1)]
    at = threshold
    parts += [d.line(panel.left, panel.y.at(at), panel.right, panel.y.at(at), d.INK, 1, stroke_dasharray="5 4"),
              d.line(panel.x.at(at), panel.top, panel.x.at(at), panel.bottom, d.INK, 1, stroke_dasharray="5 4")]  # fmt: skip
    parts += [_circle(panel, row, threshold) for row in placed.iter_rows(named=True)]
    parts += [*d.x_axis(panel, f"−log10 p, {_short(names[0])}", about=5), *key]
    caption = "The strongest test of each locus in both. Dashed: the common threshold."
    if loci["x"].null_count() + loci["y"].null_count():
        caption += " Open: no row kept in one of them, so below what its scan keeps, or not tested; drawn at that limit."
    title = f"{names[1]} against {names[0]}"
    points = Points(0, placed["x_at"].to_numpy(), placed["y_at"].to_numpy(), [words[number] for number in placed["locus"]],
                    [f"#locus-{number}" for number in placed["locus"]])  # fmt: skip
    picture = d.svg(panel.right + 24, panel.bottom + 46, parts, f"−log10 p of {title}: {caption}")
    return Figure(title, caption, picture, loci.write_csv(), PlotData([panel], [points]))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _circle(panel: d.Panel, row: Mapping[str, float | None], threshold: float) -> str:
    x, y = (float(row[name] or 0.0) for name in ("x_at", "y_at"))
    colour = COLOURS[x > threshold, y > threshold]
    fill = d.SURFACE if row["x"] is None or row["y"] is None else colour
    place = f"cx='{d.number(panel.x.at(x))}' cy='{d.number(panel.y.at(y))}'"
    return f"<circle {place} r='4.5' fill='{fill}' stroke='{colour}' stroke-width='1.8' fill-opacity='0.8'/>"


def _key(names: tuple[str, str], *, neither: bool) -> tuple[list[str], float]:
    """Colours in words, in as many lines as they need, and the height of these."""
    entries = [
        ("both", BOTH),
        *((f"only {_short(name)}", colour) for name, colour in zip(names, (ONLY_X, ONLY_Y), strict=True)),
    ]
    entries += [("neither", NEITHER)] if neither else []
    parts, x, y = [], 12.0, 14.0
    for words, colour in entries:
        if x > 12 and x + 14 + d.width_of(words) > 62 + PLOT + 20:
            x, y = 12.0, y + 18
        parts.append(f"<circle cx='{d.number(x + 5)}' cy='{d.number(y)}' r='4.5' fill='{colour}'/>")
        parts.append(d.text(x + 14, y + 4, words, fill=d.INK))
        x += 14 + d.width_of(words) + 12
    return parts, y + 10


def null_loci(counts: pl.DataFrame, labels: Sequence[str]) -> Figure | None:
    """Loci found and loci of the null study, a pair of bars for each study and representation.

    counts: columns report.comparison.NULL_COUNTS; labels: of its rows. None if no null study was run.
    """
    known = counts.with_columns(label=pl.Series(labels, dtype=pl.String)).filter(pl.col("null_loci").is_not_null())
    if known.height == 0:
        return None
    left = 20 + max(d.width_of(_short(name), 12) for name in known["label"])
    top = max(1.0, float(max(*known["loci"], *known["null_loci"])))
    panel = d.Panel(left, 30, max(150.0, 300 - left), known.height * 42.0, (0, top), (0, known.height))
    parts = [*d.legend(left, 18, [("found", d.BLUE), ("by chance", d.VERMILION)])]
    for i, row in enumerate(known.iter_rows(named=True)):
        y = panel.top + i * 42
        parts.append(d.text(left - 8, y + 25, _short(row["label"]), anchor="end", size=12, fill=d.INK))
        for k, (number, colour, what) in enumerate(
            ((row["loci"], d.BLUE, "found"), (row["null_loci"], d.VERMILION, "by chance"))
        ):
            width = panel.x.at(float(number)) - left
            title = f"{row['label']}: {loci_counted(number)} {what}"
            parts.append(d.rect(left, y + 5 + 16 * k, width, 14, colour, title=title, rx=2))
            parts.append(d.text(left + width + 6, y + 16 + 16 * k, f"{number:,}"))
    parts += d.x_axis(panel, "loci beyond the common threshold", about=4)
    caption = (
        "Loci beyond the common threshold, and those of one null study: the same analysis of permuted participants or "
        "simulated genomes, counted at the same threshold. Every locus of the null study is false."
    )
    picture = d.svg(panel.right + 50, panel.bottom + 46, parts, caption)
    return Figure("Loci found, and loci by chance", caption, picture, known.write_csv(), PlotData())

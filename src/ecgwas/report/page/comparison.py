"""The page of a comparison: studies or representations side by side, as one self-contained HTML text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl
from markupsafe import Markup

from ecgwas.report.comparison import ComparisonContents
from ecgwas.report.contents import Figure
from ecgwas.report.figures import comparison as figures
from ecgwas.report.page import parts, plots
from ecgwas.report.page.table_view import ColumnView as Column
from ecgwas.report.page.table_view import ShownTable, TableView, shown
from ecgwas.report.page.table_views import CHROM, EFFECT_ALLELE, LOCUS, OTHER_ALLELE, POS, REPRESENTATIONS, plain
from ecgwas.report.text import effects, intersections
from ecgwas.report.text.intersections import joined
from ecgwas.report.text.numbers import p_and_neglog10p

SCRIPTS = (
    "page.elements.js", "page.data.js", "page.marks.js", "page.gestures.js", "page.zoom.js", "page.interact.js",
    "page.contents.js", "page.display.js", "page.compare.js",
)  # fmt: skip
"""In the order in which they are joined."""

NO_INDEX = json.dumps({"traits": [], "search": [], "genome": [], "variants": 0})
"""What page.data.js reads of a page without traits."""

MOST_SIDES = 4
"""Most studies or representations of which every pair is drawn; of more, each is drawn against the first."""
MOST_LOCI = 300
"""Most loci with a table of their own: the strongest."""

RESULTS = "Errors on held-out participants, and hits at each study's own threshold"

NULL_COUNTS = TableView("null", "Found and by chance, at the common threshold", (
    Column("study", "study"), Column("representation", "representation"), Column("loci", "loci", ",d"),
    Column("null_loci", "loci of the null study", ",d"), Column("pairs", "variant–trait pairs", ",d"),
    Column("null_pairs", "pairs of the null study", ",d"),
))  # fmt: skip

IN_LOCUS = TableView("tests-of", "Tests in the locus", (
    Column("study", "study"), Column("representation", "representation"), Column("found", "found"),
    Column("best_trait", "strongest trait in the locus"), Column("best_variant", "its variant", when="asked"),
    Column("best_neglog10p", "−log10 p", ".2f"), Column("trait", "strongest trait at the lead variant"),
    Column("neglog10p", "−log10 p there", ".2f"), Column("beta_words", "beta per effect allele", unbroken=True),
    Column("effect_words", "effect in the trait's unit", if_any=True, unbroken=True),
    Column("eaf", "effect allele frequency", ".3f", when="wide"), Column("n", "participants", ",d", when="wide"),
    Column("alleles", "alleles", when="asked"),
))  # fmt: skip


@dataclass(frozen=True)
class LocusPart:
    """What the page says of one locus: its number, heading, by whom it is found, its tests."""

    number: int
    heading: str
    found_by: str
    table: ShownTable | None


def render(contents: ComparisonContents) -> str:
    """The page; the same contents give the same bytes. It needs no network and holds no participant's data.

    Without a script everything is shown, except for what is said at the pointer.
    """
    pictures = _figures(contents)
    loci_of = {name: contents.loci_of(*member) for name, member in contents.members.items()}
    return parts.filled(
        "page.comparison.html", SCRIPTS, pictures, in_files=False, title=f"Comparison of {joined(list(contents.sides))}",
        index=Markup(NO_INDEX), blocks={name: Markup(block) for name, block in plots.plots(pictures).items()},
        several=len(contents.order) > 1, total=contents.loci.height, statements=statements(contents),
        cards=[(f"{len(own):,}", name) for name, own in loci_of.items()], threshold=contents.threshold,
        p_words=p_and_neglog10p(contents.threshold.neglog10p, _interval(contents)),
        tables={
            "loci": side_by_side(contents), "null": shown(NULL_COUNTS, contents.null_counts),
            "settings": _plain("settings", "Settings", contents.settings),
            "results": _plain("results", RESULTS, contents.results),
            "representations": None if contents.representations is None else shown(REPRESENTATIONS, contents.representations),
        },
        without_null=_without_null(contents), strengths=[name for name in pictures if name.startswith("strength_")],
        loci=_loci(contents), notes=contents.notes, build=contents.build, version=contents.version,
    )  # fmt: skip


def _interval(contents: ComparisonContents) -> str:
    low, high = contents.threshold.low, contents.threshold.high
    return "" if low is None or high is None else f", 95 % Monte-Carlo interval {low:.2f} to {high:.2f}"


def statements(contents: ComparisonContents) -> list[str]:
    """The Venn diagrams in words: of the studies, and of all representations, where these are two or three."""
    groups = [contents.sides, contents.members] if contents.sides != contents.members else [contents.sides]
    in_words = [group for group in groups if 1 < len(group) <= intersections.MOST_IN_WORDS]
    return [intersections.sentence({name: contents.loci_of(*one) for name, one in group.items()}) for group in in_words]


def locus_words(contents: ComparisonContents) -> dict[int, str]:
    """Number of a locus -> its name in words."""
    return {row["locus"]: f"Locus {row['locus']}: {row['lead_variant']}, {row['chrom']}:{row['pos']:,}"
            for row in contents.loci.iter_rows(named=True)}  # fmt: skip


def _figures(contents: ComparisonContents) -> dict[str, Figure]:
    words = locus_words(contents)
    sides, members = contents.sides, contents.members
    drawn: dict[str, Figure | None] = {}
    if len(sides) > 1:
        what = "studies" if len(contents.order) > 1 else "representations"
        drawn["found_by"] = figures.upset({name: contents.loci_of(*one) for name, one in sides.items()}, words, what)
    if members != sides and len(contents.order) > 1:
        loci_of = {name: contents.loci_of(*one) for name, one in members.items()}
        drawn["found_by_representation"] = figures.upset(loci_of, words, "representations of each study")
    for k, (first, second) in enumerate(_pairs(list(sides)), start=1):
        drawn[f"strength_{k}"] = _strength(contents, first, second, words)
    drawn["null_loci"] = figures.null_loci(contents.null_counts, _labels(contents))
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    return list(combinations(names, 2)) if len(names) <= MOST_SIDES else [(names[0], name) for name in names[1:]]


def _labels(contents: ComparisonContents) -> list[str]:
    """Of the rows of null_counts."""
    of_pair = {(study, names): label for label, (study, names) in contents.members.items()}
    return [of_pair.get((study, name)) or of_pair[study, None] for study, name in
            contents.null_counts.select("study", "representation").iter_rows()]  # fmt: skip


def strongest(contents: ComparisonContents, side: str) -> pl.DataFrame:
    """One row per locus: the side's strongest test in it, null where no row was kept; columns locus, found, best_trait,
    best_variant, best_neglog10p, and at the lead variant trait, neglog10p, beta, se, effect, effect_se, unit."""
    rows = contents.rows_of(*contents.sides[side])
    best = rows.sort("best_neglog10p", descending=True, nulls_last=True, maintain_order=True)
    at_lead = rows.sort("neglog10p", descending=True, nulls_last=True, maintain_order=True)
    first = {"keep": "first", "maintain_order": True}
    best = best.unique("locus", **first).select("locus", "best_trait", "best_variant", "best_neglog10p")  # type: ignore[arg-type]
    columns = ("locus", "trait", "neglog10p", "beta", "se", "effect", "effect_se", "unit")
    at_lead = at_lead.unique("locus", **first).select(columns)  # type: ignore[arg-type]
    is_found = rows.group_by("locus").agg(pl.col("found").any())
    return (
        contents.loci.select("locus").join(is_found, on="locus").join(best, on="locus").join(at_lead, on="locus").sort("locus")
    )


def _strength(contents: ComparisonContents, first: str, second: str, words: Mapping[int, str]) -> Figure | None:
    x, y = strongest(contents, first), strongest(contents, second)
    loci = x.select("locus", x="best_neglog10p").join(y.select("locus", y="best_neglog10p"), on="locus")
    floors = tuple(contents.floors[contents.sides[name][0]] for name in (first, second))
    point_words = {row["locus"]: words[row["locus"]] for row in x.iter_rows(named=True)}
    for name, table, floor in zip((first, second), (x, y), floors, strict=True):
        for row in table.iter_rows(named=True):
            point_words[row["locus"]] += f"\n{name}: {_strength_words(row, floor)}"
    return figures.strengths((first, second), loci, (floors[0], floors[1]), contents.threshold.neglog10p, point_words)


def _strength_words(row: Mapping[str, Any], floor: float) -> str:
    if row["best_neglog10p"] is None:
        return f"below −log10 p {floor:g}, or not tested"
    return f"−log10 p {row['best_neglog10p']:.2f}, {row['best_trait']}{'' if row['found'] else ', not found'}"


def side_by_side(contents: ComparisonContents) -> ShownTable | None:
    """Loci with the strongest test, trait and effect of each side; effects are of the same allele."""
    frame, columns = contents.loci, [LOCUS, Column("lead_variant", "lead variant", when="wide")]
    columns += [Column(column.name, column.heading, column.form, when="asked") for column in (CHROM, POS, OTHER_ALLELE)]
    columns.append(Column(EFFECT_ALLELE.name, EFFECT_ALLELE.heading, when="wide"))
    for k, name in enumerate(contents.sides):
        frame = frame.join(_side(contents, name, f"side_{k}"), on="locus", maintain_order="left")
        columns += [
            Column(f"side_{k}_best", f"{name}: −log10 p", ".2f"),
            Column(f"side_{k}_effect", f"{name}: effect per allele", when="wide", unbroken=True),
            Column(f"side_{k}_trait", f"{name}: of trait", when="wide"),
            Column(f"side_{k}_sd", f"{name}: beta", when="asked", unbroken=True),
            Column(f"side_{k}_lead", f"{name}: −log10 p at the lead variant", ".2f", when="asked"),
        ]
    best = pl.max_horizontal(pl.col("^side_.*_best$"))
    frame = frame.sort(best, descending=True, maintain_order=True)
    title = "Loci side by side: strongest test in the locus, and effect of the same allele of its lead variant"
    pages = set(_shown_loci(contents)["locus"])
    return shown(TableView("shared_loci", title, tuple(columns)), frame, locus_pages=pages)


def _side(contents: ComparisonContents, name: str, prefix: str) -> pl.DataFrame:
    """Columns locus and, with the prefix, best, effect, trait, sd, lead."""
    rows, unit = strongest(contents, name), contents.units[contents.sides[name][0]]
    in_sd = effects.in_words(rows.select(effect="beta", effect_se="se", unit=pl.lit(unit)))
    natural = effects.in_words(rows.select("effect", "effect_se", "unit"))
    return rows.select("locus").with_columns(
        rows["best_neglog10p"].alias(f"{prefix}_best"), natural.fill_null(in_sd).alias(f"{prefix}_effect"),
        rows["trait"].alias(f"{prefix}_trait"), in_sd.alias(f"{prefix}_sd"), rows["neglog10p"].alias(f"{prefix}_lead"),
    )  # fmt: skip


def _shown_loci(contents: ComparisonContents) -> pl.DataFrame:
    """The loci with a table of their own, by position."""
    best = contents.compared.group_by("locus").agg(pl.col("best_neglog10p").max())
    strongest_loci = contents.loci.join(best, on="locus").sort("best_neglog10p", "locus", descending=[True, False])
    return strongest_loci.head(MOST_LOCI).sort("locus")


def _loci(contents: ComparisonContents) -> list[LocusPart]:
    loci_of = {name: contents.loci_of(*member) for name, member in contents.members.items()}
    return [_locus(contents, row, loci_of) for row in _shown_loci(contents).iter_rows(named=True)]


def _locus(contents: ComparisonContents, locus: Mapping[str, Any], loci_of: Mapping[str, frozenset[int]]) -> LocusPart:
    number = locus["locus"]
    by = [name for name, loci in loci_of.items() if number in loci]
    ends = [f"{locus['start']:,}", *([f"{locus['stop']:,}"] if locus["stop"] > locus["start"] else [])]
    place = f"chromosome {locus['chrom']}, {'–'.join(ends)}"
    heading = f"Locus {number}: {locus['lead_variant']}, {place}, effect allele {locus['effect_allele']}"
    rows = _with_words(contents.compared.filter(pl.col("locus") == number), contents.units)
    title = f"Locus {number}: tests of {locus['lead_variant']} and around it; beta and effects are of {locus['effect_allele']}"
    found_by = "all" if len(by) == len(loci_of) else joined(by)
    return LocusPart(number, heading, found_by, shown(IN_LOCUS, rows, title=title, suffix=f"-{number}"))


def _with_words(rows: pl.DataFrame, units: Mapping[str, str]) -> pl.DataFrame:
    """The rows with beta and effect in words, each with its standard error."""
    of_beta = rows.select(effect="beta", effect_se="se", unit=pl.Series([units[study] for study in rows["study"]]))
    return rows.with_columns(beta_words=effects.in_words(of_beta), effect_words=effects.in_words(rows))


def _without_null(contents: ComparisonContents) -> str:
    """Studies without a null study, in words; empty if all have one."""
    lacking = contents.null_counts.filter(pl.col("null_loci").is_null())["study"].unique(maintain_order=True).to_list()
    return joined(lacking) if lacking else ""


def _plain(name: str, title: str, frame: pl.DataFrame) -> ShownTable | None:
    return shown(plain(name, title, frame.schema), frame)

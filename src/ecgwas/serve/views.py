"""Views: what is shown of a variant, a trait, a region, and of whole studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ecgwas.genotypes import variant_choice
from ecgwas.loci.neighbourhoods import FLANK_BP
from ecgwas.report.text.effects import in_words
from ecgwas.report.text.numbers import p_value
from ecgwas.serve import addresses, figures
from ecgwas.serve import blocks as b
from ecgwas.serve.blocks import Block, Cell
from ecgwas.serve.genes import around
from ecgwas.serve.study import Served

MOST_ROWS = 50
"""Rows of tables of strongest tests."""

NEAREST = 4


@dataclass(frozen=True)
class View:
    """title: of the page;  blocks: what it shows;  genome: chromosomes of its Manhattan plot, as genome_of gives them"""

    title: str
    blocks: list[Block]
    genome: list[list[Any]]

    def as_json(self) -> dict[str, Any]:
        """For json.dumps."""
        return {"title": self.title, "blocks": self.blocks, "genome": self.genome}


def genome_of(served: Served) -> list[list[Any]]:
    """Chromosome, where its positions start, where it is drawn, and its width."""
    genome = served.genome
    return [[chrom, genome.starts[chrom], *genome.extent(chrom)] for chrom in genome.starts]


def what_is_kept(served: Served) -> str:
    """Which tests can be shown, in sentences."""
    limit = f"The threshold is −log10 p {served.threshold[0]:.2f} ({served.threshold[1]})."
    if served.keep_neglog10p == 0:
        return f"The scan kept all {len(served.kept):,} tests. {limit}"
    kept = f"The scan kept its {len(served.kept):,} tests with −log10 p of {served.floor_words} or more"
    if served.dense is not None:
        return f"{kept} with all digits, and every test rounded to seven digits (scan.dense). {limit}"
    return f"{kept}; weaker ones were counted for λ and QQ plots, and are not in the results. {limit}"


def start(served: Served, others: Mapping[str, Served]) -> View:
    """The study: counts, all traits along the genome, loci; and the other studies."""
    people = served.summary["n"].max()
    counts = [(f"{len(served.loci):,}", "loci"), (f"{len(served.kept.traits):,}", "traits"),
              (f"{people:,}" if isinstance(people, int) else "–", "participants"), (f"{len(served.kept):,}", "tests kept"),
              (f"{len(served.variants):,}", "variants here")]  # fmt: skip
    shown = [b.cards(counts), b.text(what_is_kept(served))]
    if len(others) > 1:
        shown.append(_studies(others))
    nothing = "No test was kept: there is nothing to draw."
    shown += [b.figure("overview", figures.overview(served), nothing), loci_table(served)]
    return View(served.name, shown, genome_of(served))


def _studies(studies: Mapping[str, Served]) -> Block:
    rows = [
        [b.cell(one.name, address=addresses.page("start", key)), b.number(len(one.kept.traits), ","),
         b.number(len(one.loci), ","), b.number(one.threshold[0], ".2f"), b.cell(one.floor_words), b.number(len(one.kept), ","),
         b.cell("yes" if one.dense is not None else "no")]
        for key, one in studies.items()
    ]  # fmt: skip
    heads = [("study", False), ("traits", True), ("loci", True), ("threshold, −log10 p", True), ("kept from −log10 p", True),
             ("tests kept", True), ("every test on disk", False)]  # fmt: skip
    return b.table("studies", "Studies", heads, rows)


def loci_table(served: Served) -> Block:
    """Loci, the strongest first; each leads to the region of its best trait."""
    rows = []
    for row in served.loci.sort("neglog10p", descending=True).iter_rows(named=True):
        lead = {"variant": row["lead_variant"], **row}
        start, stop = max(1, row["start"] - FLANK_BP), row["stop"] + FLANK_BP
        region = addresses.region(row["chrom"], start, stop, row["best_trait"], served.key)
        rows.append([
            b.cell(str(row["locus"]), row["locus"], region),
            b.cell(row["lead_variant"], address=addresses.variant(lead, served.key)),
            b.cell(served.genes.nearest(row["chrom"], row["pos"]) or "–"), b.cell(row["chrom"]), b.number(row["pos"], ","),
            b.cell(row["best_trait"], address=addresses.trait(row["best_trait"], served.key)),
            b.number(row["neglog10p"], ".2f"),
            p_cell(row["neglog10p"]), b.number(row["traits"], ","), b.number(row["variants"], ","),
        ])  # fmt: skip
    heads = [("locus", True), ("lead variant", False), ("nearest gene", False), ("chromosome", False), ("position", True),
             ("strongest trait", False), ("−log10 p", True), ("p", True), ("traits", True), ("variants", True)]  # fmt: skip
    return b.table("loci", f"{len(served.loci):,} loci of {served.name}; the number opens the region", heads, rows)


def loci(served: Served) -> View:
    """All loci."""
    return View(f"Loci of {served.name}", [loci_table(served)], [])


def traits(served: Served) -> View:
    """All traits with their numbers."""
    rows = []
    for row in served.summary.iter_rows(named=True):
        best = served.strongest.get(row["trait"])
        rows.append([b.cell(row["trait"], address=addresses.trait(row["trait"], served.key)), b.number(row["n"], ","),
                     b.number(row["tests"], ","), b.number(row["lambda_gc"]), b.number(row["significant"], ","),
                     b.number(best, ".2f")])  # fmt: skip
    heads = [("trait", False), ("participants", True), ("tests", True), ("λ", True), ("significant variants", True),
             ("strongest −log10 p", True)]  # fmt: skip
    table = b.table("traits", f"{len(rows):,} traits of {served.name}", heads, rows)
    return View(f"Traits of {served.name}", [table], [])


def trait(served: Served, name: str) -> View:
    """A trait: facts, Manhattan and QQ plot, strongest variants. Raises InputError for an unknown trait."""
    number = served.trait_number(name)
    facts = served.summary.row(by_predicate=pl.col("trait") == name, named=True)
    inflation = "not known" if facts["lambda_gc"] is None else f"{facts['lambda_gc']:.3f}"
    words = (
        f"{facts['n']:,} participants, {facts['tests']:,} tests, λ {inflation}, {facts['significant']:,} significant variants"
    )
    rows = served.kept.trait(number).filter(pl.col("neglog10p").is_finite())
    nothing = f"No test of this trait has −log10 p of {served.floor_words} or more."
    shown = [
        b.text(f"{words}. {what_is_kept(served)}"),
        b.figure("manhattan", figures.manhattan(served, name), nothing),
        b.figure("qq", figures.qq(served, name), "There is no QQ plot: nothing was tested."),
        _peaks(served, name, rows),
    ]
    return View(name, shown, genome_of(served))


def peaks(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """The strongest tests, without those within FLANK_BP of a stronger one; at most `count`. rows: of one trait."""
    ordered = rows.sort("neglog10p", descending=True, maintain_order=True)
    taken: dict[str, list[int]] = {}
    chosen = []
    for place, (chrom, pos) in enumerate(ordered.select("chrom", "pos").iter_rows()):
        if all(abs(pos - other) > FLANK_BP for other in taken.get(chrom, ())):
            taken.setdefault(chrom, []).append(pos)
            chosen.append(place)
            if len(chosen) == count:
                break
    return ordered[chosen]


def _peaks(served: Served, name: str, rows: pl.DataFrame) -> Block:
    strongest = with_effects(served, peaks(rows, MOST_ROWS))
    listed = []
    for row in strongest.iter_rows(named=True):
        start, stop = max(1, row["pos"] - FLANK_BP), row["pos"] + FLANK_BP
        region = addresses.region(row["chrom"], start, stop, name, served.key)
        gene = served.genes.nearest(row["chrom"], row["pos"]) or "–"
        listed.append([*variant_cells(served, row, gene), *number_cells(row), *place_cells(row),
                       b.cell("open", address=region)])  # fmt: skip
    caption = f"Strongest variants of {name}: the strongest within 250 kb on either side, at most {MOST_ROWS}"
    return b.table("strongest", caption, [*VARIANT_HEADS, *NUMBER_HEADS, *PLACE_HEADS, ("region", False)], listed)


VARIANT_HEADS = [("variant", False), ("nearest gene", False)]
PLACE_HEADS = [("effect allele", False), ("other allele", False), ("chromosome", False), ("position", True)]
NUMBER_HEADS = [("−log10 p", True), ("p", True), ("effect per copy", False), ("beta", True), ("standard error", True),
                ("frequency", True), ("participants", True)]  # fmt: skip


def variant_cells(served: Served, row: Mapping[str, Any], gene: str) -> list[Cell]:
    """Cells of VARIANT_HEADS. gene: its nearest, in words."""
    return [b.cell(row["variant"], address=addresses.variant(row, served.key)), b.cell(gene)]


def place_cells(row: Mapping[str, Any]) -> list[Cell]:
    """Cells of PLACE_HEADS."""
    return [b.cell(row["effect_allele"]), b.cell(row["other_allele"]), b.cell(row["chrom"]), b.number(row["pos"], ",")]


def number_cells(row: Mapping[str, Any]) -> list[Cell]:
    """Cells of NUMBER_HEADS. row: columns NUMBERS, effect, amount."""
    return [b.number(row["neglog10p"], ".2f"), p_cell(row["neglog10p"]), b.cell(row["amount"] or "–", row["effect"]),
            b.number(row["beta"]), b.number(row["se"]), b.number(row["eaf"]), b.number(row["n"], ",")]  # fmt: skip


def p_cell(neglog10p: float | None) -> Cell:
    """p, sorted by -log10 p; a dash where it was not computed."""
    return b.number(None) if neglog10p is None else b.cell(p_value(neglog10p), neglog10p)


def with_effects(served: Served, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with column `amount`: the effect in the unit of the trait, in words; null without one."""
    keys = ["trait", "chrom", "pos", "effect_allele", "other_allele"]
    if "effect" not in rows.columns:
        rows = rows.join(served.natural, on=keys, how="left", maintain_order="left")
    return rows.with_columns(amount=in_words(rows))


def variant(studies: Mapping[str, Served], text: str, first: str, *, private: bool) -> View:
    """A variant in every study: its tests of all traits. text: rs number, id, chrom:pos or chrom:pos:allele:allele.

    first: key of the study that is shown first. A variant that a study lacks is answered with the nearest ones; several of one
    position or name are listed.
    """
    order = [first, *(key for key in studies if key != first)]
    matches = {key: numbers_of(studies[key], text) for key in order}
    single = {key: studies[key].variants.row(numbers[0]) for key, numbers in matches.items() if len(numbers) == 1}
    row = next(iter(single.values()), None)
    if row is not None:  # the same variant in the other studies, whatever its name there
        alleles = frozenset((row["effect_allele"].upper(), row["other_allele"].upper()))
        for key in order:
            found_here = studies[key].variants.with_alleles(row["chrom"], row["pos"], alleles)
            matches[key] = matches[key] if len(matches[key]) == 1 else found_here or matches[key]
    groups = [_in_study(studies[key], matches[key], text, private=private) for key in order]
    shown: list[Block] = []
    compared = {key: matches[key][0] for key in order if len(matches[key]) == 1}
    if len(compared) > 1:
        shown.append(_compared(studies, compared))
    shown += groups[0] if len(groups) == 1 else [b.side_by_side(groups)]
    return View(text if row is None else str(row["variant"]), shown, [])


def numbers_of(served: Served, text: str) -> list[int]:
    """Variants of the study that a text names: none, one or several."""
    table = served.variants
    named = table.named(text)
    at = variant_choice.parsed([text]).row(0, named=True)
    if named or at["chrom"] is None:
        return named
    alleles = None if at["first"] is None else frozenset((at["first"], at["second"]))
    return table.with_alleles(at["chrom"], at["pos"], alleles)


def near(served: Served, text: str) -> list[int]:
    """The variants nearest to a text that names none: by position, or by name."""
    at = variant_choice.parsed([text]).row(0, named=True)
    if at["chrom"] is not None:
        return served.variants.nearest(at["chrom"], at["pos"], NEAREST)
    return served.variants.starting_with(text, NEAREST) or served.variants.similar(text)


def _in_study(served: Served, numbers: list[int], text: str, *, private: bool) -> list[Block]:
    shown = [b.heading(served.name)]
    if len(numbers) != 1:
        return [*shown, *_none_or_several(served, numbers, text)]
    row = served.variants.row(numbers[0])
    tests = served.tests_of(numbers[0])
    shown += [_facts(served, row), b.figure(f"phewas-{served.key}", figures.all_traits(served, row, tests),
                                            "No test of this variant was kept.")]  # fmt: skip
    if private and served.study is not None:
        words = "Test it again with genotypes and recordings: all traits, ECG by genotype, region (takes seconds)"
        shown.append(b.ask(words, {"study": served.key, "variant": ":".join(map(str, variant_key(row)))}))
    return [*shown, tests_table(served, row, tests)]


def variant_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Chromosome, position, effect and other allele."""
    return row["chrom"], row["pos"], row["effect_allele"], row["other_allele"]


def _none_or_several(served: Served, numbers: list[int], text: str) -> list[Block]:
    listed = numbers or near(served, text)
    cells = []
    for number in listed:
        row = served.variants.row(number)
        place = f"{row['chrom']}:{row['pos']:,} {row['other_allele']}>{row['effect_allele']}"
        cells.append(b.link(f"{row['variant']} ({place})", addresses.variant(row, served.key)))
    if numbers:
        return [b.text(f"{text} means {len(numbers)} variants:"), b.links("Variants of this name or position", cells)]
    why = "it was not tested" if served.dense is not None or served.keep_neglog10p == 0 else (
        f"it was not tested, or all of its tests have −log10 p below {served.floor_words}"
    )  # fmt: skip
    words = f"There is no variant {text} in these results: {why}."
    return [b.text(words), *([b.links("Nearest variants", cells)] if cells else [])]


def _facts(served: Served, row: Mapping[str, Any]) -> Block:
    chrom, pos = row["chrom"], row["pos"]
    build = f" ({served.study.scan.build})" if served.study is not None else ""
    pieces: list[str | Cell] = [
        f"{row['variant']} at {chrom}:{pos:,}{build}, effect allele {row['effect_allele']}, "
        f"other allele {row['other_allele']}. "
    ]
    region = addresses.region(chrom, max(1, pos - FLANK_BP), pos + FLANK_BP, "", served.key)
    gene = served.genes.nearest(chrom, pos)
    if gene is not None and (place := served.genes.named(gene)) is not None:
        symbol, of_gene, first, last = place
        pieces += ["Nearest gene ", b.link(symbol, addresses.region(of_gene, *around(first, last), "", served.key)), ". "]
    inside = (pl.col("chrom") == chrom) & (pl.col("start") <= pos) & (pl.col("stop") >= pos)
    for locus in served.loci.filter(inside)["locus"].to_list():
        pieces.append(f"It lies in locus {locus}. ")
    return b.text(*pieces, b.link("Its region", region), ".")


def tests_table(served: Served, row: Mapping[str, Any], tests: pl.DataFrame) -> Block:
    """A variant's tests, the strongest first."""
    start, stop = max(1, row["pos"] - FLANK_BP), row["pos"] + FLANK_BP
    rows = []
    for test in with_effects(served, tests.sort("neglog10p", descending=True, nulls_last=True)).iter_rows(named=True):
        region = addresses.region(row["chrom"], start, stop, test["trait"], served.key)
        rows.append([b.cell(test["trait"], address=addresses.trait(test["trait"], served.key)), *number_cells(test),
                     b.cell("open", address=region)])  # fmt: skip
    caption = f"Tests of {row['variant']} in {served.name}, per copy of {row['effect_allele']}"
    return b.table(f"tests-{served.key}", caption, [("trait", False), *NUMBER_HEADS, ("region", False)], rows)


def _compared(studies: Mapping[str, Served], numbers: Mapping[str, int]) -> Block:
    """Each study's strongest test of the variant, next to each other; effects of one and the same allele."""
    allele = studies[next(iter(numbers))].variants.row(next(iter(numbers.values())))["effect_allele"]
    rows = []
    for key, number in numbers.items():
        served, own = studies[key], studies[key].variants.row(number)
        tests = served.tests_of(number).filter(pl.col("neglog10p").is_finite()).sort("neglog10p", descending=True)
        same = own["effect_allele"].upper() == allele.upper()
        best = tests.row(0, named=True) if tests.height else None
        sign, eaf = (1.0 if same else -1.0), None if best is None else best["eaf"]
        rows.append([
            b.cell(served.name, address=addresses.page("start", key)), b.cell(own["variant"]),
            b.number(eaf if same or eaf is None else 1 - eaf), b.number(None if best is None else best["n"], ","),
            b.number(tests.height, ","), b.cell("–", "") if best is None else
            b.cell(best["trait"], address=addresses.trait(best["trait"], key)),
            b.number(None if best is None or best["beta"] is None else sign * best["beta"]),
            b.number(None if best is None else best["neglog10p"], ".2f"),
        ])  # fmt: skip
    heads = [("study", False), ("variant", False), (f"frequency of {allele}", True), ("participants", True),
             ("tests here", True), ("strongest trait", False), (f"beta per copy of {allele}", True),
             ("−log10 p", True)]  # fmt: skip
    return b.table("compared", f"The variant in {len(rows)} studies", heads, rows)

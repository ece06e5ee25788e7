"""The command `look`: one variant after a run - ECG by genotype, all traits, its surroundings - as figures and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ecgwas import report
from ecgwas.commands.command_line import refuse_stale
from ecgwas.errors import InputError, first_few
from ecgwas.exchange.pheweb import p_as_text
from ecgwas.genotypes import variant_lookup
from ecgwas.genotypes.variant_lookup import FoundVariant
from ecgwas.report.figures import genotype, phewas, region
from ecgwas.report.names import slug
from ecgwas.report.page.table_views import EFFECT_UNITS
from ecgwas.stages import trait_names, variant_view
from ecgwas.stages.variant_view import StudyTables, VariantTests
from ecgwas.store import atomic_write
from ecgwas.study import Study
from ecgwas.tables import Thresholds, files
from ecgwas.tables.loci import VariantTraits

NEEDED = ("read", "represent", "traits", "scan", "loci")
"""Stages whose results are read."""

MOST_TRAITS = 5
"""Most traits named on the terminal; the table has all."""


SHAREABLE = "-shareable"
"""End of the name of a shareable look's folder: nothing private is in it."""

OWN_FILES = re.compile(r"all_traits\.csv|figures/(ecg_by_genotype|ecg_difference|phewas|region_[^/]+)\.(svg|csv)")
"""Paths, below its folder, of the files that a look writes."""


@dataclass(frozen=True)
class Threshold:
    """The study's threshold: -log10 p and kind."""

    neglog10p: float
    kind: str

    @classmethod
    def of(cls, study: Study) -> Threshold:
        """The threshold that stage `loci` used."""
        table: Thresholds = files.THRESHOLDS.read(study.results)
        row = table.frame.row(by_predicate=pl.col("used"), named=True)
        return cls(float(row["neglog10p"]), str(row["kind"]))


def look(
    study: Study, name: str, *, chosen: Sequence[str] = (), folder: Path | None = None, shareable: bool = False
) -> Iterator[str]:
    """Writes figures and tables of one variant into the folder and yields what they say.

    name: id, rs number, chrom:pos or chrom:pos:allele:allele; chosen: traits whose surroundings are drawn, by default the
    variant's strongest; folder: by default results/look/VARIANT; shareable: nothing of fewer than share.min_people
    participants, by default in results/look/VARIANT-shareable. A shareable look's folder is emptied first of what an earlier
    look wrote, even if the variant is then refused. Raises InputError for a variant that is not in the genotypes, and if that
    folder holds other files; StudyError for an unknown trait; MissingStageError if the results are absent or stale.
    """
    refuse_stale(study, NEEDED)
    tables = StudyTables.of(study)
    trait_names.refuse_unknown(chosen, tables.traits.names, where=study.folder)
    variant = variant_lookup.find(study.scan, name, variant_view.likely_chroms(study, name))
    min_people = study.share.min_people if shareable else 0
    place = folder or files.LOOK_TRAITS.path(study.results, variant=slug(variant.variant) + SHAREABLE * shareable).parent
    if shareable:
        empty(place)
    excluded = variant_view.why_excluded(study, variant)
    tests = variant_view.tests_of(study, tables, variant)
    variant_view.refuse_few_carriers(variant, tests, min_people)
    beats = variant_view.beats_of(study, tables, variant, min_people)
    limit = Threshold.of(study)
    regions = {
        trait: variant_view.region_of(study, tables, variant, trait, tests.tests, min_people)
        for trait in dict.fromkeys(chosen or [trait for trait in (tests.strongest,) if trait is not None])
    }
    figures = _figures(variant, tests, beats, regions, limit)
    written = [*_write_figures(figures, place), _write_traits(tests, place)]
    yield from _about_variant(study, tables, variant, tests, excluded)
    if study.read is None:
        yield "no ECG by genotype: the study has no recordings"
    else:
        yield from _beats_in_words(beats, max(min_people, genotype.FEWEST))
    yield from _traits_in_words(study, tests, limit)
    yield f"Wrote {first_few([path.name for path in written], 12)} into {place}"


def empty(folder: Path) -> None:
    """Removes what an earlier look wrote into the folder. Raises InputError, and removes nothing, if it holds other files."""
    present = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]
    others = [name for path in present if not OWN_FILES.fullmatch(name := path.relative_to(folder).as_posix())]
    if others:
        problem = f"the folder holds other files than those of `ecgwas look`: {first_few(others)}"
        raise InputError(problem, where=folder, fix="give an empty folder, so that nothing private is passed on with it")
    for path in present:
        path.unlink()


def _figures(
    variant: FoundVariant, tests: VariantTests, beats: report.GenotypeBeats | None, regions: Mapping[str, report.LocusRegion],
    limit: Threshold,
) -> dict[str, report.Figure]:  # fmt: skip
    """File name -> figure; those with nothing to show are absent. regions: by trait."""
    figures = {
        "ecg_by_genotype": None if beats is None else genotype.ecg_by_genotype(beats, limit.neglog10p),
        "ecg_difference": None if beats is None else genotype.difference(beats),
        "phewas": phewas.phewas(variant.variant, variant.effect_allele, tests.tests, limit.neglog10p),
        **{f"region_{slug(trait)}": region.region(here, limit.neglog10p) for trait, here in regions.items()},
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _write_figures(figures: dict[str, report.Figure], folder: Path) -> list[Path]:
    written = []
    for name, figure in figures.items():
        drawn = folder / Path(files.LOOK_FIGURE.name).parent.name / name
        for path, text in ((drawn.with_name(f"{name}.svg"), figure.svg), (drawn.with_name(f"{name}.csv"), figure.csv)):
            with atomic_write(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def all_traits(tests: VariantTests) -> VariantTraits:
    """Every trait, tested or not, strongest first."""
    p = pl.col("neglog10p").map_elements(p_as_text, return_dtype=pl.String)
    rows = tests.tests.with_columns(p=p, reason=pl.lit(None, pl.String)).sort("neglog10p", descending=True, nulls_last=True)
    columns = [name for name in VariantTraits.columns if name in rows.columns]
    untested = tests.untested.select("trait", "reason")
    empty = VariantTraits.empty().frame
    return VariantTraits(pl.concat([empty, rows.select(columns), untested], how="diagonal_relaxed"))


def _write_traits(tests: VariantTests, folder: Path) -> Path:
    path = folder / Path(files.LOOK_TRAITS.name).name
    with atomic_write(path) as temporary:
        all_traits(tests).frame.write_csv(temporary)
    return path


def _about_variant(
    study: Study, tables: StudyTables, variant: FoundVariant, tests: VariantTests, excluded: str | None
) -> Iterator[str]:
    """Position, alleles, genes, locus, and why the scan excludes the variant, if it does."""
    alleles = f"effect allele {variant.effect_allele}, other allele {variant.other_allele}"
    yield f"{variant.variant} at {variant.chrom}:{variant.pos} ({study.scan.build}), {alleles}"
    genes = variant_view.genes_near(tables, variant)
    if genes:
        yield f"gene at or nearest to it: {first_few(genes)}"
    if excluded is not None:
        tested = "; it was tested here without filters" if tests.tests.height else ""
        yield f"warning: the study's scan excludes it: {excluded}{tested}"
    locus = variant_view.locus_of(study, variant)
    if locus is not None:
        own = " (its lead variant)" if locus["lead_variant"] == variant.variant else ""
        yield f"it lies in locus {locus['locus']}{own}: lead variant {locus['lead_variant']}, {locus['best_trait']}"


def _beats_in_words(beats: report.GenotypeBeats | None, min_people: int) -> Iterator[str]:
    if beats is None:
        yield f"no ECG by genotype: no two genotypes have {min_people} participants with a median beat"
        return
    groups = [k for k in range(3) if beats.people[k] >= genotype.FEWEST]
    others = "; other genotypes have fewer" if (beats.people > 0).sum() > len(groups) else ""
    yield f"participants: {', '.join(f'{genotype.copies(beats, k)} {beats.people[k]:,}' for k in groups)}{others}"
    size = np.abs(np.nan_to_num(beats.slope_uv))
    lead, time = np.unravel_index(int(size.argmax()), size.shape)
    slope, strength = float(beats.slope_uv[lead, time]), float(beats.neglog10p[lead, time])
    at = f"in {beats.leads[lead]}, {beats.times_ms[time]:.0f} ms after R"
    yield f"largest effect of one copy on the mean beat: {slope:+.0f} µV {at} (-log10 p {strength:.1f} there, unadjusted)"


def _traits_in_words(study: Study, tests: VariantTests, limit: Threshold) -> Iterator[str]:
    finite = tests.tests.filter(pl.col("neglog10p").is_finite()).sort("neglog10p", descending=True)
    for reason, count in tests.untested["reason"].value_counts(sort=True).iter_rows():
        yield f"{count} traits are not tested: {reason}"
    if finite.height == 0:
        return
    n, eaf = finite.row(0, named=True)["n"], finite.row(0, named=True)["eaf"]
    beyond = int((finite["neglog10p"] > limit.neglog10p).sum())
    yield f"frequency of the effect allele {eaf:.3g} in {n:,} participants"
    yield f"{beyond} of {finite.height:,} traits beyond the threshold, -log10 p {limit.neglog10p:.2f} ({limit.kind})"
    unit = EFFECT_UNITS[study.traits.transform]
    for row in finite.head(MOST_TRAITS).iter_rows(named=True):
        yield f"  {row['trait']}: beta {row['beta']:+.3f} (se {row['se']:.3f}) {unit}, -log10 p {row['neglog10p']:.2f}"

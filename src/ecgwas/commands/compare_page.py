"""The page of `ecgwas compare --page`: loci of several studies, or of the representations of one, at one threshold for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ecgwas import __version__, stages
from ecgwas.commands import compare
from ecgwas.errors import EcgwasError, MissingStageError, StudyError, first_few
from ecgwas.loci import common_threshold, merge, thresholds
from ecgwas.loci.common_threshold import CommonThreshold, StudyTests
from ecgwas.loci.shared_loci import NO_NATURAL, READ, StudyHits, compared_loci, rows_in_loci, shared_loci
from ecgwas.report.comparison import NULL_COUNTS, ComparisonContents, Threshold
from ecgwas.report.page import comparison
from ecgwas.report.text.intersections import joined
from ecgwas.stages import null, scan
from ecgwas.stages.base import seed_of
from ecgwas.store import atomic_write, fingerprint
from ecgwas.study import Study
from ecgwas.tables import NATURAL_EFFECT, VARIANT_KEY, Associations, files
from ecgwas.tables.comparison import ComparedLoci
from ecgwas.tables.loci import Clumps, threshold_caveat

COMPARED_LOCI = "compared_loci.csv"
"""Name of the table that is written next to the page."""

NEEDED = (files.TRAITS, files.THRESHOLDS, files.SUMMARY, files.HITS, files.LOCI, files.CLUMPS, files.VARIANT_COUNTS)
OMIT = "or compare without --page"


@dataclass(frozen=True)
class ComparisonPage:
    """The page as HTML, the table next to it, what they say in a few lines, and warnings."""

    html: str
    table: ComparedLoci
    summary: tuple[str, ...]
    warnings: tuple[str, ...]

    def write(self, path: Path) -> tuple[Path, Path]:
        """Writes both; the table into the folder of the page."""
        table_path = path.with_name(COMPARED_LOCI)
        with atomic_write(path) as temporary:
            temporary.write_text(self.html, encoding="utf-8")
        with atomic_write(table_path) as temporary:
            self.table.frame.write_csv(temporary)
        return path, table_path


def page(studies: Mapping[str, Study], representations: pl.DataFrame | None) -> ComparisonPage:
    """The comparison of these studies (by name), from stages `traits` to `loci` of each; nothing is tested again.

    representations: of one study, columns of tables.comparison.Comparison. Raises MissingStageError for studies without loci,
    StudyError where there is nothing to compare: one representation, different genome builds, no chromosome in common, or a
    common threshold below what a scan kept.
    """
    _refuse(studies)
    threshold = common_threshold.common_threshold(*_tests(studies))
    _refuse_lost_hits(studies, threshold.neglog10p)
    parts = [_hits(name, study, study.results, threshold.neglog10p) for name, study in studies.items()]
    loci = shared_loci(parts, _window_bp(studies), threshold.neglog10p)
    rows = [rows_in_loci(scan.stored_rows_in_turn(study.results, READ), loci) for study in studies.values()]
    table = compared_loci(parts, loci, rows, threshold.neglog10p)
    settings, results = compare.printed(compare.compared(studies).frame)
    warnings = _warnings(studies, threshold)
    contents = ComparisonContents(
        settings=settings, results=results, representations=representations,
        threshold=Threshold(threshold.neglog10p, threshold.low, threshold.high, (*_about(threshold), *_caveats(studies))),
        compared=table.frame, order={part.name: part.representations for part in parts},
        floors={name: study.scan.keep_neglog10p for name, study in studies.items()},
        units={name: "SD" if study.traits.transform == "rank_normal" else "" for name, study in studies.items()},
        null_counts=_null_counts(studies, table.frame, parts, threshold.neglog10p),
        notes=(*_notes(studies), *warnings), build=next(iter(studies.values())).scan.build, version=__version__,
    )  # fmt: skip
    limit = f"one threshold for all: -log10 p > {threshold.neglog10p:.2f} ({threshold.kind})"
    return ComparisonPage(comparison.render(contents), table, (limit, *comparison.statements(contents)), warnings)


def _refuse(studies: Mapping[str, Study]) -> None:
    if sum(len(study.represent) for study in studies.values()) < 2:
        problem = "one study with one representation: there is nothing to compare it with"
        raise StudyError(problem, fix=f"name a second study file, {OMIT}")
    not_run = [
        name for name, study in studies.items()
        if not all(file.exists(study.results) for file in NEEDED) or not files.TEST_COUNTS.all_names(study.results)
    ]  # fmt: skip
    if not_run:
        fix = f"run `ecgwas run --until loci STUDY.yaml` on each, {OMIT}"
        raise MissingStageError(f"no results of stages traits to loci: {first_few(not_run)}", fix=fix)
    builds = {name: study.scan.build for name, study in studies.items()}
    if len(set(builds.values())) > 1:
        words = first_few(f"{build} ({name})" for name, build in builds.items())
        problem = f"the studies' positions refer to different genome builds: {words}"
        raise StudyError(problem, fix=f"scan genotypes of one build in all of them, {OMIT}")
    _refuse_no_common_chromosome(studies)


def _refuse_no_common_chromosome(studies: Mapping[str, Study]) -> None:
    tested = {name: _chromosomes(study) for name, study in studies.items()}
    if not frozenset.intersection(*tested.values()):
        words = first_few(f"{name}: {first_few(merge_order(chroms))}" for name, chroms in tested.items())
        problem = f"no chromosome was tested in all of the studies: {words}"
        raise StudyError(problem, fix=f"compare studies of the same chromosomes, {OMIT}")


def merge_order(chroms: frozenset[str]) -> list[str]:
    """Chromosomes in their order."""
    rank = {name: place for place, name in enumerate(merge.CHROMOSOMES)}
    return sorted(chroms, key=lambda name: (rank.get(name, len(rank)), name))


def _chromosomes(study: Study) -> frozenset[str]:
    """Chromosomes with a tested variant."""
    counts = files.VARIANT_COUNTS.read(study.results).frame
    tested = counts.filter((pl.col("outcome") == "tested") & (pl.col("variants") > 0))
    return frozenset("X" if chrom == "PAR" else chrom for chrom in tested["chrom"])


def _tests(studies: Mapping[str, Study]) -> tuple[list[StudyTests], float]:
    """What the common threshold follows from, and the smallest of the studies' family-wise errors."""
    tests = [
        StudyTests(name, files.SUMMARY.read(study.results).frame.height,
                   thresholds.joint_maxima(scan.stored_counts(study.results)), _permutations(study))
        for name, study in studies.items()
    ]  # fmt: skip
    return tests, min(study.loci.family_wise_error for study in studies.values())


def _permutations(study: Study) -> str:
    """Equal for studies that permute the same participants in the same orders: the seed, the participants with traits in their
    order, the genotype files with their list of participants (scan/permutation/max_t.py, `orders`), and the number permuted."""
    eids = pl.scan_parquet(files.TRAITS.path(study.results)).select("eid").collect()["eid"].to_list()
    permuted = max((one.permuted_people for one in scan.stored_counts(study.results) if one.permuted_tests), default=0)
    return fingerprint(seed_of(study, "scan"), eids, *_genotypes(study), *([permuted] if permuted else []))


def _genotypes(study: Study) -> list[str]:
    people = getattr(study.scan, "people", None)
    return [str(study.scan.genotypes.resolve()), "" if people is None else str(Path(people).resolve())]


def _refuse_lost_hits(studies: Mapping[str, Study], neglog10p: float) -> None:
    for name, study in studies.items():
        try:
            thresholds.refuse_lost_hits(neglog10p, study.scan.keep_neglog10p)
        except StudyError as error:
            problem = error.problem.replace("the threshold", "the common threshold")
            raise StudyError(f"{name}: {problem}", fix=error.fix) from None


def _window_bp(studies: Mapping[str, Study]) -> int:
    return max(study.loci.window_bp for study in studies.values())


def _hits(name: str, study: Study, results: Path, neglog10p: float) -> StudyHits:
    """Of a study, or (results: of its null study) of its null study."""
    hits = [Associations.empty().frame]
    for rows in scan.stored_rows_in_turn(results, list(Associations.columns)):
        hits.append(merge.significant(rows.filter(pl.col("neglog10p").is_finite()), neglog10p))
    natural = NO_NATURAL
    if files.HITS.exists(results):
        natural = files.HITS.read(results).frame.drop_nulls("unit").select("trait", *VARIANT_KEY, *NATURAL_EFFECT)
    clumps = files.CLUMPS.read(results) if files.CLUMPS.exists(results) else Clumps.empty()
    names = tuple(options.name for options in study.represent)
    return StudyHits(name, names, pl.concat(hits), clumps, natural, _genotypes(study)[0])


def _null_counts(
    studies: Mapping[str, Study], compared: pl.DataFrame, parts: Sequence[StudyHits], neglog10p: float
) -> pl.DataFrame:
    rows = []
    for part, study in zip(parts, studies.values(), strict=True):
        null_results = study.results / "null"
        by_chance = None
        if files.ASSOCIATIONS.all_names(null_results) and study.scan.tests_traits:
            by_chance = _hits(part.name, study, null_results, neglog10p)
        null_loci = None if by_chance is None else shared_loci([by_chance], study.loci.window_bp, neglog10p)
        for name in part.representations:
            own = compared.filter(pl.col("found"), study=part.name, representation=name)
            row: dict[str, Any] = {"study": part.name, "representation": name, "loci": own["locus"].n_unique(),
                                   "pairs": _of(part.hits, name).height, "null_loci": None, "null_pairs": None}  # fmt: skip
            if by_chance is not None and null_loci is not None:
                row |= {"null_loci": len(compare.loci_of(name, by_chance.hits, null_loci)),
                        "null_pairs": _of(by_chance.hits, name).height}  # fmt: skip
            rows.append(row)
    return pl.DataFrame(rows, schema=NULL_COUNTS)


def _of(hits: pl.DataFrame, representation: str) -> pl.DataFrame:
    return hits.filter(pl.col("trait").str.starts_with(f"{representation}."))


def _about(threshold: CommonThreshold) -> list[str]:
    """What the threshold promises, and under which assumptions."""
    traits = f"all {threshold.traits:,} traits" if threshold.traits != 1 else "the trait"
    if threshold.kind == common_threshold.BONFERRONI:
        return [f"One threshold for all tests: 5e-8 divided by the number of traits of all studies, {threshold.traits:,}, "
                f"because permutations cannot set it ({threshold.reason})."]  # fmt: skip
    promise = (
        f"One threshold for all tests: if no variant had any effect, any hit at all would pass it with a probability of at "
        f"most {threshold.error:g} (family-wise over {traits} compared)."
    )
    assumed = "Assumption: the participants of a study are exchangeable, given the covariates."
    if len(threshold.groups) == 1:
        (names,), (permutations,) = threshold.groups, threshold.counts
        how = (
            f"It is the quantile of the largest −log10 p of each of {permutations:,} permutations of the participants (max-T)."
        )
        if len(names) > 1:
            how = (
                f"{joined(names)} permute the same participants in the same orders, so the largest −log10 p of each of "
                f"{permutations:,} permutations is taken over the tests of all of them, and its quantile is the threshold."
            )
        return [promise, how, assumed]
    groups = "; ".join(f"{joined(names)} ({count:,})" for names, count in zip(threshold.groups, threshold.counts, strict=True))
    how = (
        f"Studies with other participants, or other permutations of them, have maxima of their own: {groups}. It is the "
        "smallest threshold at which their probabilities of exceeding it add up to no more than that (Bonferroni's inequality, "
        "which holds whether or not the studies share participants)."
    )
    return [promise, how, assumed]


def _caveats(studies: Mapping[str, Study]) -> list[str]:
    """Warnings that belong next to every threshold."""
    guards = {name: files.SAMPLE_GUARDS.read(study.results).frame
              for name, study in studies.items() if files.SAMPLE_GUARDS.exists(study.results)}  # fmt: skip
    caveats = {name: threshold_caveat(frame) for name, frame in guards.items()}
    return [f"{name}: {caveat}." for name, caveat in caveats.items() if caveat is not None]


def _notes(studies: Mapping[str, Study]) -> list[str]:
    """How the loci were formed, and what each study tested."""
    windows = {study.loci.window_bp for study in studies.values()}
    largest = ", the largest loci.window_bp of the studies" if len(windows) > 1 else " (loci.window_bp)"
    notes = [
        f"Loci: hits of all studies together are merged as those of one study: hits at most {max(windows):,} bp from the next"
        f"{largest} belong to one locus, and so do hits within one clump. A study or representation finds a locus if one of "
        "its traits passes the common threshold in it.",
        "Tests of trait sets are not compared: here single traits have the whole family-wise error, so that the loci can "
        "differ from those of each study's own report.",
        "The alleles of a lead variant are harmonised between studies, on either strand; those of a palindromic variant by "
        "their frequencies, and no effect is given where these are near one half.",
    ]  # fmt: skip
    for name, study in studies.items():
        summary = files.SUMMARY.read(study.results).frame
        people, variants = (max(summary[column].to_list(), default=0) for column in ("n", "tests"))
        own = thresholds.neglog10p_used(files.THRESHOLDS.read(study.results))
        notes.append(f"{name}: {people:,} participants, {summary.height:,} traits, {variants:,} variants tested, own threshold "
                     f"−log10 p {own:.2f}; rows from −log10 p {study.scan.keep_neglog10p:g} are kept.")  # fmt: skip
    return notes


def _warnings(studies: Mapping[str, Study], threshold: CommonThreshold) -> tuple[str, ...]:
    """What a reader should know before comparing."""
    warnings = []
    if threshold.kind == common_threshold.BONFERRONI:
        warnings.append(f"the common threshold is 5e-8 / {threshold.traits:,} traits: {threshold.reason}")
    tested = {name: _chromosomes(study) for name, study in studies.items()}
    everywhere = frozenset.intersection(*tested.values())
    for name, chroms in tested.items():
        if chroms - everywhere:
            words = first_few(merge_order(chroms - everywhere), 25)
            warnings.append(f"chromosome {words} was tested in {name}, but not in every study: its loci cannot be found there")
    transforms = {study.traits.transform for study in studies.values()}
    if len(transforms) > 1:
        warnings.append("traits are transformed in some studies and not in others: beta has different units")
    for name, study in studies.items():
        if not stages.is_fresh(study, "loci", "all"):
            warnings.append(f"{name}: loci are not fresh; `ecgwas run` updates the results")
        if files.ASSOCIATIONS.all_names(study.results / "null") and not _null_is_fresh(study):
            warnings.append(f"{name}: the null study is not fresh; `ecgwas null` runs it again")
    return tuple(warnings)


def _null_is_fresh(study: Study) -> bool:
    try:
        return stages.is_fresh(null.null_study_of(study), "loci", "all")
    except EcgwasError:
        return False

"""Stage `scan`: one part per chromosome, with all traits together; part `polygenic`, if there is one, before them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ecgwas import scan
from ecgwas.errors import Caution, first_few
from ecgwas.genotypes import chromosome_codes, chromosomes, filesets, genome_build, related_pairs, requested
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.progress import track
from ecgwas.scan import panel_structure
from ecgwas.scan.engine import all_tests, block_results, samples
from ecgwas.scan.engine import variant_counts as counting
from ecgwas.stages import polygenic, traits
from ecgwas.stages.base import Needs, Stage, seed_of
from ecgwas.study import Matrix, Scan, ScanOptions, Study
from ecgwas.tables import Associations, LeftOutVariants, ScanResult, files
from ecgwas.tables.loci import VariantCounts

logger = logging.getLogger(__name__)

ROWS_AT_A_TIME = 2**18
"""Kept rows read at a time: as many as Polars writes into one row group of a Parquet file."""

ARRAYS = ("people", "tests", "not_computed", "chi2_counts", "permutation_max", "set_permutation_max")
NUMBERS = ("permuted_people", "permuted_tests")
LATER = "effective_tests"


def tested_chromosomes(study: Study) -> tuple[str, ...]:
    """The chromosomes that are tested, each a part."""
    return chromosomes.available(study.scan)


def _parts(study: Study) -> tuple[str, ...]:
    return (*polygenic.parts(study), *tested_chromosomes(study))


def _options(study: Study, part: str) -> Any:
    if part == polygenic.PART:
        return polygenic.options_of(study)
    return [study.as_written(study.scan), seed_of(study, "scan")]


def _needs(study: Study, part: str) -> Needs:
    earlier = () if part == polygenic.PART else polygenic.parts(study)
    return [("traits", "all"), *(("scan", name) for name in earlier)]


def _files(study: Study, part: str) -> Sequence[Path]:
    return [*chromosomes.input_files(study.scan), *study.scan.further_inputs]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    own, covariates = traits.load_traits(study), traits.load_covariates(study)
    if part == polygenic.PART:
        polygenic.work(study, own, covariates, out)
        return
    loaded = polygenic.residual_traits(study, own, part), covariates
    groups = traits.load_ancestry(study, "ancestry_group")
    opened = chromosomes.open_chromosome(study.scan, part)
    if len(opened) == 0:
        requested.check_variants(study.scan)
    genome_build.check_build(study.scan, [opened])
    for member in opened.by_file or (opened,):
        words = filesets.sample_order(member.fileset)
        if words is not None:
            logger.info("scan %s: %s", part, words)
    # One seed for all parts, because the family-wise maximum needs the same permutations on every chromosome.
    seed = seed_of(study, "scan")
    folder = files.ENGINE_FILES.within(out, engine=study.scan.own_folder, part=part)
    result = scan.scan(engine(study), *loaded, opened, seed=seed, track=track, folder=folder, ancestry=groups)
    files.ASSOCIATIONS.write(result.associations, out, part=part)
    files.SET_ASSOCIATIONS.write(result.sets, out, part=part)
    files.LEFT_OUT_VARIANTS.write(result.left_out, out, part=part)
    arrays = {name: getattr(result, name) for name in (*ARRAYS, *NUMBERS, LATER)}
    path = files.TEST_COUNTS.within(out, part=part)
    path.parent.mkdir()
    np.savez(path, traits=np.array(result.traits, dtype=np.str_), **arrays)
    logger.debug("scan %s: %d tests", part, int(result.tests.sum()))
    _write_counts(study, part, result, out)


def _write_counts(study: Study, part: str, result: ScanResult, out: Path) -> None:
    """Writes and logs how many variants of the part were tested or excluded; the first part adds untested chromosomes."""
    counts = [result.counts]
    for line in counting.in_words(result.counts.to_dicts()):
        logger.debug("scan %s: %s", part, line)
    if part == tested_chromosomes(study)[0]:
        rows = chromosomes.untested(study.scan)
        counts.append(counting.of_untested(rows).frame)
        for line in _not_tested(rows):
            logger.log(logging.WARNING if isinstance(line, Caution) else logging.INFO, "scan: %s", line)
    files.PART_VARIANT_COUNTS.write(VariantCounts(pl.concat(counts)), out, part=part)


def variant_counts(study: Study) -> VariantCounts:
    """How many variants of every chromosome in the files were tested or excluded, in the order of chromosomes."""
    counts = pl.concat([files.PART_VARIANT_COUNTS.read(study.results, part=part).frame for part in tested_chromosomes(study)])
    order = {name: place for place, name in enumerate(chromosome_codes.REPORT_ORDER)}
    place = pl.col("chrom").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    return VariantCounts(counts.sort(place, "chrom", maintain_order=True))


def load_results(study: Study) -> list[ScanResult]:
    """The scan's results, part by part, without the kept rows, which stay on disk until `rows` reads them."""
    return [_load(study, part) for part in tested_chromosomes(study)]


def rows(study: Study) -> pl.LazyFrame:
    """The rows that the scan kept, of all parts, in order. They are read on collection, so filter and select first."""
    return pl.concat([pl.scan_parquet(files.ASSOCIATIONS.path(study.results, part=part)) for part in tested_chromosomes(study)])


def rows_in_turn(study: Study, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yields some columns of the same rows, at most ROWS_AT_A_TIME together, because Polars would read far ahead."""
    for part in tested_chromosomes(study):
        yield from _in_turn(files.ASSOCIATIONS.path(study.results, part=part), columns)


def _in_turn(path: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    kept = pl.scan_parquet(path).select(columns)
    count = int(kept.select(pl.len()).collect().item())
    for start in range(0, count, ROWS_AT_A_TIME):
        yield kept.slice(start, ROWS_AT_A_TIME).collect()


def stored_rows_in_turn(results: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """As rows_in_turn, of every part in a results folder: it needs no genotype file."""
    for names in files.ASSOCIATIONS.all_names(results):
        yield from _in_turn(files.ASSOCIATIONS.path(results, **names), columns)


def stored_counts(results: Path) -> list[ScanResult]:
    """Arrays of every part in a results folder (numbers of tests, maxima of permutations), without tables; it needs no genotype
    file."""
    parts = [names["part"] for names in files.TEST_COUNTS.all_names(results)]
    return [ScanResult(Associations.empty(), LeftOutVariants.empty(), **_arrays(results, part)) for part in parts]


def some_rows(study: Study, max_rows: int, columns: Sequence[str]) -> pl.DataFrame:
    """Some columns of at most `max_rows` evenly spaced rows that the scan kept."""
    count = int(rows(study).select(pl.len()).collect().item())
    every = max(1, -(-count // max_rows))
    batches, passed = [pl.DataFrame(schema={name: Associations.columns[name].dtype for name in columns})], 0
    for batch in rows_in_turn(study, columns):
        batches.append(batch.gather_every(every, offset=-passed % every))
        passed += batch.height
    return pl.concat(batches)


def dense_folders(study: Study) -> list[Path]:
    """Folders with every test, part by part; empty unless the study keeps every test."""
    engine = study.scan.own_folder
    folders = [files.ENGINE_FILES.path(study.results, engine=engine, part=part) for part in tested_chromosomes(study)]
    if not all(all_tests.is_kept(folder) for folder in folders):
        return []
    return [one for folder in folders for one in (folder, *sorted(folder.glob(f"{block_results.PIECE}*")))]


def engine(study: Study) -> ScanOptions:
    """The engine of the study, with the related pairs that stage traits found, if it needs them.

    After polygenic predictions, it is that of families.
    """
    if not isinstance(study.scan, Matrix):
        return study.scan
    update: dict[str, Any] = {"relatives": "family"} if polygenic.is_used(study) else {}
    if polygenic.needs_pairs(study):
        update["kinship"] = files.RELATED_PAIRS.path(study.results)
    return study.scan.model_copy(update=update)


def builtin_engine(study: Study) -> Matrix:
    """The built-in engine with the study's filters, without permutations, keeping every test; PLINK 2 has the same results."""
    changes = {"permutations": 0, "keep_neglog10p": 0.0}
    own = engine(study)
    if isinstance(own, Matrix):
        return own.model_copy(update=changes)
    return Matrix.model_construct(**{name: getattr(study.scan, name) for name in Scan.model_fields} | changes)


def whole_engine(study: Study) -> ScanOptions:
    """The engine that gives every test of chosen variants or traits again: the built-in one, or the imported results."""
    return builtin_engine(study) if study.scan.tests_traits else study.scan.model_copy(update={"keep_neglog10p": 0.0})


def _load(study: Study, part: str) -> ScanResult:
    left_out = files.LEFT_OUT_VARIANTS.read(study.results, part=part)
    sets = files.SET_ASSOCIATIONS.read(study.results, part=part)
    counts = files.PART_VARIANT_COUNTS.read(study.results, part=part).frame
    arrays = _arrays(study.results, part)
    return ScanResult(associations=Associations.empty(), left_out=left_out, sets=sets, counts=counts, **arrays)


def _arrays(results: Path, part: str) -> dict[str, Any]:
    with np.load(files.TEST_COUNTS.path(results, part=part), allow_pickle=False) as stored:
        names = tuple(str(name) for name in stored["traits"])
        numbers: dict[str, Any] = {name: int(stored[name]) for name in NUMBERS if name in stored.files}
        numbers |= {LATER: stored[LATER]} if LATER in stored.files else {}
        return {"traits": names} | {name: stored[name] for name in ARRAYS} | numbers


def _check(study: Study) -> Sequence[str]:
    parts = tested_chromosomes(study)
    opened = [chromosomes.open_chromosome(study.scan, part) for part in parts]
    count = sum(len(part) for part in opened)
    genome_build.check_build(study.scan, opened)
    for part in opened:
        samples.refuse_unknown_sexes(part, part.sexes)
    scan.check(study.scan)
    eids = chromosomes.eids_in_all_files(study.scan)
    facts = [f"{count} variants on {len(parts)} chromosomes, {len(eids)} genotyped people"]
    facts += [*_listed_pairs(study, eids), *_related(study, opened, eids)]
    facts += [
        *_not_tested(chromosomes.untested(study.scan)),
        *map(Caution, (*requested.check_lists(study.scan), *requested.check_files(study.scan), *study.scan.remarks)),
    ]
    unknown = genome_build.warn_of_unknown_positions(study.scan, opened)
    facts += [] if unknown is None else [Caution(unknown)]
    orders = [filesets.sample_order(files) for files in chromosomes.all_filesets(study.scan)]
    return [*facts, *(words for words in orders if words is not None)]


def _listed_pairs(study: Study, eids: Sequence[str]) -> list[str]:
    """How many pairs of the list of relatives are of genotyped people."""
    if not isinstance(study.scan, Matrix) or study.scan.kinship is None:
        return []
    pairs = related_pairs.pairs(study.scan.kinship, eids)
    unknown = f", {pairs.unknown} with somebody who is not" if pairs.unknown else ""
    gone = f", {pairs.redacted} with somebody who has withdrawn" if pairs.redacted else ""
    line = f"{len(pairs)} pairs of {study.scan.kinship.name} are of genotyped people{unknown}{gone}"
    return [line if len(pairs) else Caution(line)]


def _related(study: Study, opened: Sequence[Genotypes], eids: Sequence[str]) -> list[str]:
    """What the genotypes say of relatives and ancestries, if they say something."""
    keeps, structure = study.scan.keeps_relatives, panel_structure.of_genotypes(opened, eids)
    lines: list[str] = []
    if isinstance(study.scan, Matrix) and polygenic.is_part(study):
        lines.append(
            f"scan.relatives: polygenic is exact for at most {study.scan.exact_people} people (scan.exact_people); for more, "
            "what the other chromosomes predict of a trait is subtracted, and relatives are modelled within families"
        )
    if structure is not None and structure.is_there:
        fate = "relatives are kept and modelled (scan.relatives)" if keeps else (
            "sample QC excludes relatives and adjusts for ancestry; scan.relatives: family or polygenic keeps relatives"
        )  # fmt: skip
        lines.append(
            f"related people or several ancestries among the genotyped (N r2 {structure.excess:.2f} above chance): {fate}"
        )
    return lines


def _not_tested(rows: Sequence[tuple[str, str, int]]) -> list[str]:
    """One line per reason: the chromosomes and their number of variants; a warning for chromosomes without a file."""
    lines = []
    for reason in dict.fromkeys(reason for _, reason, _ in rows):
        own = [(chrom, count) for chrom, other, count in rows if other == reason]
        total = sum(count for _, count in own)
        variants = f", {total} variants" if total else ""
        line = f"not tested, {reason}: chromosome {first_few((chrom for chrom, _ in own), 25)}{variants}"
        lines.append(Caution(line) if reason == chromosome_codes.NO_FILE else line)
    return lines


STAGE = Stage(
    "scan", "test every variant against every trait", _parts, _options, _needs, _files, _work, _check,
    version=6,
)  # fmt: skip

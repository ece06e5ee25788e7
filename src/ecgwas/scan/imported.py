"""The engine `imported`: associations that another program has tested, matched to the genotypes by position and alleles.

Traits, participants, genotypes and filters are the study's own; only the tests come from files. A row is matched whichever of
its two alleles beta counts: effects and frequencies are those of the genotypes' effect allele. Strands are not guessed. There
are no permutations and no tests of trait sets.
"""

from __future__ import annotations

import glob
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import dosages, filesets
from ecgwas.genotypes.chromosome_codes import NOT_LISTED, PLINK_NUMBERS, reported_chromosome
from ecgwas.genotypes.chromosomes import Genotypes, Piece
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.progress import silent
from ecgwas.scan import filtered_variants, summary_statistics
from ecgwas.scan.block_scan import select_men
from ecgwas.scan.engine import block_results, screening
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.samples import Cohort, assemble, people
from ecgwas.scan.work import PartSize, Work
from ecgwas.study.scan import Imported, files_like, trait_columns
from ecgwas.tables import Covariates, LeftOutVariants, ScanResult, Traits

logger = logging.getLogger(__name__)

NOT_IN_FILES = "not in the imported results"
NOT_IN_GENOTYPES = "imported, but not in the genotype files"
OUTSIDE = "imported, but before the first or after the last variant of the genotype files"
OTHER_ALLELES = "imported, but with other alleles in the genotype files"
REPEATED = "imported more than once"

MIN_SHARE, MIN_ROWS = 0.05, 20
"""With a smaller share of variants in common, of at least so many, results and genotypes are of different builds."""

WEAK = 1.0
"""Chi-square below which most tests lie; results without any such test are a selection."""

KEY = ("pos", "first", "second")
"""Position and alleles in alphabetical order."""


def check(options: Imported) -> None:
    """Raises InputError if no file matches, one is of no known format, or one states another build."""
    if "{trait}" not in str(options.files):
        fix = "write scan.files with {trait}, as step2_{trait}.regenie (regenie writes one file per trait without --no-split)"
        raise InputError("scan.files must name one file, or several, for each trait", where=options.files, fix=fix)
    existing = options.further_inputs
    if not existing:
        fix = "correct scan.files: {trait} stands for the trait's name or its column, {chrom} for a chromosome, * for anything"
        raise InputError("no file of results matches scan.files", where=options.files, fix=fix)
    for path in existing:
        summary_statistics.opened(path, options.format)
        summary_statistics.refuse_other_build(path, options.build)


def files_of(options: Imported, traits: Sequence[str], chrom: str) -> dict[str, tuple[Path, ...]]:
    """Each of the study's traits -> files with its results on a chromosome, or on all; empty if there are none."""
    numbers = [number for number, code in PLINK_NUMBERS.items() if code == chrom and number.isdigit()]
    chroms = [chrom, *numbers, *([f"{int(chrom):02d}"] if chrom.isdigit() else [])]
    paths_of_trait: dict[str, tuple[Path, ...]] = {}
    for trait, column in trait_columns(traits).items():
        paths: list[Path] = []
        for name in dict.fromkeys((trait, column)):
            for code in chroms:
                pattern = str(options.files).replace("{trait}", glob.escape(name)).replace("{chrom}", code)
                paths += files_like(pattern)
        paths_of_trait[trait] = tuple(dict.fromkeys(paths))
    return paths_of_trait


def programs_of(options: Imported, traits: Sequence[str], chroms: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each of the study's traits that has files on any of the chromosomes -> the programs that made them, as far as the files
    say; in the order of the traits."""
    paths_of_trait: dict[str, dict[Path, None]] = {trait: {} for trait in traits}
    for chrom in chroms:
        for trait, paths in files_of(options, traits, chrom).items():
            paths_of_trait[trait].update(dict.fromkeys(paths))
    return {
        trait: tuple(sorted({name for path in paths if (name := summary_statistics.program_of(path, options.format))}))
        for trait, paths in paths_of_trait.items()
        if paths
    }


def scan(
    options: Imported,
    traits: Traits,
    covariates: Covariates,
    genotypes: Genotypes,
    *,
    seed: int,
    track: Callable[..., Any] = silent,
    folder: Path | None = None,
    ancestry: NDArray[np.int64] | None = None,
) -> ScanResult:
    """The imported tests of the variants of `genotypes`; see ScanResult. seed, folder: nothing is drawn or written.

    Variants that the study's filters exclude have the filter's name as reason, as in every scan. Rows of the files without a
    variant in the genotypes are listed among the excluded variants, too. Raises InputError if no trait of the study has a file,
    or if results and genotypes have hardly a variant in common. Traits without a file have no tests.
    """
    check(options)
    files = files_of(options, traits.all_names, genotypes.chrom)
    _refuse_unknown_traits(options, files, genotypes.chrom)
    if traits.names == traits.all_names:
        _warn_of_lacking(files, genotypes.chrom)
    cohorts = [(piece, assemble(traits, covariates, piece.genotypes, ancestry)) for piece in genotypes.pieces()]
    excluded = _of_pieces(cohorts, np.full(len(genotypes), "", dtype=object), partial(filtered_variants.reasons, options))
    # The genotypes are read for it only if a file does not state it.
    frequency = cache(partial(_of_pieces, cohorts, np.full(len(genotypes), np.nan), _frequencies))
    having, known = people(cohorts[0][1]), KnownVariants.of(genotypes)
    blocks, foreign = [], []
    for k, trait in enumerate(track(traits.names, f"import {genotypes.chrom}", len(traits.names))):
        tables = [summary_statistics.read(summary_statistics.opened(path, options.format), genotypes.chrom)
                  for path in files[trait]]  # fmt: skip
        if not tables:
            continue
        rows = pl.concat(tables)
        matched, unmatched = match(rows, known)
        near = matched.height + unmatched.filter(~pl.col("reason").is_in([OUTSIDE, NOT_LISTED])).height
        _refuse_strangers(options, genotypes, matched.height, near or rows.height, files[trait][0])
        foreign.append(unmatched)
        block = _block(options, matched, excluded, frequency, k, len(traits.names), int(having[k]))
        _warn_of_selection(trait, block, k)
        blocks.append(block)
    blocks.append(_filtered(excluded, len(traits.names)))
    total = _absent_from_all(block_results.total(blocks, len(traits.names)), len(blocks) - 1)
    result = block_results.result(total, traits.names, having, genotypes)
    return replace(result, left_out=_with_foreign(result.left_out, foreign, genotypes))


def _of_pieces(
    cohorts: Sequence[tuple[Piece, Cohort]], whole: NDArray[Any], of: Callable[[Genotypes, Cohort], NDArray[Any]]
) -> NDArray[Any]:
    """`whole` (V,) filled with what `of` says of the variants of each piece."""
    for piece, cohort in cohorts:
        whole[piece.variant_index] = of(piece.genotypes, cohort)
    return whole


def work(options: Imported, size: PartSize) -> Work:
    """Work of one part: every genotype read once, and every row of the files."""
    units = {"scan_variant": float(size.variants), "dosage" if size.dosages else "call": float(size.variants) * size.people}
    return Work(units, 400.0 * size.variants)


def _refuse_unknown_traits(options: Imported, files: dict[str, tuple[Path, ...]], chrom: str) -> None:
    """Raises InputError if no trait has a file, or one file is of two traits."""
    if not any(files.values()):
        existing = first_few(path.name for path in options.further_inputs)
        problem = f"none of the {len(files)} traits has a file of results for chromosome {chrom}; there are {existing}"
        fix = f"{{trait}} in scan.files must stand for a trait's name or column, such as {first_few(files, 3)}"
        raise InputError(problem, where=options.files, fix=fix)
    owners: dict[Path, str] = {}
    for trait, paths in files.items():
        for path in paths:
            other = owners.setdefault(path, trait)
            if other != trait:
                problem = f"{path.name} would be of two traits: {other} and {trait}"
                raise InputError(problem, where=path, fix="write scan.files so that {trait} alone tells the files apart")


def _warn_of_lacking(files: dict[str, tuple[Path, ...]], chrom: str) -> None:
    """Logs which traits have no file."""
    lacking = [trait for trait, paths in files.items() if not paths]
    if lacking:
        logger.warning("scan %s: %d of %d traits have no file of results and are not tested: %s",
                       chrom, len(lacking), len(files), first_few(lacking))  # fmt: skip


@dataclass(frozen=True)
class KnownVariants:
    """Variants of a chromosome, with KEY.

    lines     those to test: index on the chromosome, effect and other allele, and which copy it is of its KEY
    in_files  all of the genotype files, listed in scan.variants or not; of some variants (Genotypes.select), these alone
    is_some   True of some variants
    """

    lines: pl.DataFrame
    in_files: pl.DataFrame
    is_some: bool

    @classmethod
    def of(cls, genotypes: Genotypes) -> KnownVariants:
        """The variants of these genotypes."""
        lines = _keyed(
            pl.DataFrame(
                {
                    "index": np.arange(len(genotypes), dtype=np.int64), "pos": pl.Series(genotypes.positions, dtype=pl.Int64),
                    "effect": pl.Series(genotypes.effect_alleles, dtype=pl.String),
                    "other": pl.Series(genotypes.other_alleles, dtype=pl.String),
                }
            )
        )  # fmt: skip
        lines = lines.with_columns(copy=pl.int_range(pl.len()).over(KEY))
        in_files = _variants_in_files(genotypes)
        is_some = len(genotypes) + sum(genotypes.not_listed) < in_files.height
        return cls(lines, lines if is_some else in_files, is_some)


def match(rows: pl.DataFrame, known: KnownVariants) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows (summary_statistics.COLUMNS) of the variants, and the others with their reason.

    Matched rows have `index`, the variant's index on the chromosome, and beta and eaf of the genotypes' effect allele. Of lines
    of the genotypes with the same position and alleles the first matches the first row. If the variants are some of their
    chromosome, rows of its other variants are neither.
    """
    lines = known.lines
    if known.is_some:
        rows = rows.join(lines, on="pos", how="semi", maintain_order="left")
    alleles = pl.min_horizontal("effect_allele", "other_allele"), pl.max_horizontal("effect_allele", "other_allele")
    keyed = rows.with_columns(first=alleles[0], second=alleles[1])
    keyed = keyed.with_columns(copy=pl.int_range(pl.len()).over(KEY))
    joined = keyed.join(lines, on=[*KEY, "copy"], how="left", maintain_order="left")
    turned = pl.col("effect_allele") != pl.col("effect")
    matched = joined.filter(pl.col("index").is_not_null()).with_columns(
        beta=pl.when(turned).then(-pl.col("beta")).otherwise("beta"),
        eaf=pl.when(turned).then(1 - pl.col("eaf")).otherwise("eaf"),
    )
    return matched, _unmatched(joined.filter(pl.col("index").is_null()), known).select(*rows.columns, "reason")


def _unmatched(rows: pl.DataFrame, known: KnownVariants) -> pl.DataFrame:
    """The rows with the reason why they match no variant tested."""
    in_files = known.in_files
    unlisted = in_files.select(KEY).unique().join(known.lines.select(KEY), on=list(KEY), how="anti").with_columns(unlisted=True)
    marked = rows.join(unlisted, on=list(KEY), how="left", maintain_order="left")
    inside = pl.col("pos").is_between(in_files["pos"].min(), in_files["pos"].max()) if in_files.height else pl.lit(False)
    reason = (
        pl.when("unlisted")
        .then(pl.lit(NOT_LISTED))
        .when(pl.col("copy") > 0)
        .then(pl.lit(REPEATED))
        .when(pl.col("pos").is_in(in_files["pos"].unique().implode()))
        .then(pl.lit(OTHER_ALLELES))
        .when(inside)
        .then(pl.lit(NOT_IN_GENOTYPES))
        .otherwise(pl.lit(OUTSIDE))
    )
    return marked.with_columns(reason=reason)


def _variants_in_files(genotypes: Genotypes) -> pl.DataFrame:
    """pos, effect, other and KEY of every variant of the chromosome in the genotype files, listed in scan.variants or not."""
    tables = []
    for member in genotypes.by_file or (genotypes,):
        table = filesets.read_variants(member.fileset)
        codes = {code: reported_chromosome(code) for code in table["chrom"].unique()}
        here = table.filter(pl.col("chrom").replace(codes) == genotypes.chrom)
        tables.append(here.select("pos", effect="effect_allele", other="other_allele"))
    return _keyed(pl.concat(tables))


def _keyed(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines of genotypes with alleles in upper case, and KEY."""
    upper = lines.with_columns(pl.col("effect").str.to_uppercase(), pl.col("other").str.to_uppercase())
    return upper.with_columns(first=pl.min_horizontal("effect", "other"), second=pl.max_horizontal("effect", "other"))


def _refuse_strangers(options: Imported, genotypes: Genotypes, matched: int, rows: int, path: Path) -> None:
    """Raises InputError if the results of a trait and the genotypes have hardly a variant in common.

    rows: those between the first and the last variant of the genotype files that scan.variants lists; if there are none, all of
    the chromosome.
    """
    smaller = min(len(genotypes), rows)
    if smaller >= MIN_ROWS and matched < MIN_SHARE * smaller:
        problem = f"only {matched} of {rows} variants on chromosome {genotypes.chrom} are among the genotypes, by position and "
        problem += "alleles"
        fix = f"are the results of another build than scan.build ({options.build}), or of other genotypes?"
        raise InputError(problem, where=path, fix=fix)


def _warn_of_selection(trait: str, block: BlockResult, k: int) -> None:
    """Warns of results without weak tests: they were selected, so that lambda and QQ plots are wrong."""
    counts = block.chi2_counts[k]
    if counts.sum() >= MIN_ROWS and counts[: int(WEAK * screening.BINS_PER_UNIT)].sum() == 0:
        logger.warning("scan: the results of %s hold no weak tests; λ, QQ plots and counts are of a selection", trait)


def _block(
    options: Imported, matched: pl.DataFrame, excluded: NDArray[np.object_], frequency: Callable[[], NDArray[np.float64]],
    k: int, count: int, having: int,
) -> BlockResult:  # fmt: skip
    """Rows, excluded variants and counts of one trait. frequency: (V,) of the effect alleles, where the file has none; having:
    participants with the trait."""
    index = matched["index"].to_numpy()
    judged = matched.filter(pl.Series(excluded[index] == "", dtype=pl.Boolean))
    computed, missed = judged.filter(pl.col("code").is_null()), judged.filter(pl.col("code").is_not_null())
    here = np.zeros(len(excluded), dtype=bool)
    here[index] = True
    absent = np.flatnonzero(~here & (excluded == ""))
    left_out = pl.concat(
        [
            block_results.left_out(missed["index"].to_numpy(), missed["code"].to_numpy().astype(object), k),
            block_results.left_out(absent, np.full(len(absent), NOT_IN_FILES, dtype=object), k),
        ]
    )
    eaf = computed["eaf"].fill_null(np.nan).to_numpy()
    if np.isnan(eaf).any():
        eaf = np.where(np.isnan(eaf), frequency()[computed["index"].to_numpy()], eaf)
    columns = {
        "variant": computed["index"], "trait": np.full(computed.height, k), "eaf": eaf, "n": computed["n"].fill_null(having),
        "beta": computed["beta"], "se": computed["se"], "t": computed["beta"] / computed["se"],
        "neglog10p": computed["neglog10p"],
    }  # fmt: skip
    none = np.zeros(count, dtype=np.int64)
    tests, not_computed, chi2 = none.copy(), none.copy(), np.zeros((count, screening.BINS), dtype=np.int64)
    tests[k], not_computed[k] = computed.height, missed.height
    chi2[k] = screening.histogram(computed["chi2"].to_numpy()[:, None])[0]
    rows = block_results.rows(**columns).filter(pl.col("neglog10p") >= options.keep_neglog10p)
    return BlockResult(rows, left_out, tests, not_computed, chi2, np.empty(0))


def _filtered(excluded: NDArray[np.object_], count: int) -> BlockResult:
    """The variants that the study's filters exclude for all traits."""
    index, none = np.flatnonzero(excluded != ""), np.zeros(count, dtype=np.int64)
    left_out = block_results.left_out(index, excluded[index])
    return BlockResult(block_results.NO_ROWS, left_out, none, none, np.empty((0, 0), dtype=np.int64), np.empty(0))


def _absent_from_all(total: BlockResult, imported: int) -> BlockResult:
    """The same with variants that none of the `imported` traits' results has listed once, for all traits."""
    absent = total.left_out.filter(pl.col("reason") == NOT_IN_FILES)
    everywhere = absent.group_by("variant").len().filter(pl.col("len") == imported)["variant"]
    own = (pl.col("reason") == NOT_IN_FILES) & pl.col("variant").is_in(everywhere.implode())
    reasons = np.full(len(everywhere), NOT_IN_FILES, dtype=object)
    for_all = block_results.left_out(everywhere.to_numpy(), reasons)
    return replace(total, left_out=pl.concat([total.left_out.filter(~own), for_all]))


def _with_foreign(left_out: LeftOutVariants, foreign: Iterable[pl.DataFrame], genotypes: Genotypes) -> LeftOutVariants:
    """The excluded variants and, once each, the rows of the files that match no variant of the genotypes."""
    rows = pl.concat([pl.DataFrame(schema={**summary_statistics.COLUMNS, "reason": pl.String}), *foreign])
    key = ["pos", "effect_allele", "other_allele", "reason"]
    once = rows.unique(key, keep="first", maintain_order=True).with_columns(trait=pl.lit(None, pl.String))
    for reason, count in once["reason"].value_counts(sort=True).iter_rows():
        logger.info("scan %s: %d variants %s", genotypes.chrom, count, reason)
    named = once.with_columns(pl.col("variant").fill_null("."))
    return LeftOutVariants(pl.concat([left_out.frame, named.select(left_out.frame.columns)]))


def _frequencies(genotypes: Genotypes, cohort: Cohort) -> NDArray[np.float64]:
    """(V,) frequency of the effect allele among the participants tested, for files that do not state it."""
    total, everyone = len(genotypes.eids), np.arange(len(cohort.fam_index))
    selector, men = SampleSelector(cohort.fam_index, total), select_men(cohort, everyone, total)
    frequency = np.full(len(genotypes), np.nan)
    for start in range(0, len(genotypes), filtered_variants.CHECKED_AT_ONCE):
        stop = min(start + filtered_variants.CHECKED_AT_ONCE, len(genotypes))
        select = dosages.block_reader(genotypes, start, stop)
        block = select(selector)
        of_block = block.effect_frequency
        frequency[start:stop] = of_block if men is None else _with_men(of_block, block.called, select(men))
    return frequency


def _with_men(frequency: NDArray[np.float64], called: NDArray[np.int64], men: Any) -> NDArray[np.float64]:
    """(V,) frequency on X, to which each man contributes one allele instead of two."""
    of_men = np.nan_to_num(men.effect_frequency) * men.called
    alleles = 2 * called - men.called
    with np.errstate(invalid="ignore", divide="ignore"):
        adjusted: NDArray[np.float64] = (2 * np.nan_to_num(frequency) * called - of_men) / alleles
    return adjusted

"""The engine `plink2`: PLINK 2 itself, one run per lead and chromosome, its files left in place.

https://www.cog-genomics.org/plink/2.0/assoc#glm. `omit-ref` makes A1 the ALT allele (.bim column 5) throughout; without
it A1 is the minor allele and signs flip. A value of -9 would be a missing trait without `--input-missing-phenotype`.
Covariates are handed over as they are, so that a dummy that is 0 in all who have a call stays exactly constant and gets the
error code of a run by hand. Where PLINK finds their scales too far apart (a year of birth and the dummy of one person) it
is run again with what it advises, `--covar-variance-standardize`. That is given from the start where one covariate is alone:
in its own units PLINK 2.00a3 takes it for correlated with genotypes that it has nothing to do with (CORR_TOO_HIGH).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, ToolError
from ecgwas.genotypes import filesets, variant_filters
from ecgwas.genotypes.chromosome_codes import PAR_CODES, is_pseudoautosomal
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.filesets import Fileset
from ecgwas.progress import silent
from ecgwas.scan import plink2_files
from ecgwas.scan.engine import block_results, screening
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.samples import Cohort, assemble, people
from ecgwas.scan.filtered_variants import judged, reasons
from ecgwas.scan.work import PartSize, Work
from ecgwas.study.scan import Plink2
from ecgwas.tables import Covariates, ScanResult, Traits

COLUMNS = "cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err"
INSTALL = "install PLINK 2 (apt install plink2, or https://www.cog-genomics.org/plink/2.0), or use scan: {kind: matrix}"
SCALED = "--covar-variance-standardize"
TABLE_BYTES = 90.0
"""A test in PLINK's tables, which are kept."""


def check(options: Plink2) -> None:
    """Raises ToolError where the program is missing or is not PLINK 2."""
    version(options)


def work(options: Plink2, size: PartSize) -> Work:
    """Work of one part: PLINK's runs, its tests, and the tables that are read again."""
    units = {"plink2_trait": size.traits, "plink2_test": size.tests, "plink2_test_person": float(size.tests) * size.people}
    return Work(units, options.memory_mib * 2.0**20, TABLE_BYTES * size.tests)


def version(options: Plink2) -> str:
    """What the program says it is. Raises ToolError where it is missing or is not PLINK 2."""
    path = shutil.which(options.program)
    if path is None:
        raise ToolError(f"the program {options.program} is not there", fix=INSTALL)
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{options.program} does not start: {error}", where=path, fix=INSTALL) from None
    banner = answer.stdout.strip()
    if not banner.startswith("PLINK v2"):
        shown = banner.splitlines()[0] if banner else "nothing"
        raise ToolError(f"{options.program} is not PLINK 2: it says {shown}", where=path, fix=INSTALL)
    return banner


def scan(
    options: Plink2,
    traits: Traits,
    covariates: Covariates,
    genotypes: Genotypes,
    *,
    seed: int,
    track: Callable[..., Any] = silent,
    folder: Path | None = None,
    ancestry: NDArray[np.int64] | None = None,
) -> ScanResult:
    """Every variant of `genotypes` against every trait; see ScanResult. There are no permutations; `seed` is not used.

    folder: receives <representation>.<lead>/<feature>.glm.linear and plink2.log; None: they are deleted.
    ancestry (N,): as in matrix.py; with two or more groups, Hardy-Weinberg equilibrium is tested here, since PLINK knows one.
    Numbers have PLINK's six printed digits. Raises ToolError where PLINK is missing or fails, with its own words.
    """
    version(options)
    results, tested = [], []
    for number, piece in enumerate(genotypes.pieces()):
        cohort = assemble(traits, covariates, piece.genotypes, ancestry, men_on_x=options.men_on_x)
        result = _scan(options, traits.names, piece.genotypes, cohort, block_results.piece_folder(folder, number), track)
        results.append(block_results.renumbered(result, piece.variant_index))
        tested.append(people(cohort))
    return block_results.result(block_results.total(results, len(traits.names)), traits.names, tested[0], genotypes)


def _scan(
    options: Plink2,
    names: tuple[str, ...],
    genotypes: Genotypes,
    cohort: Cohort,
    folder: Path | None,
    track: Callable[..., Any],
) -> BlockResult:
    """The scan of one piece: variants of which men have one copy, or two."""
    traits_of_lead = leads(names)
    with tempfile.TemporaryDirectory(prefix="ecgwas-plink2-") as name:
        scratch = Path(name)
        target = scratch / "results" if folder is None else folder
        ids = plink2_files.write_people(scratch, genotypes, cohort)
        plink2_files.write_covariates(scratch, ids, cohort)
        plink2_files.write_variants(scratch, genotypes)
        if genotypes.fileset.format_name == "bgen":
            plink2_files.write_sample(scratch, genotypes)
        steps = _runs(options, names, traits_of_lead, genotypes, cohort, ids, scratch, target)
        return block_results.total(track(steps, f"plink2 {genotypes.chrom}", len(traits_of_lead)), len(names))


def leads(names: Sequence[str]) -> dict[str, list[int]]:
    """<representation>.<lead> -> indices of its traits."""
    traits_of_lead: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        traits_of_lead.setdefault(name.rsplit(".", 1)[0], []).append(k)
    return traits_of_lead


def _runs(
    options: Plink2, names: Sequence[str], traits_of_lead: dict[str, list[int]], genotypes: Genotypes, cohort: Cohort,
    ids: Sequence[str], scratch: Path, target: Path,
) -> Iterator[BlockResult]:  # fmt: skip
    poor = _uninformative(options, genotypes, cohort) | _out_of_hardy(options, genotypes, cohort)
    advised = False
    for number, (lead, members) in enumerate(traits_of_lead.items()):
        labels = plink2_files.labels([names[k] for k in members])
        plink2_files.write_traits(scratch, ids, labels, cohort.values[:, members])
        out = target / plink2_files.safe(lead)
        out.mkdir(parents=True, exist_ok=True)
        if not _run(options, genotypes, cohort, scratch, out, scaled=advised or _one_alone(cohort, members)):
            advised = _run(options, genotypes, cohort, scratch, out, scaled=True)
        listed = options.variants is not None
        tables = [plink2_files.read(out / f"{label}.glm.linear", genotypes, listed=listed) for label in labels]
        tables = [table.filter(~poor[table["variant"].to_numpy()]) for table in tables]
        results = [_trait_result(options, genotypes, cohort, table, k) for k, table in zip(members, tables, strict=True)]
        if number == 0:
            results.append(_left_out(options, genotypes, cohort, tables[0]["variant"].to_numpy()))
        yield block_results.total(results, len(names))


def _one_alone(cohort: Cohort, members: Sequence[int]) -> bool:
    """True if among the people who have some of these traits exactly one covariate varies."""
    patterns = np.unique(~np.isnan(cohort.values[:, members]), axis=1)
    varying = [np.any(cohort.covariates[having] != cohort.covariates[having][:1], axis=0).sum() for having in patterns.T]
    return 1 in varying


def command(
    options: Plink2, genotypes: Genotypes, *, covariates: bool, scaled: bool = False, hardy: bool = True
) -> list[str]:  # fmt: skip
    """The arguments of one run in a folder that holds people.txt, traits.tsv and covariates.tsv.

    scaled: PLINK gives covariates mean 0 and variance 1; hardy: PLINK judges Hardy-Weinberg equilibrium.
    """
    modifiers = ["hide-covar", "omit-ref", "log10"]
    if genotypes.chrom == "X" and not genotypes.is_diploid:
        modifiers.append("no-x-sex")  # It stands among the covariates already.
    if not covariates:
        modifiers.append("allow-no-covars")
    filtered = [
        *(["--maf", repr(options.min_maf)] if options.min_maf > 0 else []),
        *(["--mac", repr(options.min_mac)] if options.min_mac > 0 else []),
        *(["--geno", repr(1 - options.min_call_rate), "dosage"] if options.min_call_rate > 0 else []),
        *(["--hwe", repr(options.min_hwe_p), "midp"] if options.min_hwe_p > 0 and hardy else []),
    ]
    return [
        options.program, *_files(genotypes.fileset), *(plink2_files.EXTRACT if options.variants is not None else []),
        *_chromosome(options, genotypes), "--keep", "people.txt", "--nonfounders", *filtered,
        "--no-psam-pheno", "--input-missing-phenotype", plink2_files.MISSING, "--pheno", "traits.tsv",
        *(["--covar", "covariates.tsv", *([SCALED] if scaled else [])] if covariates else []),
        *(["--xchr-model", "1"] if options.men_on_x == 1 else []),
        "--glm", *modifiers, COLUMNS, "--memory", str(options.memory_mib),
        *(["--threads", str(options.threads)] if options.threads else []), "--out", "plink2",
    ]  # fmt: skip


def _chromosome(options: Plink2, genotypes: Genotypes) -> list[str]:
    """The arguments that name the chromosome, or the ends of X, by their codes or by their positions.

    Raises InputError where some of those ends have codes and others are called X, and where X is not sorted: PLINK splits all
    or none, of a sorted file.
    """
    if genotypes.chrom != "X":
        return ["--chr", genotypes.chrom]
    table = filesets.read_variants(genotypes.fileset)
    coded = bool(table["chrom"].is_in(list(PAR_CODES)).any())
    of_x = table.filter(pl.col("chrom") == "X")["pos"].to_numpy()
    by_position = bool(is_pseudoautosomal(options.build, of_x).any())
    if coded and by_position:
        problem = "some pseudoautosomal variants have a code of their own (PAR1, PAR2, XY, 25) and others are called X"
        fix = "call all of them X, or split all (plink2 --split-par), or use scan: {kind: matrix}"
        raise InputError(problem, where=genotypes.fileset.variant_list, fix=fix)
    if by_position and np.any(np.diff(of_x) < 0):
        problem = "variants of X are not in the order of their positions, in which PLINK splits off its pseudoautosomal regions"
        raise InputError(problem, where=genotypes.fileset.variant_list, fix="sort them: plink2 --make-pgen --sort-vars")
    split = ["--split-par", options.build] if by_position else []
    return [*split, "--chr", ",".join(PAR_CODES) if genotypes.is_diploid else "X"]


def _files(files: Fileset) -> list[str]:
    """The arguments that name the genotypes."""
    if files.format_name == "bgen":
        return ["--bgen", str(files.genotypes.resolve()), "ref-first", "--sample", plink2_files.SAMPLE]
    lists = {".bim": "--bim", ".pvar": "--pvar", ".fam": "--fam", ".psam": "--psam"}
    named = [
        (f"--{files.format_name}", files.genotypes),
        *((lists[path.suffix], path) for path in (files.variant_list, files.sample_list)),
    ]
    return [text for flag, path in named for text in (flag, str(path.resolve()))]


def _run(options: Plink2, genotypes: Genotypes, cohort: Cohort, scratch: Path, out: Path, *, scaled: bool) -> bool:
    """One run, its files moved to `out`; False, and no files, where PLINK advises to standardise the covariates."""
    covariates = cohort.covariates.shape[1] > 0
    arguments = command(options, genotypes, covariates=covariates, scaled=scaled, hardy=cohort.ancestry is None)
    done = subprocess.run(arguments, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = done.stdout + "\n" + done.stderr
        if covariates and not scaled and SCALED in output:
            return False
        problem = plink2_files.complaint(output)
        raise ToolError(f"PLINK 2 failed on chromosome {genotypes.chrom}: {problem}", where=out.name, fix=cure(problem))
    for path in sorted(scratch.glob("plink2.*.glm.linear")):
        shutil.move(path, out / path.name.removeprefix("plink2."))
    (out / "plink2.log").write_text(plink2_files.lasting((scratch / "plink2.log").read_text()))
    return True


def cure(problem: str) -> str:
    """How to fix what PLINK complains of."""
    text = problem.lower()
    if "covariate" in text or "predictor" in text:
        return "name fewer covariates under traits.use: some are redundant, or there are too many for these people"
    if "variants remaining" in text or "no variants" in text:
        return "no variant passes the filters: lower scan.min_maf and scan.min_mac, or exclude the chromosome"
    if "memory" in text:
        return "raise or lower scan.memory_mib to what the machine has"
    return "see PLINK's message above; scan: {kind: matrix} gives the same numbers without PLINK"


def _trait_result(options: Plink2, genotypes: Genotypes, cohort: Cohort, table: pl.DataFrame, trait: int) -> BlockResult:
    """The result of one trait's table: rows kept, tests excluded, counts."""
    traits = cohort.values.shape[1]
    computed = table.filter(pl.col("t").is_not_null())
    missed = table.filter(pl.col("t").is_null())
    rare = _too_rare(options, genotypes, cohort, computed, trait)
    too_rare, computed = computed.filter(rare), computed.filter(~rare)
    none = np.zeros(traits, dtype=np.int64)
    tests, not_computed, counts = none.copy(), none.copy(), np.zeros((traits, screening.BINS), dtype=np.int64)
    tests[trait], not_computed[trait] = len(computed), len(missed)
    counts[trait] = screening.histogram(np.square(computed["t"].to_numpy())[:, None])[0]
    left_out = pl.concat(
        [
            block_results.left_out(too_rare["variant"].to_numpy(), np.full(len(too_rare), "mac", dtype=object), trait),
            block_results.left_out(missed["variant"].to_numpy(), missed["code"].to_numpy(), trait),
        ]
    )
    kept = computed.filter(pl.col("neglog10p") >= options.keep_neglog10p).with_columns(trait=pl.lit(trait, pl.Int64))
    return BlockResult(kept.select(list(block_results.ROWS)), left_out, tests, not_computed, counts, np.empty(0))


def _too_rare(options: Plink2, genotypes: Genotypes, cohort: Cohort, table: pl.DataFrame, trait: int) -> pl.Series:
    """PLINK counts minor alleles among all people of the run; for a trait that some of them lack they are counted again."""
    having = np.flatnonzero(~np.isnan(cohort.values[:, trait]))
    if len(having) == len(cohort.fam_index):
        return pl.repeat(False, len(table), eager=True)
    counted = judged(variant_filters.minor_allele_count, genotypes, cohort, having)[table["variant"].to_numpy()]
    return pl.Series(counted.astype(np.float64) < options.min_mac)


def _left_out(options: Plink2, genotypes: Genotypes, cohort: Cohort, tested: NDArray[np.int64]) -> BlockResult:
    """Variants that PLINK's filters excluded, with the filter's name."""
    absent = np.setdiff1d(np.arange(len(genotypes)), tested)
    given = reasons(options, genotypes, cohort)[absent] if len(absent) else np.empty(0, dtype=object)
    given[given == ""] = "excluded by plink2"
    traits = cohort.values.shape[1]
    none = np.zeros(traits, dtype=np.int64)
    counts = np.zeros((traits, screening.BINS), dtype=np.int64)
    frame = pl.DataFrame(schema=block_results.ROWS)
    return BlockResult(frame, block_results.left_out(absent, given), none, none, counts, np.empty(0))


def _uninformative(options: Plink2, genotypes: Genotypes, cohort: Cohort) -> NDArray[np.bool_]:
    """(V,) bool: variants of low imputation quality. PLINK's --mach-r2-filter knows neither X nor the .pvar's values."""
    if not genotypes.is_imputed or options.min_info == 0:
        return np.zeros(len(genotypes), dtype=bool)
    return judged(partial(variant_filters.poorly_imputed, options), genotypes, cohort).astype(bool)


def _out_of_hardy(options: Plink2, genotypes: Genotypes, cohort: Cohort) -> NDArray[np.bool_]:
    """(V,) bool: variants out of Hardy-Weinberg equilibrium in a group of ancestry."""
    if cohort.ancestry is None or options.min_hwe_p == 0:
        return np.zeros(len(genotypes), dtype=bool)
    return np.asarray(reasons(options, genotypes, cohort) == "hwe")

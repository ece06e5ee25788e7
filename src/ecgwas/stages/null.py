"""The null study: the same chain on permuted participants or simulated genomes, to compare every count with chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ecgwas.errors import InputError, MissingStageError, StudyError
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.people_lists import MALE
from ecgwas.loci.thresholds import SETS
from ecgwas.simulate.files import write_genotypes
from ecgwas.simulate.genomes import AUTOSOMES, simulate_genomes
from ecgwas.stages.base import seed_of
from ecgwas.study import Matrix, Study
from ecgwas.tables import VARIANT_KEY, files

SHARED_STAGES = ("read", "represent")
"""Stages that do not depend on genotypes, which the null study takes from its study."""

MAX_VARIANTS = 5_000
"""Maximum number of variants simulated per chromosome, in stretches of six megabases: enough for loci to form as usual."""


def null_study_of(study: Study, *, simulated: bool = False) -> Study:
    """The study with participants permuted, or (simulated) with other genomes, at the study's threshold, in results/null.

    Raises MissingStageError if the study's own stage `loci`, which determines the threshold, has not run, StudyError if its
    associations are imported.
    """
    if not study.scan.tests_traits:
        fix = "use scan: {kind: matrix}, which tests them here, for a study with permutations and a null study"
        raise StudyError("a null study needs tests of permuted participants, and these results are imported", fix=fix)
    scan = study.scan.model_copy(update={"permutations": 1}) if isinstance(study.scan, Matrix) else study.scan
    if simulated:
        genomes = {"genotypes": study.results / "null" / "genomes" / "simulated", "people": None, "variants": None}
        scan = scan.model_copy(update=genomes)
    changes = {
        "results": study.results / "null",
        "traits": study.traits.model_copy(update={"shuffle": not simulated}),
        "scan": scan,
        "outcomes": None,
        "predict": None,
        "scores": None,
        "loci": study.loci.model_copy(update={"threshold": _threshold(study), "set_p": _threshold_of_sets(study)}),
    }
    return study.model_copy(update=changes)


def _threshold(study: Study) -> float:
    if not files.THRESHOLDS.exists(study.results):
        fix = "run `ecgwas run` first: the null study uses its threshold"
        raise MissingStageError("the study's loci have not been found", where=study.results, fix=fix)
    return float(files.THRESHOLDS.read(study.results).frame.filter(pl.col("used"))["p"].item())


def write_simulated_genomes(study: Study, null_study: Study) -> None:
    """Writes random genomes of the study's participants to the null study's scan.genotypes, seeded by the study.

    Each autosome of the study is simulated as a stretch with realistic linkage disequilibrium (simulate.genomes). Its number
    of variants is that of the study's largest autosome, at most MAX_VARIANTS. Raises InputError if the study has no autosome.
    """
    parts = [chromosomes.open_chromosome(study.scan, part) for part in chromosomes.available(study.scan) if part in AUTOSOMES]
    if not parts:
        fix = "run `ecgwas null` without --simulated, which permutes people"
        raise InputError("genomes are simulated on autosomes only, and the study has none", where=study.results, fix=fix)
    eids = chromosomes.eids_in_all_files(study.scan)
    variants = min(max(len(part) for part in parts), MAX_VARIANTS)
    rng = np.random.default_rng([seed_of(study, "genomes")])
    genomes = simulate_genomes(len(eids), rng, chromosomes=[part.chrom for part in parts], variants_per_chromosome=variants)
    path = null_study.scan.genotypes.with_name(null_study.scan.genotypes.name + ".bed")
    path.parent.mkdir(parents=True, exist_ok=True)
    men = parts[0].sexes[parts[0].sample_index(eids)] == MALE
    write_genotypes(path, genomes, genomes.dosage, list(zip(eids, men.tolist(), strict=True)))


def table_paths(study: Study) -> list[Path]:
    """The null study's tables that the report reads, if they exist."""
    folder = study.results / "null"
    tables = (file for stage in ("loci", "genes") for file in files.of_stage(stage) if isinstance(file, files.TableFile))
    return sorted(file.path(folder) for file in tables if file.exists(folder))


def is_complete(study: Study) -> bool:
    """True if the null study has run to its genes."""
    return files.TERMS.exists(study.results / "null")


def _threshold_of_sets(study: Study) -> float | None:
    """The p-value of the study's threshold for trait sets; None without such a threshold."""
    p_values = files.THRESHOLDS.read(study.results).frame.filter(pl.col("kind") == SETS)["p"]
    return float(p_values.item()) if len(p_values) else None


def link_shared_stages(study: Study, null_study: Study) -> None:
    """Links the stages that the null study takes from its study; a study without recordings has no stage `read`."""
    for stage in SHARED_STAGES if study.read is not None else SHARED_STAGES[1:]:
        _link(null_study.results / stage, Path("..") / stage)
        _link(null_study.results / "notes" / stage, Path("..") / ".." / "notes" / stage)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        path.symlink_to(target, target_is_directory=True)


def counts(study: Study) -> dict[str, int] | None:
    """Counts of significant variants, variant-trait pairs, loci, genes, clusters and kept terms; None before stage `genes`."""
    if not files.TERMS.exists(study.results):
        return None
    hits = files.HITS.read(study.results).frame
    return {
        "significant variants": hits.select(VARIANT_KEY).n_unique(),
        "variant-trait pairs": len(hits),
        "loci": len(files.LOCI.read(study.results)),
        "genes": files.GENES.read(study.results).frame["gene"].drop_nulls().n_unique(),
        "clusters": files.CLUSTERS.read(study.results).frame["cluster"].drop_nulls().n_unique(),
        "terms": files.TERMS.read(study.results).frame.filter(pl.col("kept")).height,
    }

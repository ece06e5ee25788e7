"""The null twin of a study: the same chain on shuffled people, or on simulated genomes, so that every count has a count by
chance beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ecgwas.errors import InputError, MissingStageError
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.people_lists import MALE
from ecgwas.loci.thresholds import SETS
from ecgwas.simulate.files import write_genotypes
from ecgwas.simulate.genomes import AUTOSOMES, simulate_genomes
from ecgwas.stages.base import seed_of
from ecgwas.study import Matrix, Study
from ecgwas.tables import VARIANT_KEY, files

SHARED = ("read", "represent")
"""Stages that know nothing of genotypes: the twin has them from its study."""


MOST_VARIANTS = 5_000
"""Simulated for each chromosome: stretches of six megabases, enough for loci to form as they do."""


def twin(study: Study, *, simulated: bool = False) -> Study:
    """The study with its people shuffled, or (simulated) with other genomes, and its threshold kept, in results/null.

    Raises MissingStageError if the study's own loci have not been found: their threshold is the twin's.
    """
    scan = study.scan.model_copy(update={"permutations": 1}) if isinstance(study.scan, Matrix) else study.scan
    if simulated:
        files = {"genotypes": study.results / "null" / "genomes" / "simulated", "people": None, "variants": None}
        scan = scan.model_copy(update=files)
    changes = {
        "results": study.results / "null",
        "traits": study.traits.model_copy(update={"shuffle": not simulated}),
        "scan": scan,
        "loci": study.loci.model_copy(update={"threshold": _threshold(study), "set_p": _threshold_of_sets(study)}),
    }
    return study.model_copy(update=changes)


def _threshold(study: Study) -> float:
    if not files.THRESHOLDS.exists(study.results):
        fix = "run `ecgwas run` first: the null twin takes its threshold"
        raise MissingStageError("the study's loci have not been found", where=study.results, fix=fix)
    return float(files.THRESHOLDS.read(study.results).frame.filter(pl.col("used"))["p"].item())


def write_genomes(study: Study, null: Study) -> None:
    """Genomes of the study's people that have nothing to do with them, under the twin's scan.genotypes; seeded by the study.

    A stretch of each autosome of the study with real linkage (simulate.genomes), with as many variants as its chromosomes
    have, MOST_VARIANTS at most. Raises InputError where the study has no autosome.
    """
    parts = [chromosomes.open_part(study.scan, part) for part in chromosomes.parts(study.scan) if part in AUTOSOMES]
    if not parts:
        fix = "run `ecgwas null` without --simulated: people are shuffled then"
        raise InputError("genomes are simulated on autosomes only, and the study has none", where=study.results, fix=fix)
    eids = chromosomes.people(study.scan)
    variants = min(max(len(part) for part in parts), MOST_VARIANTS)
    rng = np.random.default_rng([seed_of(study, "genomes")])
    made = simulate_genomes(len(eids), rng, chromosomes=[part.chrom for part in parts], variants_per_chromosome=variants)
    path = null.scan.genotypes.with_name(null.scan.genotypes.name + ".bed")
    path.parent.mkdir(parents=True, exist_ok=True)
    men = parts[0].sexes[parts[0].find(eids)] == MALE
    write_genotypes(path, made, made.dosage, list(zip(eids, men.tolist(), strict=True)))


def tables(study: Study) -> list[Path]:
    """The tables of the null twin that the report reads, as far as they are there."""
    folder = study.results / "null"
    tables = (file for stage in ("loci", "genes") for file in files.of_stage(stage) if isinstance(file, files.TableFile))
    return sorted(file.path(folder) for file in tables if file.exists(folder))


def is_made(study: Study) -> bool:
    """True if the null twin has been run to its genes."""
    return files.TERMS.exists(study.results / "null")


def _threshold_of_sets(study: Study) -> float | None:
    """The p-value of the study's threshold for sets of traits; None where it has none."""
    found = files.THRESHOLDS.read(study.results).frame.filter(pl.col("kind") == SETS)["p"]
    return float(found.item()) if len(found) else None


def share_signals(study: Study, null: Study) -> None:
    """Links the stages that the twin has in common with its study."""
    for stage in SHARED:
        _link(null.results / stage, Path("..") / stage)
        _link(null.results / "notes" / stage, Path("..") / ".." / "notes" / stage)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        path.symlink_to(target, target_is_directory=True)


def counts(study: Study) -> dict[str, int] | None:
    """Significant variants, variant-trait pairs, loci, genes, clusters and kept terms; None if genes have not been found."""
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

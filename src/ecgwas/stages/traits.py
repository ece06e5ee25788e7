"""Stage `traits`: joins features, covariates and genotyped participants."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ecg
from ecgwas.errors import Caution, EcgwasError
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes import requested as lists
from ecgwas.stages import read, represent
from ecgwas.stages.base import Needs, Stage, all_in_one, seed_of
from ecgwas.study import Study
from ecgwas.tables import Covariates, People, Traits, files
from ecgwas.tables.recordings import TraitReport
from ecgwas.traits import covariates, exclusions, join, null_permutation, overlap, sample_qc, source_study

logger = logging.getLogger(__name__)


def _options(study: Study, part: str) -> Any:
    shuffle = seed_of(study, "shuffle") if study.traits.shuffle else None
    return [study.as_written(study.traits), study.scan.build, seed_of(study, "components"), shuffle]


def _needs(study: Study, part: str) -> Needs:
    return [("represent", name) for name in represent.STAGE.parts(study)]


def _files(study: Study, part: str) -> Sequence[Path]:
    lists = [path for path in (study.read.leave_out,) if path is not None]
    return [study.traits.covariates, *lists, *chromosomes.input_files(study.scan)]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    judge = partial(_judged, study)
    tables = join.build(study.traits, represent.load_features(study), chromosomes.eids_in_all_files(study.scan), judge)
    if study.traits.shuffle:
        tables = null_permutation.permuted(tables, np.random.default_rng(seed_of(study, "shuffle")))
    people = _withdrawn(study, tables.people)
    files.TRAITS.write(tables.traits, out)
    files.COVARIATES.write(tables.covariates, out)
    files.ANCESTRY.write(tables.ancestry, out)
    files.PEOPLE.write(people, out)
    files.TRAIT_REPORT.write(TraitReport(tables.report), out)
    files.SAMPLE_GUARDS.write(tables.guards, out)
    for note in (*tables.notes, *lists.check_lists(study.scan)):
        logger.warning("traits: %s", note)
    gone = exclusions.exclusion_counts(people)
    why = f": {'; '.join(f'{reason}: {count}' for reason, count in gone)}" if gone else ""
    logger.info("traits: %d people, %d traits; %d of %d people dropped%s", len(tables.traits.eids), len(tables.traits.names),
                sum(count for _, count in gone), len(people), why)  # fmt: skip


def _withdrawn(study: Study, people: People) -> People:
    """Gives the list's reason as the only one for participants listed in `read.leave_out`, whatever else they lack."""
    reasons = ecg.leave_out_reasons(study.read)
    if not reasons:
        return people
    listed = pl.col("eid").replace_strict(reasons, default=None, return_dtype=pl.String)
    return People(people.frame.with_columns(reason=pl.coalesce(listed, "reason")))


def _judged(study: Study, eids: Sequence[str]) -> sample_qc.SampleQc:
    """Sample QC by the study's genotypes."""
    options = study.traits.guards
    off = study.traits.components == 0 and not any(getattr(options, name) for name in type(options).model_fields)
    if off and not study.traits.normalise_within:
        return sample_qc.unjudged(eids)
    open_part = partial(chromosomes.open_chromosome, study.scan)
    parts = chromosomes.available(study.scan)
    panel = pruned_panel.read(parts, open_part, eids, build=study.scan.build)
    first = open_part("X" if "X" in parts else parts[0])
    sexes = first.sexes[first.sample_index(eids)]
    seed = seed_of(study, "components")
    judged = sample_qc.run(options, panel, sexes, wanted_components=study.traits.components, seed=seed)
    return judged if "X" in parts else replace(judged, sexes=np.zeros_like(judged.sexes))


def load_traits(study: Study) -> Traits:
    """The traits of the study."""
    return files.TRAITS.read(study.results)


def load_ancestry(study: Study, column: str) -> NDArray[np.int64]:
    """(N,) `column` of Ancestry for the participants tested, in the order of the traits."""
    frame = files.ANCESTRY.read(study.results).frame
    return frame[column].to_numpy()


def load_covariates(study: Study) -> Covariates:
    """The covariates of the study."""
    return files.COVARIATES.read(study.results)


def _check(study: Study) -> Sequence[str]:
    table = covariates.read(study.traits)  # Read before the genotypes: if both are missing, both are named.
    other = source_study.differences(table) if study.preset == "published" else None
    facts = overlap.check(
        study.traits, chromosomes.eids_in_all_files(study.scan), _recorded(study), chromosomes.sex_by_eid(study.scan)
    )
    return [*facts, *([Caution(f"{study.traits.covariates.name}: {other}")] if other else [])]


def _recorded(study: Study) -> Sequence[str]:
    """Eids of the recordings; empty if they cannot be listed, which the check of `read` reports."""
    try:
        return [source.eid for source in read.manifest_of(study).sources]
    except EcgwasError:
        return ()


STAGE = Stage(
    "traits", "join people, covariates and features", all_in_one, _options, _needs, _files, _work, _check,
    version=2,
)  # fmt: skip

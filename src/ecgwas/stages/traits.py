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

from ecgwas.errors import Caution, EcgwasError, InputError, StudyError
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes import requested as lists
from ecgwas.mixed.families import LEAST_RELATIONSHIP
from ecgwas.progress import track
from ecgwas.scan import matrix
from ecgwas.stages import feature_tables, polygenic, read, represent, withdrawn
from ecgwas.stages.base import Needs, Stage, all_in_one, seed_of
from ecgwas.study import Matrix, Study
from ecgwas.tables import Covariates, People, Traits, files
from ecgwas.tables.recordings import RelatedPairs, TraitReport
from ecgwas.traits import covariates, exclusions, join, null_permutation, overlap, sample_qc, source_study, untransformed

logger = logging.getLogger(__name__)


def _options(study: Study, part: str) -> Any:
    shuffle = seed_of(study, "shuffle") if study.traits.shuffle else None
    units = represent.units_of_tables(study)
    return [
        study.as_written(study.traits),
        study.scan.build,
        seed_of(study, "components"),
        shuffle,
        *([units] if units else []),
        *(["relatives are kept"] if study.scan.keeps_relatives else []),
        *(["their pairs are written"] if polygenic.needs_pairs(study) else []),
    ]


def _needs(study: Study, part: str) -> Needs:
    return [("represent", name) for name in represent.STAGE.parts(study)]


def _files(study: Study, part: str) -> Sequence[Path]:
    return [study.traits.covariates, *study.lists_of_withdrawn, *chromosomes.input_files(study.scan)]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    _refuse_without_guard(study)
    judge = partial(_judged, study)
    sources = {options.name: feature_tables.words(options) for options in study.represent}
    genotyped = chromosomes.eids_in_all_files(study.scan)
    tables = join.build(study.traits, represent.load_features(study), genotyped, judge, sources)
    if study.traits.shuffle:
        tables = null_permutation.permuted(tables, np.random.default_rng(seed_of(study, "shuffle")))
    people = _withdrawn(study, tables.people)
    files.TRAITS.write(tables.traits, out)
    files.COVARIATES.write(tables.covariates, out)
    files.ANCESTRY.write(tables.ancestry, out)
    if polygenic.needs_pairs(study):
        files.RELATED_PAIRS.write(_known(study, tables.related), out)
    files.PEOPLE.write(people, out)
    files.TRAIT_REPORT.write(TraitReport(represent.with_units(study, tables.report)), out)
    files.SAMPLE_GUARDS.write(tables.guards, out)
    for note in (*tables.notes, *lists.check_lists(study.scan)):
        logger.warning("traits: %s", note)
    gone = exclusions.exclusion_counts(people)
    why = f": {'; '.join(f'{reason}: {count}' for reason, count in gone)}" if gone else ""
    logger.debug("traits: %d people, %d traits; %d of %d people dropped%s", len(tables.traits.eids), len(tables.traits.names),
                sum(count for _, count in gone), len(people), why)  # fmt: skip


def _refuse_without_guard(study: Study) -> None:
    """Raises StudyError if the scan needs related pairs for which nobody looks."""
    if polygenic.needs_pairs(study) and study.traits.guards.max_kinship is None:
        problem = f"scan.relatives: {_kept(study)} needs the related pairs, and traits.guards.max_kinship: null looks for none"
        raise StudyError(problem, fix="leave traits.guards.max_kinship out, or name a list of pairs in scan.kinship")


def _kept(study: Study) -> str:
    return study.scan.relatives if isinstance(study.scan, Matrix) else ""


def _known(study: Study, related: RelatedPairs | None) -> RelatedPairs:
    """The related pairs. Raises InputError if there were too few variants to find them."""
    if related is not None:
        return related
    problem = f"scan.relatives: {_kept(study)} needs the related pairs, and fewer than {sample_qc.MIN_VARIANTS} independent "
    problem += "variants cannot show them"
    fix = "give genotypes of the whole genome, name a list of pairs in scan.kinship, or write scan.relatives: drop"
    raise InputError(problem, where=study.scan.genotypes, fix=fix)


def _withdrawn(study: Study, people: People) -> People:
    """Gives the list's reason as the only one for participants listed in `leave_out`, whatever else they lack."""
    reasons = withdrawn.reasons(study)
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
    judged = sample_qc.run(
        options, panel, sexes,
        wanted_components=study.traits.components, seed=seed, keep_relatives=study.scan.keeps_relatives,
        least_kinship=LEAST_RELATIONSHIP / 2 if polygenic.needs_pairs(study) else None,
        workers=matrix.threads(study.scan.thread_limit), track=track,
    )  # fmt: skip
    return judged if "X" in parts else replace(judged, sexes=np.zeros_like(judged.sexes))


def load_traits(study: Study) -> Traits:
    """The traits of the study."""
    return files.TRAITS.read(study.results)


def load_units(study: Study) -> dict[str, str]:
    """Trait -> unit of its feature; traits without a unit are absent."""
    table = files.TRAIT_REPORT.read(study.results).frame.drop_nulls("unit")
    return dict(table.select("trait", "unit").iter_rows())


def load_untransformed(study: Study, names: Sequence[str]) -> Traits:
    """The named traits before their transformation: the features themselves, of the participants of the covariates.

    In a null study the values are permuted as its traits are.
    """
    eids = load_covariates(study).eids
    traits = untransformed.untransformed(represent.load_features_of(study, names), eids, names)
    if not study.traits.shuffle:
        return traits
    rng = np.random.default_rng(seed_of(study, "shuffle"))
    return null_permutation.reordered(traits, load_ancestry(study, "ancestry_group"), rng)


def load_ancestry(study: Study, column: str) -> NDArray[np.int64]:
    """(N,) `column` of Ancestry for the participants tested, in the order of the traits."""
    frame = files.ANCESTRY.read(study.results).frame
    return frame[column].to_numpy()


def load_covariates(study: Study) -> Covariates:
    """The covariates of the study."""
    return files.COVARIATES.read(study.results)


def _check(study: Study) -> Sequence[str]:
    _refuse_without_guard(study)
    table = covariates.read(study.traits)  # Read before the genotypes: if both are missing, both are named.
    other = source_study.differences(table) if study.preset == "published" else None
    facts = overlap.check(
        study.traits, chromosomes.eids_in_all_files(study.scan), _represented(study), chromosomes.sex_by_eid(study.scan)
    )
    return [*facts, *([Caution(f"{study.traits.covariates.name}: {other}")] if other else [])]


def _represented(study: Study) -> dict[str, set[str]]:
    """Whom the recordings and feature tables hold; empty if they cannot be read, which other stages' checks report."""
    eids: dict[str, set[str]] = {}
    try:
        if any(options.uses_recordings for options in study.represent):
            eids[overlap.RECORDINGS] = {source.eid for source in read.manifest_of(study).sources}
        return eids | feature_tables.eids_by_table(study)
    except EcgwasError:
        return {}


STAGE = Stage(
    "traits", "join people, covariates and features", all_in_one, _options, _needs, _files, _work, _check,
    version=4,
)  # fmt: skip

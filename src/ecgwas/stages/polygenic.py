"""Part `polygenic` of stage `scan`: what the other chromosomes predict of every trait, before any chromosome is tested.

It exists with `scan.relatives: polygenic` if more than `scan.exact_people` are genotyped. How many of them are tested is known
after stage `traits`: if they are few enough for the exact model, the part predicts nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes import chromosomes
from ecgwas.progress import track
from ecgwas.scan import matrix, polygenic
from ecgwas.stages.base import seed_of
from ecgwas.study import Matrix, Study
from ecgwas.tables import Covariates, Traits, files
from ecgwas.tables.calibration import Polygenic

logger = logging.getLogger(__name__)

PART = "polygenic"
OPTIONS = ("genotypes", "people", "variants", "build", "chromosomes", "relatives", "exact_people")
"""Options of the scan on which the predictions depend."""


def is_part(study: Study) -> bool:
    """True if more people are genotyped than the exact model is used for."""
    options = study.scan
    if not isinstance(options, Matrix) or options.relatives != "polygenic":
        return False
    return len(chromosomes.eids_in_all_files(options)) > options.exact_people


def needs_pairs(study: Study) -> bool:
    """True if stage traits must write the pairs of relatives."""
    return study.scan.needs_pairs or (is_part(study) and isinstance(study.scan, Matrix) and study.scan.kinship is None)


def is_used(study: Study) -> bool:
    """True if the scan subtracts predictions. Raises OSError before the part has run."""
    return is_part(study) and files.POLYGENIC.read(study.results).frame.height > 0


def options_of(study: Study) -> Any:
    """The options on which the part depends, and its seed."""
    written = study.as_written(study.scan)
    return [{name: value for name, value in written.items() if name in OPTIONS}, seed_of(study, PART)]


def work(study: Study, traits: Traits, covariates: Covariates, out: Path) -> None:
    """Writes the predictions, and how good they are; a table without rows if the exact model is used."""
    assert isinstance(study.scan, Matrix)
    options = study.scan
    if len(traits.eids) <= options.exact_people:
        logger.info("scan: %d people are tested with the exact mixed model", len(traits.eids))
        files.POLYGENIC.write(Polygenic.empty(), out)
        return
    files.POLYGENIC.within(out).parent.mkdir(parents=True)
    shape = (len(traits.names), len(traits.eids))

    def store(name: str) -> NDArray[np.float32]:
        path = files.PREDICTIONS.within(out, chromosome=name)
        if path.exists():
            return np.lib.format.open_memmap(path, mode="r+")
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)

    workers = matrix.threads(options.threads)
    table = polygenic.predict(options, traits, covariates, seed=seed_of(study, PART), store=store, workers=workers, track=track)
    files.POLYGENIC.write(table, out)
    logger.info("scan: %s", in_words(table))


def in_words(table: Polygenic) -> str:
    """What the other chromosomes predict, found and expected, over all traits."""
    frame = table.frame
    predicted, expected = (float(np.median(frame[name].drop_nulls().to_numpy())) for name in ("r2", "expected_r2"))
    return (
        f"the other chromosomes predict {predicted:.2%} of a trait's variance (median of {frame.height} traits; theory expects "
        f"{expected:.2%} at their heritabilities)"
    )


def residual_traits(study: Study, traits: Traits, chrom: str) -> Traits:
    """What the scan tests on a chromosome: without what the others predict, if the study predicts.

    traits: any of the study's, of all participants.
    """
    if not is_used(study):
        return traits
    names = files.POLYGENIC.read(study.results).frame["trait"].to_list()
    rows = [names.index(name) for name in traits.names]
    path = files.PREDICTIONS.path(study.results, chromosome=polygenic.chromosome_of(chrom))
    predicted = np.load(path, mmap_mode="r", allow_pickle=False)[rows]
    return Traits(traits.eids, traits.names, traits.values - predicted.T)


def parts(study: Study) -> Sequence[str]:
    """The part, if there is one."""
    return (PART,) if is_part(study) else ()

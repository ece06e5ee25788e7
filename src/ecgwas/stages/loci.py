"""Stage `loci`: thresholds, hits, loci."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ecgwas.associate import inflation, loci, power, thresholds
from ecgwas.stages import scan, traits
from ecgwas.stages.base import Needs, Stage, all_in_one, nothing_to_check, stage_folder
from ecgwas.study import Study
from ecgwas.tables import Associations

logger = logging.getLogger(__name__)


def _options(study: Study, part: str) -> Any:
    return [study.as_written(study.loci), study.scan.keep_neglog10p]


def _needs(study: Study, part: str) -> Needs:
    return [("traits", "all"), *(("scan", name) for name in scan.STAGE.parts(study))]


def _files(study: Study, part: str) -> Sequence[Path]:
    return [path for path in (study.loci.known,) if path is not None]


def features_per_lead(names: Sequence[str]) -> int:
    """Most features that one lead of one representation has: what the published threshold divides by."""
    counts = Counter(name.rsplit(".", 1)[0] for name in names)
    return max(counts.values(), default=1)


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    tested = traits.load_traits(study)
    results = scan.load_results(study)
    table = thresholds.table(study.loci, results, tested, features_per_lead(tested.names))
    associations = Associations(pl.concat([result.associations.frame for result in results]))
    found = loci.find(study.loci, table, associations, results, keep_neglog10p=study.scan.keep_neglog10p)
    found.thresholds.write(out / "thresholds.csv")
    found.summary.write(out / "summary.csv")
    found.hits.write(out / "hits.csv")
    found.loci.write(out / "loci.csv")
    covariates = len(traits.load_covariates(study).names)
    inflation.qq(results, covariates=covariates).write_csv(out / "qq.csv")
    power.table(found.thresholds, len(tested.eids), covariates=covariates).write_csv(out / "power.csv")
    for note in found.notes:
        logger.info("loci: %s", note)
    logger.info(
        "loci: %d significant rows in %d loci; %d rows without a p-value", len(found.hits), len(found.loci), found.not_computed
    )


def load_associations(study: Study) -> Associations:
    """The kept rows of all parts of the scan."""
    folder = stage_folder(study, "scan")
    return Associations(pl.concat([pl.read_parquet(folder / f"{part}.parquet") for part in scan.STAGE.parts(study)]))


STAGE = Stage(
    "loci", "decide what is significant, join it into loci", all_in_one, _options, _needs, _files, _work, nothing_to_check
)

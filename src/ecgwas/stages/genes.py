"""Stage `genes`: genes, networks and terms of the loci."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecgwas import genes
from ecgwas.errors import Caution
from ecgwas.genes.web import client
from ecgwas.stages import loci as loci_stage
from ecgwas.stages import scan
from ecgwas.stages.base import Needs, Stage, all_in_one, seed_of, write_json
from ecgwas.study import Study
from ecgwas.tables import files

logger = logging.getLogger(__name__)


def _options(study: Study, part: str) -> Any:
    return [[study.as_written(source) for source in study.genes], study.scan.build, seed_of(study, "genes")]


def _needs(study: Study, part: str) -> Needs:
    return [("loci", "all"), *(("scan", name) for name in scan.STAGE.parts(study))]


def _files(study: Study, part: str) -> Sequence[Path]:
    values = [value for source in study.genes for _, value in source]
    several = [value if isinstance(value, tuple) else (value,) for value in values]
    return [value for each in several for value in each if isinstance(value, Path)]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    loci = files.LOCI.read(study.results)
    hits = loci_stage.load_hits(study)
    get = client.make_get(study.results / "cache", offline=study.offline)
    facts = genes.check(study.genes, study.scan.build, offline=study.offline)
    warnings = [f"warning: {fact}" for fact in facts if isinstance(fact, Caution)]
    found = genes.run(
        study.genes,
        loci,
        hits,
        get,
        build=study.scan.build,
        seed=seed_of(study, "genes"),
        tested=loci_stage.tested_positions(study),
    )
    _write(found, out)
    notes = [*warnings, *found.notes]
    write_json(files.GENE_NOTES.within(out), notes)
    for note in notes:
        logger.info("genes: %s", note)


def _write(found: genes.GeneTables, out: Path) -> None:
    files.GENES.write(found.genes, out)
    files.GENE_COUNTS.write(found.gene_counts, out)
    files.GENE_LEADS.write(found.gene_leads, out)
    files.CLUSTERS.write(found.clusters, out)
    files.EDGES.write(found.edges, out)
    files.NETWORK_TESTS.write(found.network_tests, out)
    files.TERMS.write(found.terms, out)
    files.TERM_CHOICE.write(found.term_choice, out)
    files.CLUSTER_TERMS.write(found.cluster_terms, out)
    files.CLUSTER_VIEW.write(found.cluster_view, out)
    files.PUBLISHED.write(found.published, out)
    files.UNPLACED.write(found.unplaced, out)
    files.LOCUS_TERMS.write(found.locus_terms, out)


def _check(study: Study) -> Sequence[str]:
    facts = genes.check(study.genes, study.scan.build, offline=study.offline)
    if not facts:
        return ["no gene sources: loci will have no genes"]
    return [*facts, *genes.foreseen(study.genes, study.results / "cache", offline=study.offline)]


STAGE = Stage(
    "genes", "find genes, networks and terms", all_in_one, _options, _needs, _files, _work, _check,
    version=1,
)  # fmt: skip

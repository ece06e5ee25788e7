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
    return [("loci", "all"), *(("scan", name) for name in scan.tested_chromosomes(study))]


def _files(study: Study, part: str) -> Sequence[Path]:
    values = [value for source in study.genes for _, value in source]
    lists = [value if isinstance(value, tuple) else (value,) for value in values]
    return [value for each in lists for value in each if isinstance(value, Path)]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    facts = genes.check(study.genes, study.scan.build, offline=study.offline)
    tables = genes.run(
        study.genes,
        files.LOCI.read(study.results),
        loci_stage.load_hits(study),
        client.make_get(study.results / "cache", offline=study.offline),
        build=study.scan.build,
        seed=seed_of(study, "genes"),
        tested=loci_stage.tested_positions(study),
    )
    _write(tables, out)
    cautions = [fact for fact in facts if isinstance(fact, Caution)]
    write_json(files.GENE_NOTES.within(out), [*(f"warning: {caution}" for caution in cautions), *tables.notes])
    for caution in cautions:
        logger.warning("genes: %s", caution)
    for note in tables.notes:
        logger.info("genes: %s", note)


def _write(tables: genes.GeneTables, out: Path) -> None:
    files.GENES.write(tables.genes, out)
    files.GENE_COUNTS.write(tables.gene_counts, out)
    files.GENE_LEADS.write(tables.gene_leads, out)
    files.CLUSTERS.write(tables.clusters, out)
    files.EDGES.write(tables.edges, out)
    files.NETWORK_TESTS.write(tables.network_tests, out)
    files.TERMS.write(tables.terms, out)
    files.TERM_CHOICE.write(tables.term_choice, out)
    files.CLUSTER_TERMS.write(tables.cluster_terms, out)
    files.CLUSTER_VIEW.write(tables.cluster_view, out)
    files.PUBLISHED.write(tables.published, out)
    files.UNPLACED.write(tables.unplaced, out)
    files.LOCUS_TERMS.write(tables.locus_terms, out)


def _check(study: Study) -> Sequence[str]:
    facts = genes.check(study.genes, study.scan.build, offline=study.offline)
    if not facts:
        return ["no gene sources: loci will have no genes"]
    return [*facts, *genes.foreseeable_failures(study.genes, study.results / "cache", offline=study.offline)]


STAGE = Stage(
    "genes", "find genes, networks and terms", all_in_one, _options, _needs, _files, _work, _check,
    version=2,
)  # fmt: skip

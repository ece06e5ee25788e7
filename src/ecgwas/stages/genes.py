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
from ecgwas.stages.base import Needs, Stage, all_in_one, seed_of, stage_folder, write_json
from ecgwas.study import Study
from ecgwas.tables import Clusters, Edges, Genes, Loci, Terms
from ecgwas.tables.genes import (
    ClusterTerms,
    ClusterView,
    GeneCounts,
    GeneLeads,
    LocusTerms,
    NetworkTests,
    Published,
    TermChoice,
    Unplaced,
)

logger = logging.getLogger(__name__)

FILES = {
    "genes": "genes", "gene_counts": "gene_counts", "gene_leads": "gene_leads", "clusters": "clusters", "edges": "edges",
    "network_tests": "network_tests", "enrichment": "terms", "term_choice": "term_choice", "cluster_terms": "cluster_terms",
    "cluster_view": "cluster_view",
    "published": "published", "unplaced": "unplaced", "locus_terms": "locus_terms",
}  # fmt: skip
"""File under results/genes -> the table in it."""

TABLES = (
    Genes, GeneCounts, GeneLeads, Clusters, Edges, NetworkTests, Terms, TermChoice, ClusterTerms, ClusterView, Published,
    Unplaced, LocusTerms,
)  # fmt: skip


def _options(study: Study, part: str) -> Any:
    return [[study.as_written(source) for source in study.genes], study.scan.build, seed_of(study, "genes")]


def _needs(study: Study, part: str) -> Needs:
    return [("loci", "all"), *(("scan", name) for name in scan.STAGE.parts(study))]


def _files(study: Study, part: str) -> Sequence[Path]:
    values = [value for source in study.genes for _, value in source]
    several = [value if isinstance(value, tuple) else (value,) for value in values]
    return [value for each in several for value in each if isinstance(value, Path)]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    folder = stage_folder(study, "loci")
    loci = Loci.read(folder / "loci.csv")
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
    for name, table in FILES.items():
        getattr(found, table).write(out / f"{name}.csv")
    notes = [*warnings, *found.notes]
    write_json(out / "notes.json", notes)
    for note in notes:
        logger.info("genes: %s", note)


def _check(study: Study) -> Sequence[str]:
    facts = genes.check(study.genes, study.scan.build, offline=study.offline)
    if not facts:
        return ["no gene sources: loci will have no genes"]
    return [*facts, *genes.foreseen(study.genes, study.results / "cache", offline=study.offline)]


STAGE = Stage(
    "genes", "find genes, networks and terms", all_in_one, _options, _needs, _files, _work, _check,
    version=1, tables=TABLES,
)  # fmt: skip

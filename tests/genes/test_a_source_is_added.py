"""docs/add_a_method.md, followed in a copy of the source code: every command works with the gene source that was added."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from tests.added_kind import command_of, package_with
from tests.cohorts import make_cohort

OPTIONS = '''
class Nearby(TermLimits, Source):
    """Genes that start near the variants, and one term for all of them."""

    kind: Literal["nearby"] = "nearby"
    table: StudyPath
    """Chromosome, start, end and symbol."""


GeneSource = Annotated[
    Nearby | '''

FILE = """\
from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.enrichment import Enriched
from ecgwas.genes.sources.file_contents import genes_in
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.tables import Terms


def read(options):
    return [line.split() for line in options.table.read_text().splitlines()]


def check(options, build):
    rows = read(options)
    return genes_in(options.table, [row[3] for row in rows], f"{len(rows)} genes nearby")


def annotate(options, variants, loci, get):
    genes = {}
    for variant in variants.rows():
        starts = [(abs(int(row[1]) - variant.pos), row[3]) for row in read(options) if row[0] == variant.chrom]
        genes[variant] = [MappedGene(symbol, distance, "nearest") for distance, symbol in sorted(starts)[:1]]
    return mapping.genes_of(variants, loci, genes, {}, "nearby", "nearby version 7")


def enrich(options, genes, get, ancestry):
    term = {
        "category": "toys", "term": "TOY:1", "description": "toy term", "observed": len(genes), "expected": 0.5,
        "background": 100, "strength": 1.0, "p": 1e-6, "fdr": 1e-5, "kept": True, "genes": ";".join(genes),
        "group": "other", "reason": None, "cardiovascular": False,
    }
    return Enriched(Terms.of([term] if genes else []), (f"{len(genes)} genes have the toy term",))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one more kind of gene source, added as the page says: a class of options and a file."""
    return package_with(
        tmp_path_factory.mktemp("source"), section="genes", before="\nGeneSource = Annotated[\n    ", after=OPTIONS,
        file="genes/sources/nearby.py", content=FILE,
    )  # fmt: skip


@pytest.mark.slow
def test_every_command_works_with_a_source_that_was_added(source: Path, tmp_path: Path) -> None:
    represent = "  - {kind: intervals, name: clinical}\n"
    study = make_cohort(tmp_path / "cohort", people=60, variants=40, permutations=0, represent=represent)
    text = study.read_text().replace("threshold: permutation", "threshold: 0.001")
    text, replaced = re.subn(r"genes:\n(?:  - .*\n)+", "genes:\n  - {kind: nearby, table: genes.tsv}\n", text)
    assert replaced == 1
    study.write_text(text)

    with command_of(source) as ecgwas:
        assert "genes nearby" in ecgwas("check", str(study))
        assert "genes" in ecgwas("plan", str(study))
        assert "nearby" in ecgwas("options")
        ecgwas("run", str(study))
        results = study.parent / "results"
        genes = pl.read_csv(results / "genes" / "genes.csv")
        assert genes.height > 0
        assert set(genes["source"]) == {"nearby"}
        assert pl.read_csv(results / "genes" / "enrichment.csv")["term"].to_list() == ["TOY:1"]
        assert "genes have the toy term" in (results / "genes" / "notes.json").read_text()
        for page in ("report", "share"):
            html = (results / page / "report.html").read_text()
            assert genes["gene"][0] in html
            assert "nearby version 7" in html
            assert "toy term" in html

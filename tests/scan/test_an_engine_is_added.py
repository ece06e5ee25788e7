"""docs/add_a_method.md, followed in a copy of the source: every command works with an engine that was added."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.added_kind import command_of, package_with
from tests.cohorts import make_cohort

OPTIONS = '''
class Plain(Scan):
    """Ordinary least squares, one trait at a time; a missing call is filled with the mean."""

    kind: Literal["plain"] = "plain"

    @property
    def described(self):
        """Plain."""
        return "least squares, plainly"


ScanOptions = Annotated['''

FILE = """\
import numpy as np
import polars as pl

from ecgwas.scan.engine import block_results, screening
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import residuals, span


def check(options):
    pass


def scan(options, traits, covariates, genotypes, *, seed, track=None, folder=None, ancestry=None):
    copies = genotypes.dosages(0, len(genotypes))[:, genotypes.sample_index(traits.eids)]
    copies = np.where(np.isnan(copies), np.nanmean(copies, axis=1, keepdims=True), copies)
    tested = np.flatnonzero(np.minimum(copies.sum(axis=1), (2 - copies).sum(axis=1)) >= options.min_mac)
    excluded = np.setdiff1d(np.arange(len(genotypes)), tested)
    rows, counts, people = [], [], []
    for k in range(len(traits.names)):
        present = np.isfinite(traits.values[:, k])
        basis = span(covariates.values[present])
        y, g = residuals(traits.values[present, k], basis), residuals(copies[tested][:, present].T, basis)
        df, genotype_ss = len(y) - basis.shape[1] - 1, (g**2).sum(axis=0)
        beta = y @ g / genotype_ss
        se = np.sqrt(((y[:, None] - g * beta) ** 2).sum(axis=0) / df / genotype_ss)
        t = beta / se
        columns = {"variant": tested, "trait": np.full(len(t), k), "eaf": copies[tested][:, present].mean(axis=1) / 2,
                   "n": np.full(len(t), len(y)), "beta": beta, "se": se, "t": t, "neglog10p": neglog10p(t, float(df))}
        rows.append(block_results.rows(**columns).filter(pl.col("neglog10p") >= options.keep_neglog10p))
        counts.append(screening.histogram((t**2)[:, None])[0])
        people.append(len(y))
    n_traits = len(traits.names)
    excluded = block_results.left_out(excluded, np.full(len(excluded), "mac", dtype=object))
    tests, none = np.full(n_traits, len(tested)), np.zeros(n_traits, dtype=np.int64)
    block = block_results.BlockResult(pl.concat(rows), excluded, tests, none, np.array(counts), np.empty(0))
    return block_results.result(block, traits.names, np.array(people), genotypes)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with another engine, added as the page says: a class of options and a file."""
    return package_with(
        tmp_path_factory.mktemp("source"), section="scan", before="\nScanOptions = Annotated[", after=OPTIONS + "Plain | ",
        file="scan/plain.py", content=FILE,
    )  # fmt: skip


@pytest.mark.slow
def test_every_command_works_with_an_engine_that_was_added(source: Path, tmp_path: Path) -> None:
    """Its rows are those of the built-in engine, which fills missing calls the same way."""
    represent = "  - {kind: intervals, name: clinical}\n"
    study = make_cohort(tmp_path / "cohort", people=60, variants=40, represent=represent)
    text = study.read_text().replace("  permutations: 100\n", "").replace("threshold: permutation", "threshold: bonferroni")
    filters = "  min_maf: 0.0\n  min_call_rate: 0.0\n  min_hwe_p: 0.0\n  chromosomes: [1, 2]\n"
    runs = {"plain": "  kind: plain\n", "matrix": "  kind: matrix\n  missing: mean\n  permutations: 0\n"}

    with command_of(source) as ecgwas:
        rows = {}
        for kind, lines in runs.items():
            study.write_text(text.replace("\nscan:\n", f"\nscan:\n{lines}{filters}"))
            ecgwas("check", str(study))
            assert "scan" in ecgwas("plan", str(study))
            ecgwas("run", str(study), "--until", "scan" if kind == "matrix" else "share")
            results = study.parent / "results"
            paths = sorted((results / "scan").rglob("*1*.parquet"))
            frame = pl.concat([pl.read_parquet(path) for path in paths if "beta" in pl.read_parquet_schema(path)])
            rows[kind] = frame.sort("trait", "variant")
            if kind == "plain":
                assert "plain" in ecgwas("options")
                for page in ("report", "share"):
                    html = (results / page / "report.html").read_text()
                    assert "clinical" in html
                    assert "by least squares, plainly." in html
        assert rows["plain"].height > 0
        assert rows["plain"]["variant"].to_list() == rows["matrix"]["variant"].to_list()
        for column in ("beta", "se", "neglog10p"):
            relative = (rows["plain"][column] / rows["matrix"][column] - 1).abs().max()
            assert isinstance(relative, float)
            assert relative < 1e-6

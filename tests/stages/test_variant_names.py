"""Names of variants are labels: a study whose variants have no names, or the same ones, gives the tables of the named one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from ecgwas import stages
from ecgwas.commands import export
from ecgwas.commands.cli import main
from ecgwas.study import Study
from tests.cohorts import make_cohort

LABELS = {"variant", "lead", "lead_variant", "ID", "rsid", "id", "name"}
"""Columns of names; `lead` is a column of leads, too, which the same rows have in the same order."""

TRAIT = "clinical.12L.qt_ms"
REPRESENT = "  - {kind: intervals, name: clinical}\n  - {kind: pca, name: pca, features: 4}\n"


def rewritten(study_file: Path, folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Study:
    """The same study, its recordings read and represented, with another .bim (columns c0 to c5)."""
    folder.mkdir()
    for path in study_file.parent.iterdir():
        if path.name not in ("genotypes", "results", "study.yaml"):
            (folder / path.name).symlink_to(path)
    (folder / "genotypes").mkdir()
    for path in (study_file.parent / "genotypes").iterdir():
        if path.suffix == ".bim":
            frame = pl.read_csv(
                path, separator="\t", has_header=False, infer_schema=False, new_columns=[f"c{k}" for k in range(6)]
            )
            change(frame).write_csv(folder / "genotypes" / path.name, separator="\t", include_header=False)
        else:
            (folder / "genotypes" / path.name).symlink_to(path)
    (folder / "study.yaml").write_text(study_file.read_text())
    for name in ("read", "represent", "notes"):
        shutil.copytree(study_file.parent / "results" / name, folder / "results" / name)
    return Study.read_file(folder / "study.yaml")


def split(frame: pl.DataFrame) -> pl.DataFrame:
    """Every second variant becomes another allele of the one before, as a multi-allelic variant is split."""
    second = (pl.int_range(pl.len()) % 2 == 1) & (pl.col("c0") == pl.col("c0").shift(1))
    return frame.with_columns(
        c3=pl.when(second).then(pl.col("c3").shift(1)).otherwise("c3"),
        c4=pl.when(second).then(pl.col("c5").shift(1) + "TT").otherwise("c4"),
        c5=pl.when(second).then(pl.col("c5").shift(1)).otherwise("c5"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_cohort(tmp_path_factory.mktemp("named"), people=100, variants=120, permutations=0, represent=REPRESENT)
    text = path.read_text().replace("\nreport:\n", "\nreport:\n  max_loci: 3\n  max_traits: 2\n")
    path.write_text(re.sub(r"threshold: permutation.*", "threshold: 1.0e-3", text))
    return path


def finished(study: Study) -> Study:
    stages.run(study)
    return study


@pytest.fixture(scope="module")
def named(cohort: Path) -> Study:
    return finished(Study.read_file(cohort))


@pytest.fixture(scope="module")
def named_split(cohort: Path, named: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return finished(rewritten(cohort, tmp_path_factory.mktemp("split") / "s", split))


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """Every CSV below a folder without its columns of names, lines in order; the null twin apart."""
    found = {}
    for path in sorted(folder.rglob("*.csv")):
        frame = pl.read_csv(path, infer_schema=False)
        found[str(path.relative_to(folder))] = frame.drop([name for name in frame.columns if name in LABELS])
    return found


def same(ours: dict[str, pl.DataFrame], theirs: dict[str, pl.DataFrame]) -> None:
    assert ours.keys() == theirs.keys()
    for name, frame in ours.items():
        assert frame.equals(theirs[name]), f"{name}:\n{frame}\n{theirs[name]}"


def same_results(study: Study, other: Study) -> None:
    for part in ("loci", "genes", "report/figures", "share/tables"):
        ours, theirs = tables(study.results / part), tables(other.results / part)
        # The last guard names the loci that lean on others.
        for found in (ours, theirs):
            for name in [name for name in found if name.endswith("guards.csv")]:
                found[name] = found[name].drop("note")
        same(ours, theirs)
        assert ours


def same_exports(study: Study, other: Study, folder: Path) -> None:
    for kind in ("plink2", "gwas_ssf", "pheweb", "locuszoom", "cytoscape"):
        found = []
        for name, one in (("ours", study), ("theirs", other)):
            list(export.export(one, kind, folder / name / kind, [] if kind == "locuszoom" else [TRAIT]))
            found.append(texts(folder / name / kind))
        assert found[0] == found[1], kind


def texts(folder: Path) -> dict[str, object]:
    """Exported files without names: tables as text of their other columns, JSON without `id` and `lead_variant`."""
    found: dict[str, object] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".json" and path.name != "pheno-list.json":
            track = json.loads(path.read_text())
            track["state"].pop("lead_variant")
            found[path.name] = [track["state"], [{k: v for k, v in row.items() if k != "id"} for row in track["data"]]]
        elif path.suffix in (".gz", ".linear"):
            frame = pl.read_csv(path, separator="\t", infer_schema=False)
            found[path.name] = frame.drop([name for name in frame.columns if name in LABELS]).write_csv()
    return found


RENAMED = {
    "no names": lambda frame: frame.with_columns(c1=pl.lit(".")),
    "one name for all": lambda frame: frame.with_columns(c1=pl.lit("rs1")),
    "a name on every chromosome": lambda frame: frame.with_columns(c1=pl.format("rs{}", pl.int_range(pl.len()).over("c0"))),
}  # fmt: skip


@pytest.mark.parametrize("names", RENAMED)
def test_a_study_of_other_names_gives_the_same(names: str, cohort: Path, named: Study, tmp_path: Path) -> None:
    study = finished(rewritten(cohort, tmp_path / "study", RENAMED[names]))
    genes = pl.read_csv(study.results / "genes" / "genes.csv", schema_overrides={"chrom": pl.String})
    assert genes["chrom"].n_unique() > 1
    assert pl.read_csv(study.results / "loci" / "loci.csv").height > 1
    same_results(study, named)
    same_exports(study, named, tmp_path)


@pytest.mark.parametrize("names", ["no names", "one name for the alleles of a position"])
def test_alleles_of_one_position_are_told_apart(names: str, cohort: Path, named_split: Study, tmp_path: Path) -> None:
    rename = RENAMED.get(names, lambda frame: frame.with_columns(c1=pl.format("rs{}", "c3")))
    study = finished(rewritten(cohort, tmp_path / "study", lambda frame: rename(split(frame))))
    hits = pl.read_csv(study.results / "loci" / "hits.csv")
    assert hits.select("pos", "effect_allele").n_unique() > hits["pos"].n_unique()
    same_results(study, named_split)
    same_exports(study, named_split, tmp_path)


def test_meta_analysis_knows_no_names(cohort: Path, named: Study, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    found = {}
    for label, names in (("named", None), ("unnamed", ".")):
        for path in sorted((named.results / "scan").glob("*.parquet")):
            frame = pl.read_parquet(path).with_columns(pl.col("beta") * 1.1)
            frame = frame if names is None else frame.with_columns(variant=pl.lit(names))
            frame.write_parquet(other / path.name)
        done = CliRunner().invoke(main, ["meta", str(tmp_path / f"{label}.csv"), str(named.results), str(other)])
        assert done.exit_code == 0, done.output
        found[label] = pl.read_csv(tmp_path / f"{label}.csv")
    assert found["named"].height > 10
    assert found["named"].equals(found["unnamed"])

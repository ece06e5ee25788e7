"""docs/your_phenotypes.md: the files of each example are written as the page has them, and its commands are run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.commands.cli import main
from ecgwas.simulate import PARAMETERS, PlantedEffect, simulate
from ecgwas.tables import files
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "your_phenotypes.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```", re.M | re.S)
PEOPLE = 100
FEWER = "share: {matching: false, membership: false}\n"
"""Less work than by default, as are fewer permutations."""


def section(heading: str) -> list[tuple[str, str, str]]:
    """Language, file name and text of each block of a section."""
    text = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [(match[1], match[2] or "", match[3]) for match in BLOCK.finditer(text)]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated recordings, genotypes and covariates; parameters.tsv holds the true measurements."""
    folder = tmp_path_factory.mktemp("cohort")
    effects = [PlantedEffect("qt_ms", 30, "1"), PlantedEffect("qrs_ms", 14, "6")]
    simulate(folder, people=PEOPLE, seed=3, variants_per_chromosome=60, chromosomes=("1", "6"), effects=effects)
    return folder


def copied(cohort: Path, folder: Path, *names: str) -> Path:
    for name in ("genotypes", "covariates.tsv", *names):
        source = cohort / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder / name)
    return folder


def parameters(cohort: Path) -> pl.DataFrame:
    return pl.read_csv(cohort / "parameters.tsv", separator="\t", schema_overrides={"eid": pl.String})


def run_commands(blocks: list[tuple[str, str, str]], folder: Path) -> None:
    """Every command of the section's shell blocks; study files of the section have fewer permutations, and share less."""
    for language, name, text in blocks:
        if language == "yaml" and name:
            (folder / name).write_text(text.replace("build: hg19", "build: hg19, min_mac: 10, permutations: 100") + FEWER)
    commands = [line for language, _, text in blocks if language == "sh" for line in text.splitlines()]
    assert commands
    for command in commands:
        program, *arguments = command.split()
        assert program == "ecgwas"
        main.main(arguments, standalone_mode=False)
        study = folder / "my_study" / "study.yaml"
        if arguments[0] == "init":
            study.write_text(study.read_text().replace("  # min_mac: 20", "  min_mac: 10\n  permutations: 100"))


def found(results: Path) -> set[str]:
    return set(files.HITS.read(results).frame["trait"])


@pytest.mark.slow
def test_a_phenotype_table_alone(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = section("A phenotype table alone")
    header = next(text.strip() for language, _, text in blocks if language == "tsv").split("\t")
    truth = parameters(cohort)
    columns = {name: f"{name.split()[0]}_{name.split()[1].strip('[]').lower()}" for name in header[1:]}
    assert set(columns.values()) <= set(PARAMETERS)
    folder = tmp_path / "my_study"
    folder.mkdir()
    copied(cohort, folder)
    table = truth.select("eid", *(pl.col(column).alias(name) for name, column in columns.items()))
    table.write_csv(folder / "phenotypes.tsv", separator="\t")
    monkeypatch.chdir(tmp_path)
    run_commands(blocks, tmp_path)

    study_file = (folder / "study.yaml").read_text()
    shown = next(text for language, name, text in blocks if language == "yaml" and not name)
    without_comments = re.sub(r" +#.*", "", study_file)
    assert shown in without_comments
    results = folder / "results"
    assert {"phenotypes.12L.qt", "phenotypes.12L.qrs"} <= found(results)
    assert not (results / "read").exists()
    page = (results / "report" / "report.html").read_text()
    assert "qt [ms] of phenotypes.tsv" in page
    assert "people in the feature table phenotypes" in page
    words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", "", page, flags=re.S)
    assert "Participants" in words
    assert not re.findall("recording|heartbeat", words)
    assert not list((results / "report" / "figures").glob("strip*"))


@pytest.mark.slow
def test_embeddings_of_another_model_with_recordings(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = section("Embeddings of another model, with recordings")
    monkeypatch.chdir(copied(cohort, tmp_path, "ecg"))
    truth = parameters(cohort)
    values = truth.drop("eid").to_numpy()
    rng = np.random.default_rng(1)
    embeddings = (values - values.mean(axis=0)) / values.std(axis=0) @ rng.normal(size=(values.shape[1], 4))
    embeddings[:, 0] = truth["qt_ms"].to_numpy()
    code = next(text for language, _, text in blocks if language == "python")
    exec(code, {"eids": truth["eid"].to_list(), "embeddings": embeddings.astype(np.float32)})
    # Two people whose recordings are lost: they are tested on the embedding alone.
    lost = truth["eid"].to_list()[:2]
    for path in (path for path in (tmp_path / "ecg").iterdir() if path.name.split("_")[0] in lost):
        path.unlink()
    run_commands(blocks, tmp_path)

    results = tmp_path / "results_embeddings"
    assert "foundation.12L.e000" in found(results)
    report = files.TRAIT_REPORT.read(results).frame
    counts = {row["trait"]: row["n"] for row in report.iter_rows(named=True)}
    assert counts["foundation.12L.e000"] == counts["pca.12L.pc01"] + len(lost)
    page = (results / "report" / "report.html").read_text()
    best = files.LOCI.read(results).frame
    assert (results / "report" / "figures" / f"locus_{best['locus'][0]}.svg").exists()
    assert "From recording to features" in page
    assert "people in the feature table foundation" in page


@pytest.mark.slow
def test_qt_of_a_device_visit_by_visit(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = section("QT of a device, visit by visit")
    header = next(text.strip() for language, _, text in blocks if language == "csv").split(",")
    truth, rng = parameters(cohort), np.random.default_rng(2)
    visits = []
    for visit, people in ((0, truth), (1, truth.head(60))):
        noise = rng.normal(0, 5, (people.height, 2))
        measured = people.select("eid", visit=pl.lit(visit), a="qt_ms", b="qrs_ms").with_columns(
            pl.col("a") + pl.Series(noise[:, 0]), pl.col("b") + pl.Series(noise[:, 1])
        )
        visits.append(measured.rename(dict(zip(("eid", "visit", "a", "b"), header, strict=True))))
    copied(cohort, tmp_path)
    pl.concat(visits).write_csv(tmp_path / "device.csv")
    monkeypatch.chdir(tmp_path)
    run_commands(blocks, tmp_path)

    results = tmp_path / "results_device"
    reliability = files.RELIABILITY.read(results, representation="device").frame
    assert reliability["feature"].to_list() == ["QTInterval", "QRSDuration"]
    assert reliability["people"].to_list() == [60, 60]
    assert reliability["r"].null_count() == 2
    assert ((reliability["icc"] > 0.5) & (reliability["icc"] < 1)).all()
    assert {"device.12L.QTInterval", "device.12L.QRSDuration"} <= found(results)
    assert (results / "report" / "figures" / "reliability_device.svg").exists()
    assert [path.name for path in (results / "represent").iterdir()] == ["device"]

"""People who have withdrawn are left out everywhere, and said so."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from ecgwas import stages
from ecgwas.study import Study
from tests.cohorts import make_cohort


def test_withdrawn_people_are_nowhere_but_in_the_lists_of_those_left_out(tmp_path: Path) -> None:
    path = make_cohort(tmp_path / "cohort", people=70, variants=20, permutations=0)
    pca = "represent:\n  - {kind: pca, name: pca, features: 2}\n\ntraits:"
    path.write_text(re.sub(r"represent:.*?\ntraits:", pca, path.read_text(), flags=re.DOTALL))
    stages.run(Study.read_file(path), until="traits")
    gone = pl.read_csv(path.parent / "results" / "traits" / "people.csv", infer_schema=False).filter(pl.col("status") == "kept")
    eids = gone["eid"].to_list()[:3]
    (path.parent / "withdrawn.txt").write_text("\n".join(eids))
    path.write_text(path.read_text().replace("read:\n", "read:\n  leave_out: withdrawn.txt\n"))
    study = Study.read_file(path)
    stages.run(study, until="scan")
    people = pl.read_csv(study.results / "traits" / "people.csv", infer_schema=False).filter(pl.col("eid").is_in(eids))
    assert people["reason"].to_list() == ["withdrawn (read.leave_out)"] * 3
    assert people["status"].to_list() == ["dropped"] * 3
    recordings = pl.read_parquet(study.results / "read" / "recordings.parquet")
    files = [file.name for file in (path.parent / "ecg").iterdir() if file.name.split("_")[0] in eids]
    assert recordings.filter(pl.col("eid").is_in(eids))["reason"].to_list() == ["withdrawn (read.leave_out)"] * len(files)
    listed = {study.results / "traits" / "people.csv", study.results / "read" / "recordings.parquet"}
    for file in (file for file in study.results.rglob("*") if file.is_file() and file not in listed):
        content = pl.read_parquet(file).write_csv().encode() if file.suffix == ".parquet" else file.read_bytes()
        for eid in eids:
            if "notes" not in file.parts or file.parent.name != "read":
                assert eid.encode() not in content, file


def test_files_of_parts_that_the_study_no_longer_has_are_deleted(tmp_path: Path) -> None:
    """Eleven people in parts of ten; the eleventh withdraws. A representation that is removed keeps its files."""
    path = make_cohort(tmp_path / "cohort", people=11, variants=20, permutations=0)
    two = "represent:\n  - {kind: pca, name: one, features: 2}\n  - {kind: pca, name: two, features: 2}\n\ntraits:"
    text = re.sub(r"represent:.*?\ntraits:", two, path.read_text(), flags=re.DOTALL)
    path.write_text(text.replace("read:\n", "read:\n  people_per_part: 10\n"))
    study = Study.read_file(path)
    stages.run(study, until="represent")
    results, notes = study.results, study.results / "notes"
    eids = pl.read_parquet(results / "read" / "recordings.parquet")["eid"].unique().sort()
    (path.parent / "withdrawn.txt").write_text(f"{eids[-1]}\n")
    removed = "  - {kind: pca, name: two, features: 2}\n"
    path.write_text(path.read_text().replace("read:\n", "read:\n  leave_out: withdrawn.txt\n").replace(removed, ""))
    former = [file for file in results.rglob("*") if file.is_file() and ("0001" in str(file.relative_to(results)))]
    assert any(file.suffix == ".npy" for file in former)
    stages.run(Study.read_file(path), until="represent")
    assert not [file for file in former if file.exists()]
    assert (results / "represent" / "two" / "features.parquet").exists()
    assert (notes / "read" / "0000.json").exists()
    assert list((results / "represent" / "one").iterdir())

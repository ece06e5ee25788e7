"""Bad files among good ones: each left out with its reason, the others read; bad tables and genotypes refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ecgwas import stages
from ecgwas.errors import EcgwasError, InputError
from ecgwas.study import Study
from tests.cohorts import copy_inputs, make_cohort

BOMB = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n<CardiologyXML>&b;</CardiologyXML>'


def without_lead(text: str, lead: str) -> str:
    return re.sub(rf'<WaveformData lead="{lead}">.*?</WaveformData>', "", text, count=1, flags=re.DOTALL | re.IGNORECASE)


BAD_FILES: dict[str, tuple[Callable[[str], str], str]] = {
    "not_xml": (lambda text: "this is a letter to the editor", "XML"),
    "truncated": (lambda text: text[: len(text) // 2], "cut off"),
    "entity_bomb": (lambda text: BOMB, "document type"),
    "sample_count": (
        lambda text: text.replace(">5000</ChannelSample", ">4999</ChannelSample"),
        "samples",
    ),
    "text_in_waveform": (lambda text: re.sub(r'(<WaveformData lead="V2">\s*-?\d+,)', r"\1 oops,", text, count=1), "V2"),
    "unknown_unit": (lambda text: text.replace("uVperLsb", "furlong"), "furlong"),
    "other_rate": (lambda text: text.replace('units="Hz">500<', 'units="Hz">50<'), "50 Hz"),
    "missing_lead": (lambda text: without_lead(text, "V3"), "V3"),
}
COST_A_LEAD = ("missing_lead",)
"""These cost that lead: the recording is kept, and its reason names the lead."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file with good inputs."""
    return make_cohort(tmp_path_factory.mktemp("good"), people=60, variants=40, read=False)


def read_all(study: Study) -> None:
    for part in stages.stage_named("read").parts(study):
        stages.run_part(study, "read", part)


def test_bad_recordings_are_left_out_with_reasons_and_the_others_are_read(cohort: Path, tmp_path: Path) -> None:
    study_file = copy_inputs(cohort, tmp_path / "bad")
    good = sorted((tmp_path / "bad" / "ecg").glob("*_20205_2_0.xml"))
    for number, (name, (spoil, _)) in enumerate(BAD_FILES.items()):
        text = good[0].read_text()
        assert spoil(text) != text, f"{name} spoils nothing"
        (good[0].parent / f"9{number:06d}_20205_2_0.xml").write_text(spoil(text))
    study = Study.read_file(study_file)
    read_all(study)
    frame = pl.read_parquet(study.results / "read" / "recordings.parquet")
    for number, (name, (_, word)) in enumerate(BAD_FILES.items()):
        row = frame.filter(pl.col("eid") == f"9{number:06d}").row(0, named=True)
        assert row["status"] == ("kept" if name in COST_A_LEAD else "left_out"), name
        assert word in row["reason"], f"{name}: {row['reason']}"
        assert row["path"].endswith(f"9{number:06d}_20205_2_0.xml")
    kept = frame.filter(pl.col("status") == "kept")["eid"]
    assert kept.n_unique() >= 55
    files = {path.name for path in good[0].parent.iterdir()}
    assert {Path(path).name for path in frame["path"]} == files, "every file is listed, once"
    assert frame.height == len(files)


def test_an_empty_folder(cohort: Path, tmp_path: Path) -> None:
    study_file = copy_inputs(cohort, tmp_path / "bad")
    for path in (tmp_path / "bad" / "ecg").iterdir():
        path.unlink()
    with pytest.raises(InputError) as caught:
        read_all(Study.read_file(study_file))
    assert str(tmp_path / "bad" / "ecg") in str(caught.value)


def spoil_covariates(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = folder / "covariates.tsv"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def renamed_eids(folder: Path) -> None:
    path = folder / "genotypes" / "cohort.fam"
    lines = [line.split() for line in path.read_text().splitlines()]
    path.write_text("\n".join(" ".join([f"X{i}", f"X{i}", *fields[2:]]) for i, fields in enumerate(lines)) + "\n")


def shortened_bed(folder: Path) -> None:
    path = folder / "genotypes" / "cohort.bed"
    path.write_bytes(path.read_bytes()[:-7])


BAD_TABLES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "no_eid_column": (
        lambda f: spoil_covariates(f, lambda t: [t[0].replace("eid", "who"), *t[1:]]),
        "covariates.tsv",
        "eid",
    ),
    "duplicate_eids": (lambda f: spoil_covariates(f, lambda t: [*t, t[1]]), "covariates.tsv", "twice|duplicate|more than once"),
    "eids_that_never_meet": (renamed_eids, "", "never meet|no eid|in common"),
    "bed_of_the_wrong_size": (shortened_bed, "cohort.bed", "size|bytes"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_are_refused_before_anything_is_computed(name: str, cohort: Path, tmp_path: Path) -> None:
    spoil, file, words = BAD_TABLES[name]
    study_file = copy_inputs(cohort, tmp_path / "bad")
    spoil(study_file.parent)
    _, mistakes = stages.check(Study.read_file(study_file))
    text = "\n".join(str(mistake) for mistake in mistakes)
    assert mistakes, "nothing was noticed"
    assert all(isinstance(mistake, EcgwasError) and mistake.fix for mistake in mistakes)
    assert file in text
    assert re.search(words, text), text

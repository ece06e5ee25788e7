"""Stages on a small cohort: every file there, fresh where nothing changed, the same bytes after a kill."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from lxml.html import document_fromstring

from ecgwas import stages
from ecgwas.commands import terminal
from ecgwas.errors import InputError, MissingStageError, StudyError
from ecgwas.stages import STAGES
from ecgwas.stages import traits as traits_stage
from ecgwas.study import Study
from ecgwas.tables import Loci
from ecgwas.tables.loci import Hits
from tests.cohorts import contents, copy_inputs, make_cohort
from tests.warm import start


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The small cohort, run to its end."""
    study = Study.read_file(make_cohort(tmp_path_factory.mktemp("cohort")))
    stages.run(study)
    return study


PROMISED = (
    "read/recordings.parquet", "represent/pca/features.parquet", "represent/pca/history.csv", "represent/ae/features.parquet",
    "represent/ae/features_seed1.parquet", "represent/ae/stability.csv", "represent/clinical/features.parquet",
    "traits/traits.parquet", "traits/covariates.parquet", "traits/people.csv",
    "traits/ancestry.parquet",
    "scan/1.parquet", "loci/summary.csv", "loci/hits.csv", "loci/loci.csv", "loci/thresholds.csv", "genes/genes.csv",
    "genes/clusters.csv", "genes/edges.csv", "genes/enrichment.csv", "genes/gene_counts.csv", "genes/gene_leads.csv",
    "genes/cluster_terms.csv", "genes/cluster_view.csv", "genes/term_choice.csv", "genes/network_tests.csv",
    "genes/published.csv", "genes/unplaced.csv",
    "report/report.html",
)  # fmt: skip


def test_every_promised_file_is_there(finished: Study) -> None:
    assert [name for name in PROMISED if not (finished.results / name).is_file()] == []
    assert pl.read_csv(finished.results / "loci" / "hits.csv").columns == list(Hits.columns)
    assert set(Loci.columns) <= set(pl.read_csv(finished.results / "loci" / "loci.csv").columns)


def test_representations_are_compared_by_what_the_tables_say(finished: Study) -> None:
    table = terminal.representation_comparison(finished)
    hits = Hits.read(finished.results / "loci" / "hits.csv").frame
    loci = Loci.read(finished.results / "loci" / "loci.csv").frame
    assert table["representation"].to_list() == ["clinical", "pca", "ae"]
    assert table["significant"].sum() == hits.height
    touched = {
        name: {
            locus["locus"]
            for locus in loci.iter_rows(named=True)
            for hit in hits.iter_rows(named=True)
            if hit["trait"].split(".")[0] == name and hit["chrom"] == locus["chrom"]
            and locus["start"] <= hit["pos"] <= locus["stop"]
        }
        for name in ("clinical", "pca", "ae")
    }  # fmt: skip
    assert table["loci"].to_list() == [len(found) for found in touched.values()]
    assert table["alone"][0] == len(touched["clinical"] - touched["pca"] - touched["ae"])
    traits = pl.read_csv(finished.results / "loci" / "summary.csv")["trait"]
    assert table["traits"].sum() == len(traits)
    with pytest.raises(MissingStageError, match="no loci have been found"):
        terminal.representation_comparison(finished.model_copy(update={"results": finished.folder / "nowhere"}))


def test_the_page_compares_representations_as_the_command_does(finished: Study) -> None:
    page = document_fromstring((finished.results / "report" / "report.html").read_text())
    shown = [[cell.text_content() for cell in row] for row in page.xpath("//table[@id='table-compared']/tbody/tr")]

    def word(value: float | None, form: str) -> str:
        return "–" if value is None else format(value, form)

    for row, wanted in zip(shown, terminal.representation_comparison(finished).iter_rows(named=True), strict=True):
        assert row[0] == wanted["representation"]
        assert row[2:6] == [f"{wanted[name]:,}" for name in ("traits", "significant", "loci", "alone")]
        assert row[7:] == [
            word(wanted["neglog10p"], ".2f"),
            word(wanted["lambda_gc"], ".3f"),
            word(wanted["repeatability"], ".3f"),
            word(wanted["between_visits"], ".3f"),
        ]


def test_every_person_has_a_fate(finished: Study) -> None:
    people = pl.read_csv(finished.results / "traits" / "people.csv", schema_overrides={"eid": pl.String})
    recordings = pl.read_parquet(finished.results / "read" / "recordings.parquet")
    assert set(recordings.filter(pl.col("status") == "kept")["eid"]) <= set(people["eid"])
    dropped = people.filter(pl.col("status") == "dropped")
    assert dropped["reason"].null_count() == 0


def test_the_reasons_in_the_log_add_up_to_the_people_dropped(
    finished: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="ecgwas"):
        traits_stage.STAGE.work(finished, "all", tmp_path, tmp_path)
    line = next(record.getMessage() for record in caplog.records if "people dropped" in record.getMessage())
    found = re.fullmatch(r"traits: (\d+) people, \d+ traits; (\d+) of (\d+) people dropped(?:: (.*))?", line)
    assert found is not None
    kept, dropped, everybody = (int(number) for number in found.groups()[:3])
    counts = [int(part.rsplit(": ", 1)[1]) for part in (found.group(4) or "").split("; ") if part]
    people = pl.read_csv(tmp_path / "people.csv", schema_overrides={"eid": pl.String})
    assert (kept + dropped, sum(counts)) == (everybody, dropped)
    assert everybody == people.height
    assert dropped == people.filter(pl.col("status") == "dropped").height
    guards = pl.read_csv(tmp_path / "guards.csv").filter(pl.col("about") == "people")
    judged = guards["of"].max()
    assert judged - guards["left_out"].sum() == kept


def test_the_line_of_each_stage_agrees_with_its_tables(finished: Study) -> None:
    folder = finished.results
    recordings = pl.read_parquet(folder / "read" / "recordings.parquet")
    people = pl.read_csv(folder / "traits" / "people.csv")
    hits, loci = (pl.read_csv(folder / "loci" / f"{name}.csv").height for name in ("hits", "loci"))
    variants = pl.read_csv(folder / "loci" / "variants.csv")
    tested = variants.filter(pl.col("outcome") == "tested")["variants"].sum()
    terms = pl.read_csv(folder / "genes" / "enrichment.csv", schema_overrides={"kept": pl.Boolean})
    kept = recordings.filter(pl.col("status") == "kept")
    repeats = pl.read_parquet(folder / "read" / "repeats.parquet")["eid"].n_unique()
    dropped = people.filter(pl.col("status") == "dropped").height
    expected = {
        "read": [f"{kept['eid'].n_unique()} people", f"{repeats} of them twice", "no file excluded"],
        "represent": ["clinical ", "pca 8 features", "ae 4 features", f"{kept['eid'].n_unique()} people"],
        "traits": [f"of {people.height - dropped} people", f"{dropped or 'no'} pe"],
        "scan": [f"{tested:,} of {variants['variants'].sum():,} variants tested"],
        "loci": [f"{loci} loc", f"{hits} hit", "(permutation)"],
        "genes": [f"{terms['kept'].sum()} enriched term"],
        "outcomes": [" of 8 outcomes tested", "significant (-log10 p >"],
        "predict": ["no predictions"],
        "scores": ["no scores"],
        "report": [f"{len(list((folder / 'report' / 'figures').glob('*.svg')))} figures", "MiB"],
        "share": [f"{sum(path.is_file() for path in (folder / 'share').rglob('*'))} files"],
    }
    assert list(expected) == [stage.name for stage in STAGES]
    for stage, words in expected.items():
        line = stages.stage_line(finished, stage, 75.0)
        assert "\n" not in line
        assert line.startswith(f"{stage} ")
        assert line.endswith("; 75 s")
        for word in words:
            assert word in line


def test_a_part_is_stale_if_one_that_it_reads_is(finished: Study) -> None:
    parts = [(stage.name, part) for stage in STAGES for part in stage.parts(finished)]
    assert stages.stale_parts(finished, parts) == []
    assert stages.stale_parts(finished, parts, force=True) == parts
    edited = finished.model_copy(update={"loci": finished.loci.model_copy(update={"threshold": 1e-4})})
    assert {stage for stage, _ in stages.stale_parts(edited, parts)} == {"loci", "genes", "report", "share"}


def test_nothing_is_made_twice(finished: Study) -> None:
    for stage in STAGES:
        for part in stage.parts(finished):
            assert stages.run_part(finished, stage.name, part) is False


def test_a_changed_option_remakes_its_stage_and_what_follows_and_nothing_else(finished: Study) -> None:
    path = finished.folder / "study.yaml"
    before = path.read_text()
    try:
        path.write_text(before.replace("threshold: permutation", "threshold: 1.0e-4"))
        study = Study.read_file(path)
        fresh = {stage.name: all(stages.is_fresh(study, stage.name, part) for part in stage.parts(study)) for stage in STAGES}
    finally:
        path.write_text(before)
    assert fresh["scan"]
    assert not fresh["loci"]


def test_a_damaged_file_is_seen(finished: Study) -> None:
    path = finished.results / "loci" / "summary.csv"
    content = path.read_bytes()
    path.write_bytes(content + b"\n")
    assert not stages.is_fresh(finished, "loci", "all")
    path.write_bytes(content)
    assert stages.is_fresh(finished, "loci", "all")


def test_making_everything_again_gives_the_same_bytes_elsewhere(finished: Study, tmp_path: Path) -> None:
    """In another folder, so that no path of this machine is in a result."""
    again = Study.read_file(copy_inputs(finished.folder / "study.yaml", tmp_path / "elsewhere"))
    stages.run(again)
    assert contents(again) == contents(finished)


def test_no_result_tells_where_or_when_or_who(finished: Study) -> None:
    """Results carry no path of this machine; the page and its figures carry no person."""
    eids = pl.read_csv(finished.results / "traits" / "people.csv", schema_overrides={"eid": pl.String})["eid"].to_list()
    for path in finished.results.rglob("*"):
        if not path.is_file() or "notes" in path.relative_to(finished.results).parts:
            continue
        content = path.read_bytes()
        assert str(finished.folder).encode() not in content, path
        if "report" in path.relative_to(finished.results).parts and path.suffix in (".html", ".csv"):
            found = set(re.findall(r"\b\d{7}\b", content.decode())) & set(eids)
            assert not found, f"{path} names people"


def test_notes_tell_how_a_part_was_made(finished: Study) -> None:
    note = json.loads((finished.results / "notes" / "loci" / "all.json").read_text())
    assert {"options", "seed", "versions", "seconds", "peak_memory_mib", "host"} <= set(note["made"])


def test_a_stage_before_its_time_is_refused(tmp_path: Path, finished: Study) -> None:
    study = Study.read_file(copy_inputs(finished.folder / "study.yaml", tmp_path / "new"))
    with pytest.raises(MissingStageError, match="needs read"):
        stages.run_part(study, "represent", "pca")


def test_an_unknown_part_is_refused(finished: Study) -> None:
    with pytest.raises(StudyError, match="no part '99'"):
        stages.run_part(finished, "scan", "99")


def test_inputs_that_are_gone_are_named(tmp_path: Path, finished: Study) -> None:
    study_file = copy_inputs(finished.folder / "study.yaml", tmp_path / "gone")
    (study_file.parent / "covariates.tsv").unlink()
    (study_file.parent / "genotypes" / "cohort.bim").unlink()
    _, mistakes = stages.check(Study.read_file(study_file))
    text = "\n".join(str(mistake) for mistake in mistakes)
    assert all(isinstance(mistake, InputError) for mistake in mistakes)
    assert "covariates.tsv" in text
    assert "cohort.bim" in text


@pytest.mark.slow
def test_killed_in_every_stage_and_started_again_gives_the_same_bytes(
    finished: Study, commands: Mapping[str, str], tmp_path: Path
) -> None:
    study_file = copy_inputs(finished.folder / "study.yaml", tmp_path / "killed")
    for stage in [one for one in STAGES if one.parts(finished)]:
        killed_in(stage.name, study_file, tmp_path / f"{stage.name}.log", commands)
    study = Study.read_file(study_file)
    stages.run(study)
    assert contents(study) == contents(finished)
    leftovers = [path.name for path in (study.results / "notes").rglob("*") if path.suffix != ".json" and path.is_file()]
    assert leftovers == []


def killed_in(stage: str, study_file: Path, log: Path, environment: Mapping[str, str]) -> None:
    """Starts a run and kills it, with SIGKILL, a moment after it says that the stage has started."""
    with log.open("w") as output:
        process = start(environment, ["run", str(study_file), "--verbose"], output)
    pattern = re.compile(rf"^\S+ \S+ {stage}( \S+)?: started", re.MULTILINE)
    deadline = time.monotonic() + 120
    while process.is_running() and pattern.search(log.read_text()) is None:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)
    time.sleep(0.05)
    assert process.killed(), f"{stage} was done before it could be killed: {log.read_text()}"

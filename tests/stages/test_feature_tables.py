"""A study whose features come from tables: no stage read, people joined and listed, withdrawals, the plan, the first file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import ecgwas
from ecgwas import stages
from ecgwas.commands import look
from ecgwas.commands.cli import main
from ecgwas.commands.init import write_study
from ecgwas.errors import Caution, InputError, StudyError
from ecgwas.stages import STAGES, null, read, variant_view
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.workflow import arrays, planning
from tests.factories import make_bed, make_eids

PEOPLE = 80
STUDY = """\
name: tables
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv}
scan: {genotypes: genotypes/cohort, min_mac: 5, permutations: 100}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Genotypes and covariates of PEOPLE, and a table of two features, of which the first follows the third variant."""
    (tmp_path / "genotypes").mkdir()
    dosage = make_bed(tmp_path / "genotypes" / "cohort.bed", PEOPLE, 40)
    rng, eids = np.random.default_rng(1), make_eids(PEOPLE)
    ages = rng.integers(40, 70, PEOPLE)
    rows = ["eid\tage", *(f"{eid}\t{age}" for eid, age in zip(eids, ages, strict=True))]
    (tmp_path / "covariates.tsv").write_text("\n".join(rows) + "\n")
    first, second = dosage[:, 2] * 3.0 + rng.normal(size=PEOPLE), rng.normal(size=PEOPLE)
    write_features(tmp_path / "mine.tsv", {eid: (first[i], second[i]) for i, eid in enumerate(eids)})
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def write_features(path: Path, values: dict[str, tuple[float, float]]) -> None:
    rows = ["eid\tqt [ms]\thr", *(f"{eid}\t{a:.5f}\t{b:.5f}" for eid, (a, b) in values.items())]
    path.write_text("\n".join(rows) + "\n")


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def people(study: Study) -> dict[str, str]:
    return dict(files.PEOPLE.read(study.results).frame.select("eid", "reason").iter_rows())


def test_nothing_is_read_and_everything_else_runs_to_the_loci(folder: Path) -> None:
    study = Study.read_file(folder / "study.yaml")
    assert variant_view.likely_chroms(study, "rs0") == []  # the scan has not run
    assert study.read is None
    assert read.STAGE.parts(study) == ()
    facts, mistakes = stages.check(study)
    assert mistakes == []
    assert "mine: 2 features of 80 people" in facts
    stages.run(study, until="loci")
    assert not (study.results / "read").exists()
    assert set(files.HITS.read(study.results).frame["trait"]) == {"mine.12L.qt"}
    with pytest.raises(InputError, match="the study has no recordings"):
        ecgwas.open(folder / "study.yaml").plot_ecg_by_genotype("rs0")
    said = list(look.look(study, str(files.HITS.read(study.results).frame["variant"][0]), folder=folder / "look"))
    assert "no ECG by genotype: the study has no recordings" in said
    assert (folder / "look" / "figures" / "phewas.svg").exists()
    hit = str(files.HITS.read(study.results).frame["variant"][0])
    list(look.look(study, hit, shareable=True))
    (shared,) = (study.results / "look").iterdir()
    assert shared.name == f"{hit}-shareable"
    assert files.HISTORY.read(study.results, representation="mine").frame.height == 0
    assert not files.RELIABILITY.exists(study.results, representation="mine")
    assert variant_view.likely_chroms(study, "nothing") == []
    # The null study needs no link to a stage that the study does not have.
    null.link_shared_stages(study, null.null_study_of(study))
    assert not (study.results / "null" / "read").is_symlink()
    assert (study.results / "null" / "represent").is_symlink()
    # A change of the table makes its representation stale, and nothing else does.
    assert stages.is_fresh(study, "represent", "mine")
    (folder / "mine.tsv").write_text((folder / "mine.tsv").read_text() + "77\t1.0\t2.0\n")
    assert not stages.is_fresh(study, "represent", "mine")


def test_another_visit_of_the_recordings_makes_tables_stale(folder: Path) -> None:
    path = folder / "study.yaml"
    parts = []
    for instance in (2, 3):
        path.write_text(f"read: {{recordings: ecg, instance: {instance}}}\n{STUDY}")
        parts.append(stages.stage_named("represent").options(Study.read_file(path), "mine"))
    assert parts[0] != parts[1]


def test_a_changed_unit_reaches_the_list_of_traits(folder: Path) -> None:
    path, table = folder / "study.yaml", folder / "mine.tsv"

    def units() -> dict[str, str | None]:
        study = Study.read_file(path)
        stages.run(study, until="traits")
        assert stages.is_fresh(study, "traits", "all")
        return dict(files.TRAIT_REPORT.read(study.results).frame.select("trait", "unit").iter_rows())

    assert units() == {"mine.12L.qt": "ms", "mine.12L.hr": None}
    table.write_text(table.read_text().replace("qt [ms]", "qt [s]"))
    assert units() == {"mine.12L.qt": "s", "mine.12L.hr": None}
    path.write_text(STUDY.replace("mine.tsv}", "mine.tsv, units: {hr: beats/min}}"))
    assert units() == {"mine.12L.qt": "s", "mine.12L.hr": "beats/min"}
    table.unlink()
    assert not stages.is_fresh(Study.read_file(path), "traits", "all")


def test_people_of_some_tables_only_are_listed_with_the_reason(folder: Path) -> None:
    lines = lines_of(folder / "mine.tsv")
    gone = [line.split("\t")[0] for line in lines[1:4]]
    (folder / "mine.tsv").write_text("\n".join([lines[0], *lines[4:], "stranger\t5.5\t6.5", f"{gone[2]}\tNA\tNA"]) + "\n")
    study = Study.read_file(folder / "study.yaml")
    stages.run(study, until="traits")
    reasons = people(study)
    assert reasons[gone[0]] == reasons[gone[1]] == "not in the feature table mine"
    assert reasons[gone[2]] == "no feature measured"
    assert reasons["stranger"] == "no genotypes; no covariates"
    left_out = files.WITHOUT_FEATURES.read(study.results, representation="mine").frame
    assert left_out.select("eid", "lead", "reason").rows() == [(gone[2], "12L", "no value in the table")]


def test_ids_spelled_otherwise_are_refused_with_examples(folder: Path) -> None:
    lines = lines_of(folder / "mine.tsv")
    (folder / "mine.tsv").write_text("\n".join([lines[0], *(f"UKB{line}" for line in lines[1:])]) + "\n")
    _, mistakes = stages.check(Study.read_file(folder / "study.yaml"))
    assert len(mistakes) == 1
    assert "the feature table mine and the genotypes have no person in common" in str(mistakes[0])
    assert "read as digits alone, they would match" in str(mistakes[0])
    assert "the .fam file (second column), the feature table mine" in str(mistakes[0])


def test_people_who_have_withdrawn_are_excluded_from_every_table(folder: Path) -> None:
    withdrawn = make_eids(PEOPLE)[5]
    (folder / "gone.txt").write_text(f"{withdrawn}\n99\n")
    (folder / "other.tsv").write_text((folder / "mine.tsv").read_text().replace("hr", "rr"))
    entries = (
        "  - {kind: table, name: mine, file: mine.tsv, leave_out: gone.txt}\n  - {kind: table, name: other, file: other.tsv}\n"
    )
    (folder / "study.yaml").write_text(STUDY.replace("  - {kind: table, name: mine, file: mine.tsv}\n", entries))
    study = Study.read_file(folder / "study.yaml")
    facts, mistakes = stages.check(study)
    assert not mistakes
    assert any("1 of 2 people to exclude are not in the study's tables" in fact for fact in facts if isinstance(fact, Caution))
    stages.run(study, until="traits")
    for name in ("mine", "other"):
        assert withdrawn not in files.FEATURES.read(study.results, representation=name).frame["eid"].to_list()
    assert people(study)[withdrawn] == "withdrawn (leave_out of the feature table)"
    (folder / "gone.txt").write_text("98\n99\n")
    _, mistakes = stages.check(Study.read_file(folder / "study.yaml"))
    assert any("none of the 2 people to exclude" in str(mistake) for mistake in mistakes)
    with pytest.raises(InputError, match="none of the 2 people to exclude"):
        stages.run(Study.read_file(folder / "study.yaml"), until="traits")


def test_a_run_warns_of_people_to_exclude_who_are_not_in_the_study(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "gone.txt").write_text(f"{make_eids(PEOPLE)[5]}\n99\n")
    path = folder / "study.yaml"
    path.write_text(STUDY.replace("mine.tsv}", "mine.tsv, leave_out: gone.txt}"))
    with caplog.at_level("WARNING"):
        stages.run(Study.read_file(path), until="represent")
    assert "mine: 1 of 2 people to exclude are not in the study's tables" in caplog.text


def test_a_mistake_in_a_table_ends_the_run_with_all_mistakes_of_all_tables(folder: Path) -> None:
    (folder / "mine.tsv").write_text("eid\tqt\n1\tx1\n2\t2\n3\t4\n")
    (folder / "other.tsv").write_text("eid\taf\n1\t0\n2\t1\n3\t1\n")
    entries = "  - {kind: table, name: mine, file: mine.tsv}\n"
    (folder / "study.yaml").write_text(STUDY.replace(entries, entries + entries.replace("mine", "other")))
    study = Study.read_file(folder / "study.yaml")
    _, mistakes = stages.check(study)
    assert [type(mistake) for mistake in mistakes] == [InputError]
    for words in ("feature qt is not a number: line 2 (eid 1): 'x1'", "feature af has two values (0, 1)"):
        assert words in str(mistakes[0])
    with pytest.raises(InputError, match="feature qt is not a number"):
        stages.run(study, until="represent")


def test_the_plan_counts_the_table_and_no_stage_read(folder: Path) -> None:
    study = Study.read_file(folder / "study.yaml")
    size = planning.size_of(study)
    assert (size.recordings, size.in_tables, size.tested, size.repeats) == (0, PEOPLE, PEOPLE, 0)
    planned = planning.jobs(study)
    assert [(job.stage, job.part) for job in planned] == [(stage.name, part) for stage in STAGES for part in stage.parts(study)]
    assert planning.table(planned)["stage"].to_list() == [stage.name for stage in STAGES if stage.parts(study)]
    assert arrays._rounds(read.STAGE, study) == []
    assert arrays._rounds(stages.stage_named("represent"), study) == [["mine"]]


def test_the_command_read_says_that_there_is_nothing_to_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["read", str(folder / "study.yaml")], standalone_mode=False)
    assert "the study has no stage read" in capsys.readouterr().out
    with pytest.raises(StudyError, match="has no stage read"):
        stages.run_part(Study.read_file(folder / "study.yaml"), "read", "join")


def test_recordings_need_a_section_read_and_tables_do_not(folder: Path) -> None:
    path = folder / "study.yaml"
    path.write_text(STUDY.replace("represent:\n", "represent:\n  - {kind: intervals, name: clinical}\n"))
    with pytest.raises(StudyError, match="line 1: read: is required"):
        Study.read_file(path)
    path.write_text("read: {recordings: ecg}\n" + STUDY)
    assert Study.read_file(path).read is not None
    path.write_text("read: {recordings: ecg}\n" + STUDY.replace("mine.tsv}", "mine.tsv, leave_out: gone.txt}"))
    with pytest.raises(StudyError, match=r"name it `read\.leave_out`"):
        Study.read_file(path)
    path.write_text("preset: published\n" + STUDY.replace(", permutations: 100", ""))
    study = Study.read_file(path)
    assert (study.read, [one.kind for one in study.represent]) == (None, ["table"])


def test_init_takes_a_feature_table_where_there_are_no_recordings(folder: Path) -> None:
    (folder / "study.yaml").unlink()
    with pytest.raises(InputError, match=r"or phenotypes\.tsv \(\.csv, \.parquet, \.tsv\.gz, \.csv\.gz\)"):
        write_study(folder)
    pl.read_csv(folder / "mine.tsv", separator="\t").write_parquet(folder / "phenotypes.parquet")
    study = Study.read_file(write_study(folder))
    assert study.read is None
    assert [(one.kind, one.name, one.input_files) for one in study.represent] == [
        ("table", "phenotypes", (folder / "phenotypes.parquet",))
    ]
    assert stages.check(study)[1] == []
    (folder / "phenotypes.csv").write_text("eid,qt\n")
    with pytest.raises(InputError, match=r"several feature tables: phenotypes\.csv, phenotypes\.parquet"):
        write_study(folder, replace=True)
    (folder / "ecg").mkdir()
    assert Study.read_file(write_study(folder, replace=True)).read is not None


def test_init_takes_compressed_tables_and_the_list_of_excluded_people(folder: Path) -> None:
    covariates = folder / "covariates.tsv"
    (folder / "covariates.tsv.gz").write_bytes(gzip.compress(covariates.read_bytes()))
    covariates.unlink()
    (folder / "phenotypes.tsv.gz").write_bytes(gzip.compress((folder / "mine.tsv").read_bytes()))
    (folder / "covariates_excluded.csv").write_text(f"eid,reason,further\n{make_eids(PEOPLE)[2]},outlier,\n")
    study = Study.read_file(write_study(folder, replace=True))
    assert study.read is None
    assert list(study.lists_of_withdrawn) == [folder / "covariates_excluded.csv"]
    assert study.represent[0].name == "phenotypes"
    facts, mistakes = stages.check(study)
    assert mistakes == []
    assert f"phenotypes: 2 features of {PEOPLE} people" in facts
    stages.run(study, until="traits")
    assert people(study)[make_eids(PEOPLE)[2]] == "outlier (leave_out of the feature table)"


def test_a_list_with_reasons_says_why_people_are_excluded(folder: Path) -> None:
    first, second, third = make_eids(PEOPLE)[:3]
    (folder / "gone.csv").write_text(f"eid,reason\n{first},aneuploidy; outlier\n{second},\n{third},related\n")
    path = folder / "study.yaml"
    path.write_text(STUDY.replace("mine.tsv}", "mine.tsv, leave_out: gone.csv}"))
    study = Study.read_file(path)
    stages.run(study, until="traits")
    of_table = "(leave_out of the feature table)"
    expected = {first: f"aneuploidy, outlier {of_table}", second: f"withdrawn {of_table}", third: f"related {of_table}"}
    assert {eid: people(study)[eid] for eid in (first, second, third)} == expected
    without = files.WITHOUT_FEATURES.read(study.results, representation="mine").frame
    assert dict(without.select("eid", "reason").iter_rows()) == expected


def test_a_run_with_nothing_to_do_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", str(folder / "study.yaml"), "--until", "traits"]
    main.main(arguments, standalone_mode=False)
    assert "Nothing to do" not in capsys.readouterr().out
    main.main(arguments, standalone_mode=False)
    assert "Nothing to do: all 2 parts are fresh" in capsys.readouterr().out
    main.main(["traits", str(folder / "study.yaml")], standalone_mode=False)
    assert "Nothing to do: traits is fresh. --force makes it again" in capsys.readouterr().out

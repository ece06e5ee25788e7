"""The command line as a newcomer meets it."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from ecgwas.commands import command_line
from ecgwas.commands.cli import main
from tests.cohorts import copy_inputs, make_cohort, with_few_cases


def ecgwas(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file with its inputs, nothing run."""
    return with_few_cases(make_cohort(tmp_path_factory.mktemp("cli"), people=60, variants=40, read=False))


def test_help_names_every_command() -> None:
    result = ecgwas("--help")
    assert result.exit_code == 0
    for command in main.commands:
        assert command in result.output


def test_options_tell_default_unit_and_meaning() -> None:
    text = ecgwas("options").output
    assert "read.baseline" in text
    assert "Hz" in text
    assert "kind: residual_autoencoder" in text
    assert "Smallest minor allele frequency" in text


def test_options_as_json_schema() -> None:
    schema = json.loads(ecgwas("options", "--json").output)
    assert schema["title"] == "Study"


def test_a_misspelt_key_gets_a_suggestion_and_exit_code_2(tmp_path: Path, cohort: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(cohort.read_text().replace("min_mac", "min_mca"))
    result = ecgwas("check", study)
    assert result.exit_code == 2
    assert "did you mean 'min_maf'" in result.output


def test_check_of_a_good_study(cohort: Path) -> None:
    result = ecgwas("check", cohort)
    assert result.exit_code == 0, result.output
    assert "All inputs are in order" in result.output


def test_check_lists_every_mistake_at_once(tmp_path: Path, cohort: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(cohort.read_text())
    result = ecgwas("check", study)
    assert result.exit_code == 3
    for absent in ("ecg", "covariates.tsv", "genotypes/cohort", "genes.tsv"):
        assert absent in result.output


def test_plan_counts_parts(cohort: Path) -> None:
    result = ecgwas("plan", cohort)
    assert result.exit_code == 0, result.output
    assert "represent" in result.output
    assert (cohort.parent / "results" / "plan.json").is_file()


def test_a_stage_too_early_says_what_to_run_first(cohort: Path) -> None:
    result = ecgwas("scan", cohort, "--part", "1")
    assert result.exit_code == 6
    assert "ecgwas traits" in result.output


def test_init_where_nothing_is(tmp_path: Path) -> None:
    result = ecgwas("init", tmp_path)
    assert result.exit_code == 3
    for missing in ("ecg/", "genotypes/*.bed", "covariates.tsv"):
        assert missing in result.output


def test_init_does_not_replace_a_study(cohort: Path) -> None:
    result = ecgwas("init", cohort.parent)
    assert result.exit_code == 2
    assert "--force" in result.output


def test_simulate_then_init_then_check(tmp_path: Path) -> None:
    assert ecgwas("simulate", tmp_path / "made", "--people", 30).exit_code == 0
    assert ecgwas("init", tmp_path / "made").exit_code == 0
    result = ecgwas("check", tmp_path / "made" / "study.yaml")
    assert result.exit_code == 0, result.output


def test_running_a_folder_says_what_is_meant(tmp_path: Path) -> None:
    result = ecgwas("run", tmp_path)
    assert result.exit_code == 2
    assert "study.yaml" in result.output


def command_paths(group: click.Group = main, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, with the groups above it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from command_paths(command, (*above, name))
        yield (*above, name)


@pytest.mark.parametrize("path", list(command_paths()), ids=" ".join)
def test_every_command_takes_verbose_before_and_after_its_name(path: tuple[str, ...]) -> None:
    for words in (("--verbose", *path, "--help"), (*path, "--verbose", "--help"), (path[0], "--verbose", *path[1:], "--help")):
        result = ecgwas(*words)
        assert result.exit_code == 0, result.output
        assert "--verbose" in result.output


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_verbose_may_stand_anywhere(cohort: Path, place: int) -> None:
    words = ["plan", str(cohort), "--memory-gib=8"]
    words.insert(place, "--verbose")
    assert ecgwas(*words).exit_code == 0
    assert logging.getLogger("ecgwas").level == logging.DEBUG
    assert ecgwas("plan", cohort, "--memory-gib=8").exit_code == 0
    assert logging.getLogger("ecgwas").level == logging.INFO


def test_a_log_has_messages_with_their_time_and_no_names_of_loggers(cohort: Path, tmp_path: Path) -> None:
    study = copy_inputs(cohort, tmp_path / "logged")
    stderr = ecgwas("run", study, "--until", "read").stderr
    messages = [re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*)", line) for line in stderr.splitlines()]
    assert None not in messages
    first, *_, last = [match[1] for match in messages if match is not None]
    assert re.fullmatch(r"3 parts, about \d+ s", first)
    assert re.fullmatch(r"read +60 people, \d+ of them twice; no file excluded; \d+ s", last)
    detail = ecgwas("run", study, "--until", "read", "--force", "--verbose").stderr
    assert "read 0000: started" in detail
    assert not re.search(r"\b(INFO|DEBUG|ecgwas\.)", stderr + detail)


def test_a_terminal_has_messages_alone_and_warnings_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=60, color_system=None)
    monkeypatch.setattr(command_line, "CONSOLE", console)
    long = "a message of more than one line is not broken, so that it can be searched and copied"
    command_line.log(verbose=False)
    try:
        logger = logging.getLogger("ecgwas.stages.read")
        logger.debug("detail")
        logger.info("%s [bold]%d[/bold]", long, 1)
        logger.warning("read: 3 files were kept with a warning: clipped")
    finally:
        monkeypatch.undo()
        command_line.log(verbose=False)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        f"{long} [bold]1[/bold]",
        "warning: read: 3 files were kept with a warning: clipped",
    ]


def test_a_run_with_nothing_to_do_says_so_in_one_line(cohort: Path, tmp_path: Path) -> None:
    study = copy_inputs(cohort, tmp_path / "again")
    first = ecgwas("run", study, "--until", "read")
    assert first.exit_code == 0, first.output
    assert "Nothing to do" not in first.output
    again = ecgwas("run", study, "--until", "read")
    assert again.output.splitlines() == ["Nothing to do: all 3 parts are fresh"]
    assert "read 0000: fresh" in ecgwas("run", study, "--until", "read", "--verbose").output
    assert ecgwas("read", study).output.splitlines() == ["Nothing to do: read is fresh. --force makes it again"]

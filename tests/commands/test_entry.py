"""`ecgwas --help` comes from a list, which must be that of the commands."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ecgwas.commands import cli, entry


def test_the_list_is_that_of_the_commands() -> None:
    context = click.Context(cli.main)
    names = cli.main.list_commands(context)
    assert list(entry.SUMMARIES) == names, "enter the command in SUMMARIES of commands/entry.py"
    for name in names:
        command = cli.main.get_command(context, name)
        assert command is not None
        assert entry.SUMMARIES[name] == command.get_short_help_str(limit=10_000)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []], ids=["help", "version", "nothing"])
def test_help_and_version_are_those_of_the_command_line(arguments: list[str]) -> None:
    light, full = (CliRunner().invoke(group, arguments, prog_name="ecgwas") for group in (entry.overview(), cli.main))
    assert light.output == full.output
    assert light.exit_code == full.exit_code


def test_help_loads_no_library() -> None:
    code = "import sys; sys.argv = ['ecgwas', '--help']; from ecgwas.commands import entry; import atexit; "
    code += "atexit.register(lambda: print('loaded:', *sys.modules, file=sys.stderr)); entry.main()"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "Commands:" in done.stdout
    loaded = set(done.stderr.split("loaded:")[1].split())
    assert loaded.isdisjoint({"numpy", "polars", "torch", "pydantic", "ecgwas.commands.cli"})


def test_a_command_is_loaded_when_it_is_given() -> None:
    done = subprocess.run([sys.executable, "-m", "ecgwas", "check", "absent.yaml"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no such study file" in done.stderr

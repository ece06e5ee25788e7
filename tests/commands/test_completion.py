"""Completion: the scripts offer the commands, options and choices that exist, and bash runs its own."""

from __future__ import annotations

import shutil
import subprocess

import click
import pytest
from click.testing import CliRunner

from ecgwas.commands.cli import main
from ecgwas.commands.completion import SHELLS, script


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_offered(shell: str) -> None:
    text = CliRunner().invoke(main, ["completion", shell]).output
    assert text.strip() == script(main, shell).strip()
    for name, command in main.commands.items():
        assert name in text
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.opts[0].removeprefix("--") in text
    assert "participant" not in text


BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["re"], {"read", "represent", "report", "references"}), (["run", "s.yaml", "--un"], {"--until"}),
        (["run", "s.yaml", "--until", "re"], {"read", "represent", "report"}), (["covariates", "u"], {"ukb"}),
        (["covariates", "ukb", "a.csv", "--rel"], {"--relatives"}), (["run", "--verbose", "s.yaml", "--j"], {"--jobs"}),
        (["completion", "fi"], {"fish"}), (["export", "s.yaml", "gwas"], {"gwas_ssf"}), (["--ver"], {"--version", "--verbose"}),
        (["scan", "--ver"], {"--verbose"}),
    ],
)  # fmt: skip
def test_bash_completes(words: list[str], offered: set[str]) -> None:
    line = " ".join(f"'{word}'" for word in ["ecgwas", *words])
    asked = f'COMP_WORDS=({line}); COMP_CWORD={len(words)}; _ecgwas; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        [str(BASH), "-c", f"{script(main, 'bash')}\n{asked}"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert set(done.stdout.split()) == offered, done.stderr


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_bash_offers_files_where_a_file_is_expected() -> None:
    asked = 'COMP_WORDS=(ecgwas run /et); COMP_CWORD=2; _ecgwas; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run([str(BASH), "-c", f"{script(main, 'bash')}\n{asked}"], capture_output=True, text=True, check=True)
    assert "/etc" in done.stdout.split()

"""What the commands of the terminal share: how they end on an error, --verbose everywhere, paths with ~, fresh results."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.text import Text

from ecgwas.errors import EcgwasError
from ecgwas.progress import CONSOLE
from ecgwas.stages import failures, freshness
from ecgwas.study import Study


class UserPath(click.Path):
    """A path in which ~ is the home folder even where the shell does not expand it: --eids=~/people.txt."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(str(Path(value).expanduser()) if str(value).startswith("~/") else value, param, ctx)


class _Messages(logging.Formatter):
    """Messages without the names of loggers; warnings and errors are marked as such."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        if record.levelno >= logging.WARNING:
            record.message = f"{record.levelname.lower()}: {record.message}"
        return super().formatMessage(record)


class _TerminalHandler(logging.Handler):
    """Prints messages above the bars, warnings in yellow."""

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else ""
        CONSOLE.print(Text(self.format(record), style=style), soft_wrap=True)


def log(*, verbose: bool) -> None:
    """Sends messages to the terminal, or with their time to the file that standard error is; with more detail if verbose."""
    handler: logging.Handler = _TerminalHandler() if CONSOLE.is_terminal else logging.StreamHandler()
    with_time = verbose or not CONSOLE.is_terminal
    handler.setFormatter(_Messages("%(asctime)s %(message)s" if with_time else "%(message)s", "%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("ecgwas").setLevel(logging.DEBUG if verbose else logging.INFO)


def is_verbose() -> bool:
    """Whether --verbose was given."""
    return logging.getLogger("ecgwas").level == logging.DEBUG


def _log_more(_: click.Context, __: click.Parameter, verbose: bool) -> None:
    if verbose:
        log(verbose=True)


class Commands(click.Group):
    """Ends with message and exit code on an EcgwasError; any other exception is a bug and shows its traceback.

    Every command below it has --verbose, which may therefore be anywhere on the command line.
    """

    group_class = type

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        verbose = click.Option(["--verbose"], is_flag=True, expose_value=False, callback=_log_more, help="Show more detail.")
        cmd.params.append(verbose)
        super().add_command(cmd, name)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except EcgwasError as error:
            end_with(error)
        except Exception as error:
            known = failures.explanation(error)
            if known is None:
                raise
            end_with(known)


def end_with(error: EcgwasError) -> NoReturn:
    """Prints the error and ends the program with its exit code."""
    print_error(error)
    sys.exit(error.exit_code)


def print_error(error: EcgwasError) -> None:
    """Prints an error in red on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {error}", style="red", markup=False)


def refuse_stale(study: Study, needed: Sequence[str]) -> None:
    """Raises MissingStageError if one of these stages, or one on which it rests, has not run, or ran with other options, inputs
    or versions."""
    freshness.refuse_stale(study, freshness.parts_of(study, needed))

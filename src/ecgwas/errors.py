"""One family of errors. Each says what is wrong, where, and how to fix it.

EcgwasError                 exit code 1
├── StudyError          2   study.yaml: unknown key, value out of bounds, contradiction
├── InputError          3   an input file: missing, malformed, contradicting another
├── ToolError           4   an external program: missing, too old, failed
├── ServiceError        5   an online service: unreachable, misbehaving, or needed while offline
├── MissingStageError   6   a stage was started before the stages that it needs
├── DisclosureError     7   something to be shared discloses a person
└── MachineError        8   the machine: disk full, out of memory, no permission to write
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class EcgwasError(Exception):
    """What is wrong, where, and how to fix it; `fix` is required, so that every error comes with advice."""

    exit_code = 1

    def __init__(self, problem: str, *, fix: str, where: object = None) -> None:
        self.problem = problem
        self.fix = fix
        self.where = None if where is None else str(where)
        super().__init__(problem)

    def __str__(self) -> str:
        lines = [self.problem]
        if self.where is not None:
            lines.append(f"  in: {self.where}")
        lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled between processes, which loses keyword arguments by default.
        return _rebuild, (type(self), self.problem, self.fix, self.where)


def _rebuild(kind: type[EcgwasError], problem: str, fix: str, where: str | None) -> EcgwasError:
    return kind(problem, fix=fix, where=where)


class StudyError(EcgwasError):
    """study.yaml is wrong."""

    exit_code = 2


class InputError(EcgwasError):
    """An input file is missing, malformed, or contradicts another."""

    exit_code = 3


class ToolError(EcgwasError):
    """An outside program is missing, too old, or failed."""

    exit_code = 4


class ServiceError(EcgwasError):
    """An online service is unreachable or misbehaves, or the run is offline."""

    exit_code = 5


class MissingStageError(EcgwasError):
    """A stage was started before the stages that it needs."""

    exit_code = 6


class DisclosureError(EcgwasError):
    """Something to be shared discloses a person: an eid, a recording, a group that is too small."""

    exit_code = 7


class MachineError(EcgwasError):
    """The disk is full, memory is insufficient, or a folder is not writable."""

    exit_code = 8


class Caution(str):
    """A warning among the lines of `check`: something is allowed, but probably not intended."""

    __slots__ = ()


def raise_together(mistakes: Sequence[EcgwasError], *, what: str) -> None:
    """Raises a single mistake as it is, several as one error that lists each with its fix; does nothing if there are none.

    what: where they are, as in `the covariate table`. The error has the class of the first mistake.
    """
    if not mistakes:
        return
    if len(mistakes) == 1:
        raise mistakes[0]
    lines = [f"  {number}. {mistake.problem} (fix: {mistake.fix})" for number, mistake in enumerate(mistakes, start=1)]
    problem = f"{len(mistakes)} mistakes in {what}:\n" + "\n".join(lines)
    raise type(mistakes[0])(problem, where=mistakes[0].where, fix="correct each as its line says")


def first_few(items: Iterable[object], limit: int = 5) -> str:
    """The first `limit` items and the number of others: ``a, b, c (+7 more)``."""
    names = [str(item) for item in items]
    shown = ", ".join(names[:limit])
    if len(names) <= limit:
        return shown
    return f"{shown} (+{len(names) - limit} more)"

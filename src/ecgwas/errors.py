"""One family of errors. Each says what is wrong, where, and how to mend it.

EcgwasError                 exit code 1
├── StudyError          2   study.yaml: unknown key, value out of bounds, contradiction
├── InputError          3   a file that the user gave: missing, malformed, contradicting another
├── ToolError           4   an outside program: missing, too old, failed
├── ServiceError        5   an online service: unreachable, misbehaving, or asked for while offline
├── MissingStageError   6   a stage is asked for before the stages that it needs
├── DisclosureError     7   what is to be passed on shows a person
└── MachineError        8   the machine refuses: disk full, no memory, no right to write
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class EcgwasError(Exception):
    """What went wrong, where, and the cure; `fix` is required, so no error comes without advice."""

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
        # Errors travel between processes; the keyword arguments would be lost by default.
        return _rebuild, (type(self), self.problem, self.fix, self.where)


def _rebuild(kind: type[EcgwasError], problem: str, fix: str, where: str | None) -> EcgwasError:
    return kind(problem, fix=fix, where=where)


class StudyError(EcgwasError):
    """study.yaml is wrong."""

    exit_code = 2


class InputError(EcgwasError):
    """A file that the user gave is missing, malformed, or contradicts another."""

    exit_code = 3


class ToolError(EcgwasError):
    """An outside program is missing, too old, or failed."""

    exit_code = 4


class ServiceError(EcgwasError):
    """An online service is unreachable or misbehaves, or the run is offline."""

    exit_code = 5


class MissingStageError(EcgwasError):
    """A stage was asked for before the stages that it needs."""

    exit_code = 6


class DisclosureError(EcgwasError):
    """What is to be passed on shows a person: an eid, a recording, a group that is too small."""

    exit_code = 7


class MachineError(EcgwasError):
    """The machine refuses: the disk is full, memory is short, a folder may not be written."""

    exit_code = 8


class Caution(str):
    """A line of `check` that is a warning: something is allowed, and probably not what was meant."""

    __slots__ = ()


def raise_together(mistakes: Sequence[EcgwasError], *, what: str) -> None:
    """Nothing for no mistake, the mistake itself for one, and for several one error that lists them all with their cures.

    what: where they are, as in `the covariate table`. The error is of the first mistake's class.
    """
    if not mistakes:
        return
    if len(mistakes) == 1:
        raise mistakes[0]
    lines = [f"  {number}. {one.problem} (fix: {one.fix})" for number, one in enumerate(mistakes, start=1)]
    problem = f"{len(mistakes)} mistakes in {what}:\n" + "\n".join(lines)
    raise type(mistakes[0])(problem, where=mistakes[0].where, fix="correct each as its line says")


def first_few(items: Iterable[object], limit: int = 5) -> str:
    """The first `limit` items and how many more there are: ``a, b, c (+7 more)``."""
    names = [str(item) for item in items]
    shown = ", ".join(names[:limit])
    if len(names) <= limit:
        return shown
    return f"{shown} (+{len(names) - limit} more)"

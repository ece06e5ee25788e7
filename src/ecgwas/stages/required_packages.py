"""Packages of extras (extras.py) that a study needs, sought before its first stage runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from ecgwas import represent
from ecgwas.errors import ToolError, raise_together
from ecgwas.scan.engine import kernels
from ecgwas.stages import read
from ecgwas.study import Matrix, Study


def refuse_missing(study: Study, stages: Collection[str]) -> None:
    """Raises ToolError with all packages that these stages of the study need and that are not installed."""
    checks: list[Callable[[], None]] = []
    if "read" in stages and study.read is not None:
        checks.append(partial(read.require_packages, study))
    if "represent" in stages:
        checks += [partial(represent.require_packages, options) for options in study.represent]
    if "scan" in stages and isinstance(study.scan, Matrix):
        checks.append(partial(kernels.check, study.scan.kernel))
    mistakes = []
    for check in checks:
        try:
            check()
        except ToolError as mistake:
            mistake.where = mistake.where or str(study.folder)
            mistakes.append(mistake)
    raise_together(mistakes, what="the study")

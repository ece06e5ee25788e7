"""Services that do not answer: which may be gone without, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecgwas.errors import Caution, ServiceError
from ecgwas.genes.web import client
from ecgwas.study import GeneSource, Service


def skipped(source: GeneSource, error: ServiceError, what: str) -> str:
    """A warning that a service gave no answer. Raises the error where the source has to be there (if_unreachable: stop)."""
    if not isinstance(source, Service) or source.if_unreachable == "stop":
        raise error
    return (
        f"warning: {source.kind} was skipped, there are no {what} from it: {error.problem} ({error.where}). "
        f"Run the stage again with `ecgwas genes STUDY --force` when it can be reached, or use {source.offline_twin}"
    )


def asked(sources: Sequence[GeneSource]) -> list[GeneSource]:
    """The sources that ask a service."""
    return [source for source in sources if isinstance(source, Service) and source.is_asked]


def foreseen(sources: Sequence[GeneSource], cache: Path, *, offline: bool) -> list[Caution]:
    """Warnings of services that will give no answers, as far as that can be known before anything is run.

    A service is not asked: a connection to its host is opened and closed.
    """
    found = (_foreseen(source, cache, offline) for source in asked(sources))
    return [caution for caution in found if caution is not None]


def _foreseen(source: GeneSource, cache: Path, offline: bool) -> Caution | None:
    assert isinstance(source, Service)
    if offline and not any(cache.glob("*.json")):
        problem = f"{source.kind} has no answers: the study is offline, and no answers are kept in results/cache"
    elif not offline and (reason := client.unreachable(source.address)) is not None:
        problem = f"{source.kind} cannot be reached from here: {reason}"
    else:
        return None
    what = "will be skipped" if source.if_unreachable == "skip" else "will end the run (if_unreachable: stop)"
    return Caution(f"{problem}; the source {what}. Files do the same: {source.offline_twin}, docs/genes.md")

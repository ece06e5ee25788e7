"""Services that do not answer: which may be skipped, and what is reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecgwas.errors import Caution, ServiceError
from ecgwas.genes.web import client
from ecgwas.study import GeneSource, Service


def skipped(source: GeneSource, error: ServiceError, what: str) -> str:
    """A warning that a service did not answer. Raises the error if the source may not be skipped (if_unreachable: stop)."""
    if not isinstance(source, Service) or source.if_unreachable == "stop":
        raise error
    return (
        f"warning: {source.kind} was skipped, there are no {what} from it: {error.problem} ({error.where}). "
        f"Run the stage again with `ecgwas genes STUDY --force` when it can be reached, or use {source.offline_twin}"
    )


def foreseeable_failures(sources: Sequence[GeneSource], cache: Path, *, offline: bool) -> list[Caution]:
    """Warnings of services that cannot answer, as far as this is known before the run.

    Services are not queried: a connection to each host is opened and closed.
    """
    cautions = (_foreseeable(source, cache, offline) for source in sources if source.queries_service)
    return [caution for caution in cautions if caution is not None]


def _foreseeable(source: GeneSource, cache: Path, offline: bool) -> Caution | None:
    assert isinstance(source, Service)
    if offline and not any(cache.glob("*.json")):
        problem = f"{source.kind} has no answers: the study is offline, and no answers are kept in results/cache"
    elif not offline and (reason := client.unreachable(source.address)) is not None:
        problem = f"{source.kind} cannot be reached from here: {reason}"
    else:
        return None
    outcome = "will be skipped" if source.if_unreachable == "skip" else "will end the run (if_unreachable: stop)"
    return Caution(f"{problem}; the source {outcome}. Files do the same: {source.offline_twin}, docs/genes.md")

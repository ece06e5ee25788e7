"""Whether results were made from the present study file and inputs, down to the first stage on which they rest."""

from __future__ import annotations

from collections.abc import Iterable

from ecgwas import stages
from ecgwas.errors import MissingStageError, first_few
from ecgwas.study import Study

RUN = "`ecgwas run` makes them from the study as it is now"


def refuse_stale(study: Study, parts: Iterable[tuple[str, str]], *, fix: str = RUN) -> None:
    """Raises MissingStageError, for the earliest stage concerned, if one of the (stage, part) pairs, or a part on which it
    rests, is absent or was made with other options, inputs or versions."""
    needed = with_needed(study, parts)
    for name in dict.fromkeys(stage for stage, _ in needed):
        stale = [part for stage, part in needed if stage == name and not stages.is_fresh(study, stage, part)]
        if stale:
            problem = f"results of stage {name} are absent or stale (part {first_few(stale)})"
            raise MissingStageError(problem, where=study.results, fix=fix)


def parts_of(study: Study, names: Iterable[str]) -> list[tuple[str, str]]:
    """All (stage, part) pairs of these stages."""
    return [(name, part) for name in names for part in stages.stage_named(name).parts(study)]


def with_needed(study: Study, parts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parts and all that they rest on, each after what it needs, each once."""
    needed: dict[tuple[str, str], None] = {}

    def visit(name: str, part: str) -> None:
        for earlier in stages.stage_named(name).needs(study, part):
            if tuple(earlier) not in needed:
                visit(*earlier)
        needed[name, part] = None

    for one in parts:
        if one not in needed:
            visit(*one)
    return list(needed)

"""Whether a results file can be used: it is there, whole, and made from the results, options and inputs that are there now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ecgwas import stages
from ecgwas.errors import MissingStageError, first_few
from ecgwas.stages import freshness
from ecgwas.store import Note, fingerprint
from ecgwas.study import Study
from ecgwas.tables import files

RUN = "`ecgwas run STUDY.yaml` makes it (again)"
UPDATE = "`ecgwas run` brings them up to date; ecgwas.open(RESULTS FOLDER) reads results as they are"


def part_of(results: Path, stage: str, name: str) -> tuple[str, Note]:
    """The part of a stage that wrote a file (a path below the stage's folder), and its note.

    Raises MissingStageError if no part did.
    """
    any_part = False
    for names in files.NOTE.all_names(results):
        note = Note.read(files.NOTE.path(results, **names)) if names["stage"] == stage else None
        any_part = any_part or note is not None
        if note is not None and name in note.outputs:
            return names["part"], note
    if not any_part:
        raise MissingStageError(f"stage {stage} has not run", where=results, fix=f"{RUN}; `ecgwas {stage}` runs it alone")
    conditions = [file.note for file in files.of_stage(stage) if file.note and file.matches(name)]
    written = f"; it is written: {conditions[0]}" if conditions else ""
    raise MissingStageError(f"stage {stage} wrote no file {name}{written}", where=results, fix=RUN)


def refuse_changed(results: Path, stage: str, part: str, name: str, note: Note) -> None:
    """Raises MissingStageError if the file was changed after its stage wrote it, if another version of ecgwas wrote it, or if
    earlier stages have run again since. Judged by the notes of the results folder alone."""
    if not replace(note, outputs={name: note.outputs[name]}).outputs_unchanged(results / stage):
        raise MissingStageError(f"{stage}/{name} is missing or was changed after it was written", where=results, fix=RUN)
    problem = _disagreement(results, stage, part, note)
    if problem is not None:
        raise MissingStageError(f"{stage}/{name} is outdated: {problem}", where=results, fix=RUN)


def _disagreement(results: Path, stage: str, part: str, note: Note) -> str | None:
    """The first reason, in words, why a part or one on which it rests is outdated: other versions, or other files of an earlier
    part than those that were read. None if there is none."""
    waiting, judged = [(stage, part, note)], {(stage, part)}
    while waiting:
        stage, part, note = waiting.pop()
        recorded, current = note.facts.get("stage_versions", {}), stages.stage_named(stage).versions
        other = [name for name, version in current.items() if recorded.get(name) != version]
        if other:
            return f"another version of ecgwas ran stage {stage} ({first_few(other)})"
        for earlier, content in note.facts.get("inputs", {}).get("parts", {}).items():
            stage_before, part_before = earlier.split("/", 1)
            before = Note.read(files.NOTE.path(results, stage=stage_before, part=part_before))
            # A folder may have been passed on without its earlier stages, which cannot disagree.
            if before is None:
                continue
            if fingerprint([stage_before, part_before, before.digests()])[:10] != content:
                return f"stage {stage_before} (part {part_before}) has run again since stage {stage} (part {part})"
            if (stage_before, part_before) not in judged:
                judged.add((stage_before, part_before))
                waiting.append((stage_before, part_before, before))
    return None


def refuse_stale(study: Study, stage: str, part: str) -> None:
    """Raises MissingStageError if a part, or one that it needs, was not made from the study's present options and inputs."""
    freshness.refuse_stale(study, [(stage, part)], fix=UPDATE)

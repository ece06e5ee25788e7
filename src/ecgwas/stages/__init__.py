"""The stages, and how they are run; the only package that knows both methods and files.

A stage consists of parts. Everything runs through `run_part(study, stage, part)`: the command line loops over it, and
Snakemake calls the command line. A part depends only on (study, part) and gives the same bytes wherever it runs.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from ecgwas import __version__, extras, progress
from ecgwas.errors import Caution, EcgwasError, InputError, MissingStageError, StudyError, first_few
from ecgwas.progress import Part, StudyProgress, TimeLeft, duration, label_of, plan_line
from ecgwas.stages import (
    failures,
    genes,
    loci,
    null,
    outcomes,
    predict,
    read,
    report,
    represent,
    required_packages,
    scan,
    scores,
    share,
    summaries,
    traits,
)
from ecgwas.stages.base import Stage, absent_section, note_path, stage_folder
from ecgwas.stages.former_parts import delete_former_parts
from ecgwas.stages.locking import locked
from ecgwas.store import Note, atomic_write, file_stamp, fingerprint, writing_part
from ecgwas.study import Study
from ecgwas.tables import files

__all__ = [
    "STAGES", "Parts", "Stage", "check", "delete_former_parts", "explain", "is_fresh", "run", "run_null", "run_part",
    "run_stage", "stage_line", "stage_named", "stale_parts",
]  # fmt: skip

logger = logging.getLogger(__name__)

STAGES: tuple[Stage, ...] = (
    read.STAGE, represent.STAGE, traits.STAGE, scan.STAGE, loci.STAGE, genes.STAGE, outcomes.STAGE, predict.STAGE,
    scores.STAGE, report.STAGE, share.STAGE,
)  # fmt: skip

PRIVATE_NOTICE = """\
# Private

This folder contains data of individual participants: recordings, features, who was excluded and why, one participant's ECG in
the report. Only those who may see the data may have it. What may be passed on is in share/: `ecgwas audit` searches it for
participants' data, and warns of what anyone with a participant's genome or ECG can still learn from it.
"""

LIBRARIES = ("numpy", "scipy", "torch", "polars", "PyWavelets", "lxml", "bed-reader")


def stage_named(name: str) -> Stage:
    """The stage with this name."""
    return next(stage for stage in STAGES if stage.name == name)


class Parts(NamedTuple):
    """How many parts were computed, and how many were fresh."""

    computed: int
    fresh: int


Plan = Callable[[Study], Mapping[Part, float] | None]
"""Seconds of each part of a study by its plan; None if it cannot be planned."""


def _unplanned(_: Study) -> None:
    """Of a study whose time left is not shown."""
    return None


def run(
    study: Study, *, until: str | None = None, force: bool = False, planned: Plan = _unplanned
) -> Parts:  # fmt: skip
    """Runs every part of every stage in order, except those that are fresh.

    planned: gives the seconds of each part by the plan, for the time left; asked only if there is something to do.
    """
    failures.refuse_little_address_space(study.results)
    failures.refuse_unusable_results(study.results)
    names = [stage.name for stage in STAGES]
    chosen = STAGES if until is None else STAGES[: names.index(until) + 1]
    required_packages.refuse_missing(study, [stage.name for stage in chosen])
    return _run_parts(study, chosen, force=force, planned=planned)


def _run_parts(
    study: Study, chosen: Sequence[Stage], *, force: bool, planned: Plan = _unplanned
) -> Parts:  # fmt: skip
    for stage in chosen:
        delete_former_parts(study, stage)
    parts = [(stage.name, part) for stage in chosen for part in stage.parts(study)]
    stale = stale_parts(study, parts, force=force)
    left = _time_left(study, stale, planned)
    if stale:
        logger.info(plan_line(len(parts), len(stale), left))
    with progress.study_progress(len(parts), left) as shown:
        computed = sum(_run_stage(study, stage, force=force, shown=shown) for stage in chosen)
    return Parts(computed, len(parts) - computed)


def _time_left(study: Study, stale: Sequence[Part], planned: Plan) -> TimeLeft | None:
    seconds = planned(study) if stale else None
    return None if seconds is None else TimeLeft({part: seconds.get(part, 0.0) for part in stale})


def _run_stage(study: Study, stage: Stage, *, force: bool, shown: StudyProgress) -> int:
    """Runs the parts of a stage and logs a line about it; returns how many were computed."""
    begun, computed = time.monotonic(), 0
    for part in stage.parts(study):
        of_part = time.monotonic()
        is_new = run_part(study, stage.name, part, force=force, begin=partial(shown.begin, (stage.name, part)))
        shown.end((stage.name, part), time.monotonic() - of_part if is_new else None)
        computed += is_new
    if computed:
        logger.info(stage_line(study, stage.name, time.monotonic() - begun))
    return computed


def run_stage(study: Study, stage_name: str, *, part: str | None = None, force: bool = False) -> int:
    """Runs one part of a stage, or all that are not fresh, and logs a line about it; returns how many were computed."""
    stage = stage_named(stage_name)
    delete_former_parts(study, stage)
    parts = stage.parts(study)
    if part is None or parts == (part,):
        with progress.study_progress(len(parts)) as shown:
            return _run_stage(study, stage, force=force, shown=shown)
    begun = time.monotonic()
    is_new = run_part(study, stage_name, part, force=force)
    if is_new:
        logger.info("%s: done in %s", label_of(stage_name, part), duration(time.monotonic() - begun))
    return int(is_new)


def stage_line(study: Study, stage_name: str, seconds: float) -> str:
    """What a finished stage has done, in counts, and how long it took."""
    try:
        counts = summaries.in_counts(study, stage_name)
    except FileNotFoundError:  # On a network disk, files that another machine wrote may not be visible yet.
        counts = "done"
    return f"{stage_name:<10} {counts}; {duration(seconds)}"


def stale_parts(study: Study, parts: Sequence[Part], *, force: bool = False) -> list[Part]:
    """Those of the parts that are not fresh or read one that is not, in order; all with `force`."""
    stale: list[Part] = []
    for stage_name, part in parts:
        needs = stage_named(stage_name).needs(study, part)
        if force or not set(stale).isdisjoint(needs) or not is_fresh(study, stage_name, part):
            stale.append((stage_name, part))
    return stale


def run_null(study: Study, *, force: bool = False, simulated: bool = False) -> Study:
    """Runs the null study from its traits to its genes: permuted people or simulated genomes, the study's threshold."""
    if simulated:
        extras.require("msprime", by="`ecgwas null --simulated`", where=study.folder, otherwise="leave `--simulated` out")
    null_study = null.null_study_of(study, simulated=simulated)
    null.link_shared_stages(study, null_study)
    if simulated:
        null.write_simulated_genomes(study, null_study)
    _run_parts(
        null_study, [stage for stage in STAGES if stage.name not in (*null.SHARED_STAGES, "report", "share")], force=force
    )
    return null_study


def run_part(
    study: Study, stage_name: str, part: str, *, force: bool = False, begin: Callable[[], None] | None = None
) -> bool:  # fmt: skip
    """Computes one part unless it is fresh; True if it was computed. begin: called before it is computed.

    Raises StudyError for an unknown part, MissingStageError if an earlier stage has not run.
    """
    stage = stage_named(stage_name)
    known = stage.parts(study)
    if not known:
        raise absent_section(study, stage_name)
    if part not in known:
        fix = f"parts of {stage_name}: {first_few(known, 30)}"
        raise StudyError(f"stage {stage_name} has no part '{part}'", where=study.folder, fix=fix)
    label = label_of(stage_name, part)
    failures.refuse_little_address_space(study.results)
    failures.refuse_unusable_results(study.results)
    expected = _fingerprint(study, stage, part)
    lock = note_path(study, stage_name, part).with_suffix(".lock")
    with failures.explained(study.results), locked(lock, f"{stage_name} (part {part})"):
        fresh = not force and _has_note(study, stage_name, part, expected)
        if fresh:
            logger.debug("%s: fresh", label)
            _clear_scratch(_scratch(study, stage_name, part, expected), keep=None)
            return False
        if begin is not None:
            begin()
        logger.debug("%s: started", label)
        _make(study, stage, part, expected)
    note = Note.read(note_path(study, stage_name, part))
    facts = {} if note is None else note.facts
    logger.debug("%s: done in %s s, peak %s MiB", label, facts.get("seconds"), facts.get("peak_memory_mib"))
    return True


def is_fresh(study: Study, stage_name: str, part: str) -> bool:
    """True if the part was made from the options and inputs that hold now, and its files have not changed since."""
    try:
        expected = _fingerprint(study, stage_named(stage_name), part)
    except EcgwasError:
        return False
    return _has_note(study, stage_name, part, expected)


def _has_note(study: Study, stage_name: str, part: str, expected: str) -> bool:
    """True if the part's note has the expected fingerprint and its files are as they were written."""
    note = Note.read(note_path(study, stage_name, part))
    return note is not None and note.fingerprint == expected and note.outputs_unchanged(stage_folder(study, stage_name))


def _upstream(study: Study, stage: Stage, part: str) -> dict[str, str]:
    """`stage/part` of each part that this one reads -> fingerprint of the content of its files, ten digits."""
    return {
        f"{name}/{earlier}": fingerprint(_digests(study, stage.name, name, earlier))[:10]
        for name, earlier in stage.needs(study, part)
    }


def _fingerprint(study: Study, stage: Stage, part: str) -> str:
    """Of everything that a part depends on: options, versions, user files, and the content of earlier parts."""
    upstream = [_digests(study, stage.name, name, earlier) for name, earlier in stage.needs(study, part)]
    inputs = _stamps(study, stage, part)
    return fingerprint(stage.name, part, stage.versions, stage.options(study, part), inputs, upstream)


def _stamps(study: Study, stage: Stage, part: str) -> list[list[object]]:
    """The stamp of every user file that the part reads. Files that the stage does not need, as a recording, may be missing.

    Raises the stage's `check` error if a needed file is missing, InputError if one cannot be reached.
    """
    stamps: list[list[object]] = []
    for path in stage.files(study, part):
        try:
            stamps.append(file_stamp(path))
        except FileNotFoundError:
            stage.check(study)
            stamps.append([path.name, None, None])
        except OSError as error:
            stage.check(study)
            problem = f"an input of stage {stage.name} cannot be reached: {error.strerror}"
            fix = "put it back, or correct its path in study.yaml"
            raise InputError(problem, where=path, fix=fix) from None
    return stamps


def _digests(study: Study, needed_by: str, stage_name: str, part: str) -> list[object]:
    note = Note.read(note_path(study, stage_name, part))
    if note is None:
        fix = f"run `ecgwas {stage_name}` first, or `ecgwas run` for everything"
        problem = f"{needed_by} needs {stage_name} (part {part}), which has not run"
        raise MissingStageError(problem, where=study.results, fix=fix)
    other = _other_versions(note, stage_named(stage_name))
    if other:
        # Its tables may have other columns, which would be misread or end in a traceback.
        made_by = note.facts.get("versions", {}).get("ecgwas")
        problem = f"{needed_by} needs {stage_name} (part {part}), made by another ecgwas ({made_by}): {first_few(other)}"
        raise MissingStageError(problem, where=study.results, fix="`ecgwas run` makes it again")
    return [stage_name, part, note.digests()]


def _other_versions(note: Note, stage: Stage) -> list[str]:
    """Each version of the stage and its tables that differs from the note's, in words."""
    recorded = note.facts.get("stage_versions", {})
    return [
        f"{name} of version {recorded.get(name, 'unknown')}, not {version}"
        for name, version in stage.versions.items()
        if recorded.get(name) != version
    ]


def _make(study: Study, stage: Stage, part: str, part_fingerprint: str) -> None:
    scratch = _scratch(study, stage.name, part, part_fingerprint)
    _clear_scratch(scratch, keep=scratch.name)
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    versions = {"ecgwas": __version__} | _library_versions()
    inputs = {"files": _stamps(study, stage, part), "parts": _upstream(study, stage, part)}
    facts = {
        "options": stage.options(study, part), "seed": study.seed, "versions": versions, "inputs": inputs,
        "stage_versions": stage.versions,
    }  # fmt: skip
    note = note_path(study, stage.name, part)
    _write_private_notice(study)
    folder = stage_folder(study, stage.name)
    # Sums round differently with another number of threads, so linear algebra has one on every machine.
    with threadpool_limits(1, user_api="blas"), writing_part(folder, note, part_fingerprint, facts) as out:
        stage.work(study, part, out, scratch)
    _clear_scratch(scratch, keep=None)


def _library_versions() -> dict[str, str]:
    """Of those LIBRARIES that are installed: torch may not be."""
    versions = {}
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            versions[library] = version(library)
    return versions


def _write_private_notice(study: Study) -> None:
    path = files.PRIVATE_README.path(study.results)
    if not path.exists():
        with atomic_write(path) as temporary:
            temporary.write_text(PRIVATE_NOTICE)


def _scratch(study: Study, stage_name: str, part: str, part_fingerprint: str) -> Path:
    return note_path(study, stage_name, part).with_suffix(f".scratch.{part_fingerprint[:16]}")


def _clear_scratch(scratch: Path, keep: str | None) -> None:
    """Deletes scratch folders of other fingerprints: training must not resume from other options or inputs."""
    stem = scratch.name.split(".scratch.")[0]
    for folder in scratch.parent.glob(f"{stem}.scratch.*"):
        if folder.name != keep:
            shutil.rmtree(folder, ignore_errors=True)


def explain(study: Study, path: Path) -> list[str]:
    """How a result file was made, and whether it is fresh, in lines.

    Raises InputError if no part of the study made the file.
    """
    resolved = path.resolve()
    for stage in STAGES:
        folder = stage_folder(study, stage.name).resolve()
        for part in stage.parts(study):
            note = Note.read(note_path(study, stage.name, part))
            if note is not None and resolved.is_relative_to(folder) and str(resolved.relative_to(folder)) in note.outputs:
                fresh = is_fresh(study, stage.name, part)
                return [
                    f"stage {stage.name}, part {part}: {stage.meaning}",
                    *_note_lines(note),
                    f"fresh: {'yes' if fresh else 'no'}",
                ]
    fix = "name a file below the study's results folder that a stage has written"
    raise InputError("no stage of this study made this file", where=path, fix=fix)


def _note_lines(note: Note) -> list[str]:
    facts = dict(note.facts)
    versions = ", ".join(f"{name} {number}" for name, number in sorted(facts.pop("versions", {}).items()))
    options = json.dumps(facts.pop("options", None), sort_keys=True)
    others = [f"{name}: {value}" for name, value in sorted(facts.items())]
    return [*others, f"versions: {versions}", f"options: {options}", f"fingerprint of options and inputs: {note.fingerprint}"]


def check(study: Study) -> tuple[list[str], list[EcgwasError]]:
    """Opens every input. Gives facts and warnings (Caution) in words, and every mistake."""
    facts: list[str] = [Caution(words) for words in study.contradictions]
    mistakes: list[EcgwasError] = []
    for check_of in (*(stage.check for stage in STAGES), _check_results):
        try:
            facts += [fact for fact in _checked(check_of, study) if fact not in facts]
        except EcgwasError as mistake:
            mistake.where = mistake.where or str(study.folder)
            if str(mistake) not in [str(other) for other in mistakes]:
                mistakes.append(mistake)
    return facts, mistakes


def _checked(check_of: Callable[[Study], Sequence[str]], study: Study) -> Sequence[str]:
    """The facts of a stage's check; failures of the machine become clear errors, too."""
    with failures.explained(study.results):
        return check_of(study)


def _check_results(study: Study) -> Sequence[str]:
    failures.refuse_unusable_results(study.results)
    return ()

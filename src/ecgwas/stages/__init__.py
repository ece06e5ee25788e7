"""The list of stages; the only room that knows both methods and files.

A stage falls into parts. `run_part(study, stage, part)` is the one way in: the command line loops over it, and Snakemake
calls the command line. A part depends on (study, part) alone and gives the same bytes anywhere.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecgwas import __version__, progress
from ecgwas.errors import Caution, EcgwasError, InputError, MissingStageError, StudyError, first_few
from ecgwas.stages import failures, genes, loci, null, read, report, represent, scan, share, traits
from ecgwas.stages.base import Stage, note_path, stage_folder
from ecgwas.stages.locking import locked
from ecgwas.store import Note, fingerprint, part_written, stamp, whole
from ecgwas.study import Study
from ecgwas.tables import files

__all__ = ["STAGES", "Stage", "check", "explain", "is_fresh", "run", "run_null", "run_part", "stage_named"]

logger = logging.getLogger(__name__)

STAGES: tuple[Stage, ...] = (
    read.STAGE, represent.STAGE, traits.STAGE, scan.STAGE, loci.STAGE, genes.STAGE, report.STAGE,
    share.STAGE,
)  # fmt: skip

PRIVATE = """\
# Private

Everything in this folder speaks of single people: recordings, features, who was left out and why, one person's ECG in the
report. It stays with those who may see the data. What may be passed on lies in share/: `ecgwas audit` searches it for single
people, and warns of what whoever holds a genome or an ECG can still learn from it.
"""

LIBRARIES = ("numpy", "scipy", "torch", "polars", "PyWavelets", "lxml", "bed-reader")


def stage_named(name: str) -> Stage:
    """The stage of that name."""
    return next(stage for stage in STAGES if stage.name == name)


def run(study: Study, *, until: str | None = None, force: bool = False) -> None:
    """Every part of every stage in order, those that are fresh left as they are."""
    failures.refuse_little_address_space(study.results)
    failures.refuse_unusable_results(study.results)
    names = [stage.name for stage in STAGES]
    wanted = STAGES if until is None else STAGES[: names.index(until) + 1]
    _run_parts(study, wanted, force=force)


def _run_parts(study: Study, wanted: Sequence[Stage], *, force: bool) -> None:
    parts = [(stage, part) for stage in wanted for part in stage.parts(study)]
    with progress.course(len(parts)) as begin:
        for stage, part in parts:
            begin(stage.name if part == "all" else f"{stage.name} {part}")
            run_part(study, stage.name, part, force=force)


def run_null(study: Study, *, force: bool = False, simulated: bool = False) -> Study:
    """The study's null twin, from its traits to its genes: shuffled people or simulated genomes, the study's threshold."""
    shuffled = null.twin(study, simulated=simulated)
    null.share_signals(study, shuffled)
    if simulated:
        null.write_genomes(study, shuffled)
    _run_parts(shuffled, [stage for stage in STAGES if stage.name not in (*null.SHARED, "report", "share")], force=force)
    return shuffled


def run_part(study: Study, stage_name: str, part: str, *, force: bool = False) -> bool:
    """Make one part unless it is fresh; True if it was made.

    Raises StudyError for an unknown part and MissingStageError if an earlier stage has not run.
    """
    stage = stage_named(stage_name)
    known = stage.parts(study)
    if part not in known:
        fix = f"parts of {stage_name}: {first_few(known, 30)}"
        raise StudyError(f"stage {stage_name} has no part '{part}'", where=study.folder, fix=fix)
    label = stage_name if known == ("all",) else f"{stage_name} {part}"
    failures.refuse_little_address_space(study.results)
    failures.refuse_unusable_results(study.results)
    mark = _mark(study, stage, part)
    lock = note_path(study, stage_name, part).with_suffix(".lock")
    with failures.explained(study.results), locked(lock, f"{stage_name} (part {part})"):
        if not force and _vouched(study, stage_name, part, mark):
            logger.info("%s: fresh", label)
            _clear_scratch(_scratch(study, stage_name, part, mark), keep=None)
            return False
        logger.info("%s: started", label)
        _make(study, stage, part, mark)
    made = Note.read(note_path(study, stage_name, part))
    facts = {} if made is None else made.made
    logger.info("%s: done in %s s, peak %s MiB", label, facts.get("seconds"), facts.get("peak_memory_mib"))
    return True


def is_fresh(study: Study, stage_name: str, part: str) -> bool:
    """True if the part was made from this study file and from these inputs, and is still as it was made."""
    try:
        mark = _mark(study, stage_named(stage_name), part)
    except EcgwasError:
        return False
    return _vouched(study, stage_name, part, mark)


def _vouched(study: Study, stage_name: str, part: str, mark: str) -> bool:
    note = Note.read(note_path(study, stage_name, part))
    return note is not None and note.fingerprint == mark and note.vouches_for(stage_folder(study, stage_name))


def _upstream(study: Study, stage: Stage, part: str) -> dict[str, str]:
    """`stage/part` that the part was made from -> fingerprint of the content of its files, ten digits."""
    found = {}
    for name, before in stage.needs(study, part):
        found[f"{name}/{before}"] = fingerprint(_digests(study, stage.name, name, before))[:10]
    return found


def _mark(study: Study, stage: Stage, part: str) -> str:
    """Fingerprint of what the part is made from: options, user files, and the content of earlier parts."""
    upstream = [_digests(study, stage.name, name, before) for name, before in stage.needs(study, part)]
    inputs = _stamps(study, stage, part)
    return fingerprint(stage.name, part, stage.versions, stage.options(study, part), inputs, upstream)


def _stamps(study: Study, stage: Stage, part: str) -> list[list[object]]:
    """Of every user file that the part reads; a file that the stage can do without, as a recording, may be gone.

    Raises what `check` says where one is gone, and InputError for one that cannot be reached.
    """
    found = []
    for path in stage.files(study, part):
        try:
            found.append(stamp(path))
        except FileNotFoundError:
            stage.check(study)
            found.append([path.name, None, None])
        except OSError as error:
            stage.check(study)
            problem = f"an input of stage {stage.name} cannot be reached: {error.strerror}"
            fix = "put it back, or correct its path in study.yaml"
            raise InputError(problem, where=path, fix=fix) from None
    return found


def _digests(study: Study, wanted_by: str, stage_name: str, part: str) -> list[object]:
    note = Note.read(note_path(study, stage_name, part))
    if note is None:
        fix = f"run `ecgwas {stage_name}` first, or `ecgwas run` for everything"
        problem = f"{wanted_by} needs {stage_name} (part {part}), which has not run"
        raise MissingStageError(problem, where=study.results, fix=fix)
    other = _other_versions(note, stage_named(stage_name))
    if other:
        # Its tables may have other columns: they would end in a traceback, or be misread.
        made_by = note.made.get("versions", {}).get("ecgwas")
        problem = f"{wanted_by} needs {stage_name} (part {part}), made by another ecgwas ({made_by}): {first_few(other)}"
        raise MissingStageError(problem, where=study.results, fix="`ecgwas run` makes it again")
    return [stage_name, part, note.digests()]


def _other_versions(note: Note, stage: Stage) -> list[str]:
    """In words, each version of the stage and its tables that is not the one in the note."""
    made = note.made.get("stage_versions", {})
    return [
        f"{name} of version {made.get(name, 'unknown')}, not {version}"
        for name, version in stage.versions.items()
        if made.get(name) != version
    ]


def _make(study: Study, stage: Stage, part: str, mark: str) -> None:
    scratch = _scratch(study, stage.name, part, mark)
    _clear_scratch(scratch, keep=scratch.name)
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    versions = {"ecgwas": __version__} | {library: version(library) for library in LIBRARIES}
    inputs = {"files": _stamps(study, stage, part), "parts": _upstream(study, stage, part)}
    facts = {
        "options": stage.options(study, part), "seed": study.seed, "versions": versions, "inputs": inputs,
        "stage_versions": stage.versions,
    }  # fmt: skip
    note = note_path(study, stage.name, part)
    _say_private(study)
    # Sums over another number of threads end in other digits: linear algebra has one, on every machine.
    with threadpool_limits(1, user_api="blas"), part_written(stage_folder(study, stage.name), note, mark, facts) as out:
        stage.work(study, part, out, scratch)
    _clear_scratch(scratch, keep=None)


def _say_private(study: Study) -> None:
    path = files.PRIVATE_README.path(study.results)
    if not path.exists():
        with whole(path) as temporary:
            temporary.write_text(PRIVATE)


def _scratch(study: Study, stage_name: str, part: str, mark: str) -> Path:
    return note_path(study, stage_name, part).with_suffix(f".scratch.{mark[:16]}")


def _clear_scratch(scratch: Path, keep: str | None) -> None:
    """Scratch of another fingerprint belongs to another study: training must not go on from it."""
    stem = scratch.name.split(".scratch.")[0]
    for folder in scratch.parent.glob(f"{stem}.scratch.*"):
        if folder.name != keep:
            shutil.rmtree(folder, ignore_errors=True)


def explain(study: Study, path: Path) -> list[str]:
    """How a result file came to be, and whether it is as its study would make it now, in lines.

    Raises InputError if no part of the study made the file.
    """
    inside = path.resolve()
    for stage in STAGES:
        folder = stage_folder(study, stage.name).resolve()
        for part in stage.parts(study):
            note = Note.read(note_path(study, stage.name, part))
            if note is not None and inside.is_relative_to(folder) and str(inside.relative_to(folder)) in note.outputs:
                fresh = is_fresh(study, stage.name, part)
                return [f"stage {stage.name}, part {part}: {stage.meaning}", *_told(note), f"fresh: {'yes' if fresh else 'no'}"]
    fix = "name a file below the study's results folder that a stage has written"
    raise InputError("no stage of this study made this file", where=path, fix=fix)


def _told(note: Note) -> list[str]:
    facts = dict(note.made)
    versions = ", ".join(f"{name} {number}" for name, number in sorted(facts.pop("versions", {}).items()))
    options = json.dumps(facts.pop("options", None), sort_keys=True)
    rest = [f"{name}: {value}" for name, value in sorted(facts.items())]
    return [*rest, f"versions: {versions}", f"options: {options}", f"fingerprint of options and inputs: {note.fingerprint}"]


def check(study: Study) -> tuple[list[str], list[EcgwasError]]:
    """Every input opened: what was found, in words, warnings as Caution; and every mistake."""
    facts: list[str] = [Caution(words) for words in study.contradictions]
    mistakes: list[EcgwasError] = []
    for opened in (*(stage.check for stage in STAGES), _check_results):
        try:
            facts += [fact for fact in _opened(opened, study) if fact not in facts]
        except EcgwasError as mistake:
            mistake.where = mistake.where or str(study.folder)
            if str(mistake) not in [str(other) for other in mistakes]:
                mistakes.append(mistake)
    return facts, mistakes


def _opened(check_of: Callable[[Study], Sequence[str]], study: Study) -> Sequence[str]:
    """What a stage's check says; what the machine refuses is one clear error, too."""
    with failures.explained(study.results):
        return check_of(study)


def _check_results(study: Study) -> Sequence[str]:
    failures.refuse_unusable_results(study.results)
    return ()

"""What a case of bad input is, and how it is run: the cases themselves are in the other files of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecgwas.ecg import find_recordings, read_recordings
from ecgwas.errors import EcgwasError
from ecgwas.progress import silent
from ecgwas.study import ReadOptions
from tests.ecg.make_recordings import make_xml

RIGHT, LEFT_OUT, REFUSED, EITHER = "read correctly", "excluded, with the reason", "refused", "read or excluded"


@dataclass(frozen=True)
class Ending:
    """How a case ended, and the words of the reason or error."""

    how: str
    words: str = ""
    error: EcgwasError | None = None


@dataclass(frozen=True)
class Case:
    """says: part of the reason or error; with RIGHT nothing, or part of the warning about a recording that is kept."""

    group: str
    what: str
    how: str
    says: str
    run: Callable[[Path], Ending]


def ended(work: Callable[[], bool]) -> Ending:
    """RIGHT if the work gives what it should; REFUSED with the error's words."""
    try:
        right = work()
    except EcgwasError as error:
        return Ending(REFUSED, str(error), error)
    return Ending(RIGHT if right else "wrong result")


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Recordings: a good file of another person is in the folder of each bad one and must be read.

GOOD, BAD = "1000001", "1000008"
NAME = "{}_20205_2_0.xml"
TEXT = make_xml()
BYTES = TEXT.encode("latin-1")


def recordings(folder: Path, **options: object) -> Ending:
    """The fate of the bad file; every file must be listed once and the good one kept."""
    chosen = ReadOptions.model_validate({"recordings": folder, **options})
    manifest = find_recordings(chosen)
    batch = read_recordings(chosen, manifest.sources, track=silent)
    frame = pl.concat([batch.recordings.frame, manifest.others.frame])
    files = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    listed = sorted(Path(path).name for path in frame["path"])
    if GOOD not in frame.filter(pl.col("status") == "kept")["eid"].to_list():
        return Ending("the good file was lost")
    if len(set(listed)) < len({path.name for path in files}):
        return Ending(f"a file is not listed: {listed}")
    good = (pl.col("eid") == GOOD) & (pl.col("status") == "kept")
    rows = frame.filter(good.not_() | pl.col("eid").is_null()).to_dicts()
    if all(row["status"] == "kept" for row in rows):
        return Ending(RIGHT, "; ".join(str(row["reason"]) for row in rows))
    return Ending(LEFT_OUT, "; ".join(str(row["reason"]) for row in rows if row["status"] != "kept"))


def ecg(what: str, how: str, says: str, content: Callable[[], bytes | str], **options: object) -> Case:
    def run(at: Path) -> Ending:
        put(at / "ecg" / NAME.format(GOOD), BYTES)
        made = content()
        put(at / "ecg" / NAME.format(BAD), made if isinstance(made, bytes) else made.encode("latin-1"))
        return recordings(at / "ecg", **options)

    return Case("recordings", what, how, says, run)


def ecg_folder(what: str, how: str, says: str, make: Callable[[Path], object], **options: object) -> Case:
    def run(at: Path) -> Ending:
        put(at / "ecg" / NAME.format(GOOD), BYTES)
        made: list[Ending] = []

        def work() -> bool:
            make(at / "ecg")
            made.append(recordings(at / "ecg", **{name: at / str(file) for name, file in options.items()}))
            return True

        end = ended(work)
        return made[0] if made else end

    return Case("folders of recordings", what, how, says, run)

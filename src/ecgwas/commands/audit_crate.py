"""Audit of a shared folder's RO-Crate: it names every file, the files are as they were written, and it names no participant.

Files that `ecgwas share` does not write, and eids, are searched for by the other checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecgwas.commands.audit_words import json_texts
from ecgwas.errors import Caution, DisclosureError, EcgwasError, first_few
from ecgwas.exchange.ro_crate import identifier
from ecgwas.store import Note, file_digest
from ecgwas.study.share import AUTHOR
from ecgwas.tables import files

AGAIN = "run `ecgwas share` again, and pass on what it writes, unchanged"
LOCAL_PATH = re.compile(r"(?:file:|[A-Za-z]:\\|/|~/).*|.*(?:/home/|/Users/|\\Users\\).*", re.DOTALL)
"""Texts that are, or contain, a path of a machine or a home folder."""

Checked = tuple[list[str], list[EcgwasError]]
"""Facts and mistakes."""

Entity = Mapping[str, Any]


def shared_folder(folder: Path) -> Path:
    """The shared folder that is, or holds, a folder; the folder itself if it is not part of one."""
    return next((above for above in (folder, *folder.parents) if files.SHARED_ABOUT.within(above).is_file()), folder)


def check_crate(folder: Path, paths: Sequence[Path], results: Path) -> Checked:
    """Compares the metadata with the files `paths` of a folder that will be shared. results: whose study names the authors."""
    root = shared_folder(folder)
    path = files.SHARED_CRATE.within(root)
    if not path.is_file():
        return [Caution(f"there is no {path.name}, with which the files could be compared")], []
    try:
        entities = [dict(one) for one in json.loads(path.read_text(encoding="utf-8"))["@graph"]]
    except (OSError, ValueError, KeyError, TypeError):
        return [], [DisclosureError("the description of the folder cannot be read", where=path, fix=AGAIN)]
    facts, mistakes = _compare(entities, root, paths)
    if root.resolve() == folder.resolve():
        facts += _absent(entities, root)
    facts_of_people, mistakes_of_people = _check_people(entities, path, results)
    return facts + facts_of_people, mistakes + mistakes_of_people


def _compare(entities: Sequence[Entity], root: Path, paths: Sequence[Path]) -> Checked:
    """Every declared file must be part of the crate, with its size and hash."""
    parts = _parts(entities)
    names = {path: path.relative_to(root).as_posix() for path in paths if path != files.SHARED_CRATE.within(root)}
    declared = {path: name for path, name in names.items() if files.is_declared("share", name)}
    missing = [name for name in declared.values() if identifier(name) not in parts]
    changed = [
        name for path, name in declared.items()
        if (part := parts.get(identifier(name))) is not None
        and (part.get("sha256") != file_digest(path) or part.get("contentSize") != str(path.stat().st_size))
    ]  # fmt: skip
    where = files.SHARED_CRATE.within(root)
    mistakes: list[EcgwasError] = []
    if missing:
        mistakes.append(
            DisclosureError(f"{len(missing)} file(s) are not named in it: {first_few(missing)}", where=where, fix=AGAIN)
        )
    if changed:
        problem = f"{len(changed)} file(s) are not as `ecgwas share` wrote them, by their hashes: {first_few(changed)}"
        mistakes.append(DisclosureError(problem, where=where, fix=AGAIN))
    return [] if mistakes else [f"{where.name} names all {len(declared)} files, which have the hashes that it states"], mistakes


def _parts(entities: Sequence[Entity]) -> dict[str, Entity]:
    """@id -> entity of every file that the root data entity names as its part."""
    by_id = {str(one.get("@id")): one for one in entities}
    listed = by_id.get("./", {}).get("hasPart", [])
    names = [str(one.get("@id")) for one in _as_list(listed) if isinstance(one, Mapping)]
    return {name: by_id[name] for name in names if name in by_id}


def _absent(entities: Sequence[Entity], root: Path) -> list[str]:
    """A warning about files that the crate names and the folder lacks."""
    present = {identifier(path.relative_to(root).as_posix()) for path in root.rglob("*") if path.is_file()}
    absent = [name for name in _parts(entities) if name not in present]
    return (
        [Caution(f"{len(absent)} file(s) that {files.SHARED_CRATE.name} names are absent: {first_few(absent)}")]
        if absent
        else []
    )


def _check_people(entities: Sequence[Entity], path: Path, results: Path) -> Checked:
    """The only persons may be the authors of `share.authors`; no text may be a path of a machine, which may name its user."""
    authors = _authors(results)
    persons = [str(one.get("name")) for one in entities if "Person" in _as_list(one.get("@type"))]
    unlisted = [name for name in persons if name not in authors]
    places = [text for one in entities for text in json_texts(one) if LOCAL_PATH.fullmatch(text)]
    mistakes: list[EcgwasError] = []
    if unlisted:
        problem = f"it names {len(unlisted)} person(s) who are not among the authors that the study states (share.authors)"
        mistakes.append(DisclosureError(f"{problem}: {first_few(unlisted)}", where=path, fix=AGAIN))
    if places:
        mistakes.append(DisclosureError(f"it holds paths of a machine: {first_few(places)}", where=path, fix=AGAIN))
    words = f"names as persons only the authors of the study ({first_few(persons)})" if persons else "names no person"
    return [] if mistakes else [f"{path.name} {words}, and no path of a machine"], mistakes


def _authors(results: Path) -> set[str]:
    """The authors of `share.authors`, as the note of stage share recorded them; none without a note."""
    note = Note.read(files.NOTE.path(results, stage="share", part="all"))
    options = note.facts.get("options") if note is not None else None
    given = options[0].get("authors") if isinstance(options, list) and options and isinstance(options[0], Mapping) else None
    return {match["name"] for author in given or [] if (match := AUTHOR.fullmatch(str(author)))}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

"""The metadata file of the shared folder: its files as they are declared, and the study's inputs by their options."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ecgwas import __version__
from ecgwas.exchange import ro_crate
from ecgwas.exchange.ro_crate import Attribution, Input, SharedFile, Software
from ecgwas.genes.web.files import version_of
from ecgwas.stages.base import write_json
from ecgwas.store import file_digest
from ecgwas.study import Study
from ecgwas.tables import files

SECTIONS = ("read", "represent", "traits", "scan", "loci", "genes", "outcomes", "predict", "scores", "report")
REFERENCES = ("loci", "genes")
"""Sections whose inputs are published loci, genes, networks and terms, without participants."""


def write(study: Study, out: Path) -> None:
    """Writes workflow and metadata into the shared folder `out`, when everything else is there.

    Raises ValueError for a file that is not declared: it would be passed on without a description.
    """
    workflow = files.SHARED_WORKFLOW.within(out)
    workflow.parent.mkdir(parents=True, exist_ok=True)
    workflow.write_bytes((resources.files("ecgwas") / "workflow" / "Snakefile").read_bytes())
    options = study.share
    content = ro_crate.metadata(
        study.name, _software(), list(_shared(out)), [_input(*one) for one in inputs(study)],
        Attribution(options.licence, options.authors, options.published),
    )  # fmt: skip
    write_json(files.SHARED_CRATE.within(out), content)


def reference_files(study: Study) -> list[Path]:
    """The reference files that the metadata name by their hashes."""
    return [path for place, _, path in inputs(study) if _is_reference(place) and path.is_file()]


def inputs(study: Study) -> Iterator[tuple[str, str, Path]]:
    """Option, its meaning, and path of every input that the study names, in the order of its sections."""
    for name in SECTIONS:
        yield from _paths(getattr(study, name), name, "")


def _paths(value: Any, place: str, meaning: str) -> Iterator[tuple[str, str, Path]]:
    if isinstance(value, Path):
        yield place, " ".join(meaning.split()), value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _paths(getattr(value, name), f"{place}.{name}", field.description or "")
    elif isinstance(value, tuple):
        for number, entry in enumerate(value):
            yield from _paths(entry, f"{place}[{number}]", meaning)


def _is_reference(place: str) -> bool:
    return place.split(".")[0].split("[")[0] in REFERENCES


def _input(place: str, meaning: str, path: Path) -> Input:
    """An input as it may be described: the name of a file only if it is a reference that ecgwas fetched."""
    if not _is_reference(place) or not path.is_file():
        return Input(place, meaning, _is_reference(place))
    version = version_of(path)
    return Input(place, meaning, True, None if version == path.name else version, file_digest(path))


def _shared(out: Path) -> Iterator[SharedFile]:
    """Every file of the folder but the metadata, in the order of names."""
    paths = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    for name, path in sorted(paths.items()):
        declared = files.declaration("share", name)
        if declared is None:
            raise ValueError(f"share/{name} is not declared in tables/files.py")
        if declared != files.SHARED_CRATE:
            yield SharedFile(name, declared.described, path.stat().st_size, file_digest(path))


def _software() -> Software:
    """Version, page and summary of the installed package."""
    about = metadata.metadata("ecgwas")
    pages = [line.split(",", 1)[1].strip() for line in about.get_all("Project-URL") or [] if "," in line]
    return Software(__version__, pages[0] if pages else None, str(about["Summary"]))

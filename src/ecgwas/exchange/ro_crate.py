"""A shared folder described as an RO-Crate: what it holds, and the run that made it.

RO-Crate 1.1 (https://www.researchobject.org/ro-crate/specification/1.1/) with the profiles Process Run Crate and Workflow Run
Crate 0.5 (Leo et al. 2024, PLOS ONE 19:e0309210). Times, machines and accounts are not stated: a repeated run gives the same
bytes. Inputs are named by their options, because names and sizes of files with participants' data may reveal who or how many
they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgwas.study.share import AUTHOR
from ecgwas.tables import files

CRATE = "https://w3id.org/ro/crate/1.1"
CONTEXT = (f"{CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context")
PROCESS_RUN, WORKFLOW_RUN = (f"https://w3id.org/ro/wfrun/{name}/0.5" for name in ("process", "workflow"))
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    PROCESS_RUN: ("Process Run Crate", "0.5"),
    WORKFLOW_RUN: ("Workflow Run Crate", "0.5"),
    WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
SNAKEMAKE_PAGE = "https://snakemake.github.io"
MIT = "https://spdx.org/licenses/MIT"
ORCID = "https://orcid.org/"

MEDIA_TYPES = {
    ".csv": "text/csv", ".parquet": "application/vnd.apache.parquet", ".html": "text/html", ".svg": "image/svg+xml",
    ".json": "application/json", ".md": "text/markdown", ".smk": "text/plain",
}  # fmt: skip
"""Ending of a shared file -> its media type."""

UNLICENSED = "None is stated. The rules of the study's data decide who may use this folder, and for what."
NOT_INCLUDED = "not part of this folder: data of individual participants, which may not be passed on"
REFERENCE = "not part of this folder: reference data"

Entity = dict[str, Any]


@dataclass(frozen=True)
class SharedFile:
    """A file of the folder: its path there, what it holds, number of bytes, SHA-256."""

    name: str
    meaning: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Input:
    """An input of the run: the option that names it, what that means; of reference data also name with version, and SHA-256.

    sha256: None for participants' data: whoever holds a file of one participant could tell by its hash that it was used, and a
    short list of ids can be guessed from its hash
    """

    option: str
    meaning: str
    is_reference: bool
    name: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Software:
    """The program: version, page (None: it has none) and what it does."""

    version: str
    page: str | None
    meaning: str


@dataclass(frozen=True)
class Attribution:
    """What the study states of its publication: licence, authors as `Name` or `Name (ORCID)`, day; None or empty if nothing."""

    licence: str | None
    authors: Sequence[str]
    published: str | None


def metadata(
    study: str, software: Software, shared: Sequence[SharedFile], inputs: Sequence[Input], attribution: Attribution
) -> Mapping[str, Any]:
    """The content of the metadata file. shared: every file of the folder but this one, in the order of names.

    Raises ValueError for a file whose ending has no media type.
    """
    authors = [_person(number, author) for number, author in enumerate(attribution.authors, start=1)]
    given = [_input(one) for one in inputs]
    results = [_file(one) for one in shared]
    graph = [
        _descriptor(), _root(study, results, authors, attribution), *_profiles(), *_licence(attribution.licence),
        *[_as_workflow(one, software) if one["@id"] == files.SHARED_WORKFLOW.name else one for one in results],
        *_software(software), *_run(study, software, results, given, authors), *given, *authors,
    ]  # fmt: skip
    return {"@context": list(CONTEXT), "@graph": graph}


def identifier(name: str) -> str:
    """A file's path as an @id: characters that a URI cannot hold are written as bytes, %20."""
    return re.sub(r"[^A-Za-z0-9._~/-]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)


def _to(*entities: Entity | str) -> Any:
    """References to entities, or to an @id: one, or a list."""
    references = [{"@id": one if isinstance(one, str) else one["@id"]} for one in entities]
    return references[0] if len(references) == 1 else references


def _descriptor() -> Entity:
    conforms = _to(CRATE, WORKFLOW_CRATE)
    return {"@id": files.SHARED_CRATE.name, "@type": "CreativeWork", "about": _to("./"), "conformsTo": conforms}


def _root(study: str, results: Sequence[Entity], authors: Sequence[Entity], attribution: Attribution) -> Entity:
    return {
        "@id": "./", "@type": "Dataset", "name": f"Shared results of the study {study}",
        "description": "Genome-wide associations of electrocardiograms: report, summary statistics and tables, without data of "
        "individual participants. README.md states what they may still reveal.",
        "conformsTo": _to(*PROFILES), "hasPart": [_to(one) for one in results],
        "mainEntity": _to(files.SHARED_WORKFLOW.name), "mentions": _to("#run", "#execution"),
        "license": _to(_licence_id(attribution.licence)),
        **({"author": _to(*authors)} if authors else {}),
        **({"datePublished": attribution.published} if attribution.published else {}),
    }  # fmt: skip


def _licence_id(licence: str | None) -> str:
    """The licence's address, or a name for words."""
    return licence if licence is not None and re.fullmatch(r"https?://\S+", licence) else "#licence"


def _profiles() -> Iterator[Entity]:
    for address, (name, version) in PROFILES.items():
        yield {"@id": address, "@type": "CreativeWork", "name": name, "version": version}


def _licence(licence: str | None) -> Iterator[Entity]:
    """The program's licence, and that of the results."""
    yield {"@id": MIT, "@type": "CreativeWork", "name": "MIT licence", "description": "Licence of the program ecgwas."}
    address = _licence_id(licence)
    if address != MIT:
        about = {"name": licence or "No licence", "description": UNLICENSED if licence is None else "Licence of the results."}
        yield {"@id": address, "@type": "CreativeWork", **about}


def _person(number: int, author: str) -> Entity:
    match = AUTHOR.fullmatch(author)
    orcid = match["orcid"] if match else None
    address = f"{ORCID}{orcid}" if orcid else f"#author-{number}"
    return {"@id": address, "@type": "Person", "name": match["name"] if match else author}


def _file(one: SharedFile) -> Entity:
    suffix = Path(one.name).suffix
    if suffix not in MEDIA_TYPES:
        raise ValueError(f"{one.name}: no media type is declared for files that end in {suffix or 'nothing'}")
    return {
        "@id": identifier(one.name), "@type": "File", "name": one.name, "description": one.meaning,
        "encodingFormat": MEDIA_TYPES[suffix], "contentSize": str(one.size), "sha256": one.sha256,
        **({"about": _to("./")} if one.name == files.SHARED_README.name else {}),
    }  # fmt: skip


def _as_workflow(file: Entity, software: Software) -> Entity:
    return {
        **file, "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"], "name": "ecgwas", "version": software.version,
        "programmingLanguage": _to(SNAKEMAKE), "softwareRequirements": _to("#ecgwas"), "license": _to(MIT), **_page(software),
    }  # fmt: skip


def _software(software: Software) -> Iterator[Entity]:
    """The program, and the language of its workflow."""
    yield {
        "@id": "#ecgwas", "@type": "SoftwareApplication", "name": "ecgwas", "softwareVersion": software.version,
        "description": software.meaning, "license": _to(MIT), **_page(software),
    }  # fmt: skip
    language = {"identifier": _to(SNAKEMAKE_PAGE), "url": _to(SNAKEMAKE_PAGE)}
    yield {"@id": SNAKEMAKE, "@type": "ComputerLanguage", "name": "Snakemake", **language}
    yield {"@id": SNAKEMAKE_PAGE, "@type": "WebSite", "name": "Snakemake"}


def _page(software: Software) -> Entity:
    return {} if software.page is None else {"url": software.page}


def _run(
    study: str, software: Software, results: Sequence[Entity], inputs: Sequence[Entity], authors: Sequence[Entity]
) -> Iterator[Entity]:
    """The run of the workflow, and its execution by the program."""
    outputs = [_to(one) for one in results if one["@id"] != files.SHARED_WORKFLOW.name]
    agent = {"agent": _to(*authors)} if authors else {}
    yield {
        "@id": "#run", "@type": "CreateAction", "name": f"Run of the study {study}",
        "description": "All stages of ecgwas, from recordings to the shared folder. When and where it ran is not stated, so "
        "that a repeated run gives the same description.",
        "instrument": _to(files.SHARED_WORKFLOW.name), "object": [_to(one) for one in inputs], "result": outputs, **agent,
    }  # fmt: skip
    yield {
        "@id": "#execution", "@type": "OrganizeAction", "name": f"Execution of the workflow by ecgwas {software.version}",
        "instrument": _to("#ecgwas"), "result": _to("#run"), **agent,
    }  # fmt: skip


def _input(one: Input) -> Entity:
    return {
        "@id": f"#input-{identifier(one.option)}", "@type": "CreativeWork", "name": one.name or one.option,
        "description": f"{one.option}: {one.meaning}",
        "conditionsOfAccess": REFERENCE if one.is_reference else NOT_INCLUDED,
        **({} if one.sha256 is None else {"sha256": one.sha256}),
    }  # fmt: skip

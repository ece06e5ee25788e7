"""The reference bundle: downloads the files that offline gene sources read, verifies them, and records their versions.

`references.json` in the folder records URL, version, date, bytes and SHA-256 of each file; tables made from such a file state
its version. Every online source has an offline twin that reads these files (docs/genes.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecgwas.errors import EcgwasError, InputError
from ecgwas.genes.sources import ontologies
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import NotUnderstood
from ecgwas.genes.web.files import RECORD, read_lines
from ecgwas.store import atomic_write, file_digest

GENCODE = "https://ftp.ebi.ac.uk/pub/databases/gencode/Gencode_human/release_47"
STRING = "https://stringdb-downloads.org/download"
GWAS_CATALOG = "https://ftp.ebi.ac.uk/pub/databases/gwas/releases/latest"
EAGLE = "https://storage.googleapis.com/broad-alkesgroup-public/Eagle/downloads/tables"
GO = "https://current.geneontology.org"

Download = Callable[[str, Path, Callable[[Path], None]], str | None]


@dataclass(frozen=True)
class Reference:
    """One file of the bundle.

    first_words  start of a line that identifies the file;  version  None: the server's date of last change, otherwise the date
    of the download
    """

    name: str
    url: str
    first_words: str
    meaning: str
    licence: str
    version: str | None = None


def _string(kind: str, first_words: str, meaning: str) -> Reference:
    name = f"9606.{kind}.v12.0.txt.gz"
    return Reference(name, f"{STRING}/{kind}.v12.0/{name}", first_words, meaning, "CC BY 4.0", "STRING 12.0")


def _recombination(build: str) -> Reference:
    name = f"genetic_map_{build}_withX.txt.gz"
    header = "chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)"
    meaning = f"recombination rates of {build} (HapMap 2)"
    return Reference(name, f"{EAGLE}/{name}", header, meaning, "HapMap, open")


def _ontology(short: str, meaning: str, licence: str) -> Reference:
    name = f"{short}.obo"
    return Reference(name, f"https://purl.obolibrary.org/obo/{name}", "format-version:", meaning, licence)


REFERENCES = (
    Reference(
        "gencode.v47lift37.annotation.gtf.gz", f"{GENCODE}/GRCh37_mapping/gencode.v47lift37.annotation.gtf.gz",
        "chr1\t", "genes of hg19", "open", "GENCODE 47 on hg19",
    ),
    Reference(
        "gencode.v47.annotation.gtf.gz", f"{GENCODE}/gencode.v47.annotation.gtf.gz",
        "chr1\t", "genes of hg38", "open", "GENCODE 47",
    ),
    _recombination("hg19"),
    _recombination("hg38"),
    _string("protein.links", "protein1 protein2 combined_score", "network"),
    _string("protein.info", "#string_protein_id\tpreferred_name", "symbols of the network's proteins"),
    _string("protein.aliases", "#string_protein_id\talias", "other names of the network's proteins"),
    _string("protein.enrichment.terms", "#string_protein_id\tcategory\tterm", "terms: TISSUES, HPO, GO, KEGG, ..."),
    Reference(
        "gwas-catalog-associations_ontology-annotated-full.zip",
        f"{GWAS_CATALOG}/gwas-catalog-associations_ontology-annotated-full.zip",
        "DATE ADDED TO CATALOG\t", "published associations (hg38)", "EMBL-EBI terms of use",
    ),
    Reference(
        "phenotype_to_genes.txt", "https://purl.obolibrary.org/obo/hp/hpoa/phenotype_to_genes.txt",
        "hpo_id\thpo_name", "human phenotypes", "HPO licence",
    ),
    Reference("go-basic.obo", f"{GO}/ontology/go-basic.obo", "format-version:", "Gene Ontology", "CC BY 4.0"),
    _ontology("hp", "Human Phenotype Ontology", "HPO licence"),
    _ontology("mondo", "diseases", "CC BY 4.0"),
    _ontology("bto", "tissues (BRENDA)", "CC BY 4.0"),
    Reference(
        "efo.obo", "https://github.com/EBISPOT/efo/releases/download/current/efo.obo", "format-version:",
        "measurements and diseases (EFO)", "Apache 2.0",
    ),
    Reference("goa_human.gaf.gz", f"{GO}/annotations/goa_human.gaf.gz", "!gaf-version:", "genes of GO terms", "CC BY 4.0"),
)  # fmt: skip
SEARCHED_LINES = 200
"""The identifying line is within this many lines."""


def fetch(
    folder: Path,
    references: Sequence[Reference] = REFERENCES,
    *,
    download_existing: bool = False,
    download: Download = client.download,
) -> Iterator[str]:
    """Downloads files that are missing or damaged, makes the GMT files of GO and HPO, and yields a line about each file.

    download_existing: also downloads complete files. A file appears only when it is complete and has been recognised. Raises
    ServiceError for a file that cannot be downloaded; files before it stay and are recorded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for reference in references:
        known = _recorded(folder).get(reference.name)
        if not download_existing and known is not None and _problem(folder, reference.name, known) is None:
            yield f"{reference.name}: already present, {known['version']}"
            continue
        changed = download(reference.url, folder / reference.name, _verifier(reference))
        today = datetime.now(UTC).date().isoformat()
        version = reference.version or f"of {changed or today}"
        _record(folder, reference.name, {"url": reference.url, "version": version, "date": today, "licence": reference.licence})
        yield f"{reference.name}: downloaded, {version}"
    yield from _make_terms(folder)


def _verifier(reference: Reference) -> Callable[[Path], None]:
    """A function that reads a download to its end, so that a truncated one is noticed, and raises NotUnderstood."""

    def verify(path: Path) -> None:
        is_recognised = False
        try:
            # The download has a temporary name; the proper name shows its compression.
            for number, line in read_lines(path, "download", named=reference.name):
                is_recognised = is_recognised or (number <= SEARCHED_LINES and line.startswith(reference.first_words))
        except InputError as error:
            raise NotUnderstood(error.problem) from None
        if not is_recognised:
            raise NotUnderstood(f"it is not {reference.name}: no line of it begins with {reference.first_words!r}")

    return verify


def _recorded(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        files = json.loads((folder / RECORD).read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}


def _record(folder: Path, name: str, facts: Mapping[str, Any]) -> None:
    path = folder / name
    files = _recorded(folder) | {name: {**facts, "bytes": path.stat().st_size, "sha256": file_digest(path)}}
    with atomic_write(folder / RECORD) as temporary:
        temporary.write_text(json.dumps({"files": files}, indent=1, sort_keys=True) + "\n")


def _problem(folder: Path, name: str, known: Mapping[str, Any]) -> str | None:
    """What is wrong with a recorded file; None: nothing."""
    path = folder / name
    if not path.exists():
        return "is missing"
    if path.stat().st_size != known.get("bytes") or file_digest(path) != known.get("sha256"):
        return "has changed since it was downloaded"
    return None


def _make_terms(folder: Path) -> Iterator[str]:
    """GMT files from the files that are there."""
    phenotypes, ontology, annotations = (
        folder / name for name in ("phenotype_to_genes.txt", "go-basic.obo", "goa_human.gaf.gz")
    )
    if phenotypes.exists():
        yield _write_terms(folder, "hpo.gmt", ontologies.hpo_terms(phenotypes), [phenotypes.name])
    if ontology.exists() and annotations.exists():
        for short, terms in ontologies.go_terms(ontology, annotations).items():
            yield _write_terms(folder, f"go_{short}.gmt", terms, [ontology.name, annotations.name])


def _write_terms(folder: Path, name: str, terms: Mapping[str, tuple[str, set[str]]], made_from: Sequence[str]) -> str:
    with atomic_write(folder / name) as temporary:
        temporary.write_text(ontologies.as_gmt(terms))
    record = _recorded(folder)
    version = ", ".join(f"{source} {record[source]['version']}" for source in made_from if source in record)
    _record(folder, name, {"made_from": list(made_from), "version": version})
    return f"{name}: made, {len(terms)} terms"


def check(folder: Path, references: Sequence[Reference] = REFERENCES) -> tuple[list[str], list[EcgwasError]]:
    """Compares every file with its record: (files in order, with versions; mistakes)."""
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix=f"ecgwas references fetch {folder}")
    record = _recorded(folder)
    facts, mistakes = [], []
    names = [reference.name for reference in references]
    for name in [*names, *sorted(set(record) - set(names))]:
        wrong = "was never fetched" if name not in record else _problem(folder, name, record[name])
        if wrong is None:
            facts.append(f"{name}: {record[name]['version']}")
        else:
            fix = f"ecgwas references fetch {folder}"
            mistakes.append(InputError(f"{name} {wrong}", where=folder / name, fix=fix))
    return facts, list[EcgwasError](mistakes)


def chosen(names: Sequence[str], references: Sequence[Reference] = REFERENCES) -> list[Reference]:
    """The references with these names, or all if none is given. Raises InputError for an unknown name."""
    known = {reference.name: reference for reference in references}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"no reference is named {', '.join(unknown)}", fix=f"names: {', '.join(known)}")
    return [known[name] for name in names] if names else list(references)

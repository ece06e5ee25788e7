"""Published associations of the hit variants: the NHGRI-EBI GWAS Catalog (Cerezo et al. 2025, Nucleic Acids Res 53:D998).

They come from its bulk file `gwas-catalog-associations_ontology-annotated.tsv` (plain, .gz or .zip) or, for few variants, from
its REST service, version 2: pages of 200, unsorted (sorting drops rows between pages), without `_embedded` if there is none.
Variants are matched by rs number and the catalog's chromosome (`3;3` or `3 x 6` for several variants in turn); in a study of
hg38 also by position, because the catalog's positions are hg38. p-values may be smaller than a float can hold: -log10 p is
computed from mantissa and exponent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ecgwas.errors import InputError, first_few
from ecgwas.genes.sources.file_contents import FileContents
from ecgwas.genes.sources.mapping import locus_of
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.genes.sources.term_roots import CARDIOVASCULAR
from ecgwas.genes.web.contract import RS_NUMBER as RS
from ecgwas.genes.web.contract import (
    Build,
    Get,
    Part,
    Question,
    Variant,
    Variants,
    Whole,
    chromosome,
    is_same_position,
    of_kind,
)
from ecgwas.genes.web.files import read_lines, version_of
from ecgwas.study import GwasCatalog
from ecgwas.tables import VARIANT_KEY, Loci
from ecgwas.tables.genes import Published

PAGE = 200
NEEDED = ("DISEASE/TRAIT", "CHR_ID", "CHR_POS", "MAPPED_GENE", "SNPS", "PVALUE_MLOG", "PUBMEDID", "STUDY ACCESSION")
RS_NUMBER = re.compile(r"rs\d+")
SEVERAL = re.compile(r"\s*[;,]\s*|\s+x\s+")
"""Separates the variants of one association: of a haplotype (;) or an interaction (x)."""
FIX = "give gwas-catalog-associations_ontology-annotated.tsv, or let `ecgwas references fetch` download it"

Row = Mapping[str, Any]


class EfoTrait(Part):
    """A trait of the Experimental Factor Ontology."""

    efo_trait: str | None = None


class Association(Part):
    """One association; p = mantissa x 10^exponent."""

    reported_trait: list[str] | str | None = None
    efo_traits: list[EfoTrait] | None = None
    pvalue_mantissa: float | None = None
    pvalue_exponent: Annotated[int, Field(ge=-(10**9), le=10**9)] | None = None
    beta: str | float | None = None
    or_value: str | float | None = None
    mapped_genes: list[str] | None = None
    pubmed_id: str | int | None = None
    accession_id: str | None = None
    snp_effect_allele: list[str] | None = None


class Embedded(Part):
    """The associations of a page."""

    associations: list[Association] = []


class PageCount(Part):
    """Number of pages."""

    totalPages: Whole


class Page(Part):
    """A page of associations; nothing is embedded if there are none."""

    page: PageCount
    embedded: Embedded | None = Field(None, alias="_embedded")


def check(options: GwasCatalog, build: Build | None = None) -> FileContents:
    """Reads the header and the first line. Raises InputError if the file is not the catalog's."""
    assert options.file is not None
    next(_lines(options.file), None)
    return FileContents((f"published associations in {options.file.name}",))


@dataclass(frozen=True)
class LookedUp:
    """Published associations, and notes for the user."""

    published: Published
    notes: tuple[str, ...]


def look_up(options: GwasCatalog, variants: Variants, loci: Loci, get: Get, ancestry: Ancestry = NOTHING) -> LookedUp:
    """Every association of the catalog with a hit variant, by variant, strongest first."""
    reason = options.why_not_queried(variants.frame.height)
    if reason is not None:
        return LookedUp(
            Published.empty(), (f"the GWAS Catalog was not queried: {reason}; name its bulk file under `file`",)
        )  # fmt: skip
    rows = _from_file(options.file, variants) if options.file is not None else _from_service(options, variants, get)
    order = {variant: k for k, variant in enumerate(variants.rows())}
    rows.sort(key=lambda row: (order[row["hit"]], -(row["neglog10p"] or 0.0), row["trait"], row["study"] or ""))
    grouper = Grouper(options, ancestry)
    locus = {variant: locus_of(loci, variant.chrom, variant.pos) for variant in order}
    published = Published.of(
        [
            {name: value for name, value in row.items() if name != "hit"}
            | {"locus": locus[row["hit"]], "cardiovascular": _is_cardiovascular(row, grouper)}
            | row["hit"].row
            for row in rows
        ]
    )
    return LookedUp(published, (_note(published, ambiguous(options, variants)),))


def ambiguous(options: GwasCatalog, variants: Variants) -> frozenset[Variant]:
    """Variants whose rs number is that of several positions of the study; the catalog does not say which it means."""
    if options.file is None:
        return variants.with_shared_rs_number(on_chromosome=False)
    return frozenset() if variants.build == "hg38" else variants.with_shared_rs_number(on_chromosome=True)


def _note(published: Published, not_looked_up: frozenset[Variant]) -> str:
    variants = published.frame.select(VARIANT_KEY).n_unique()
    note = f"GWAS Catalog: {len(published)} associations of {variants} hit variants"
    if not_looked_up:
        ordered = sorted(not_looked_up, key=lambda variant: (variant.chrom, variant.pos))
        names = first_few(f"{variant.name} at {variant.chrom}:{variant.pos}" for variant in ordered)
        skipped = f"{len(not_looked_up)} hit variants were not looked up"
        note += f"; {skipped}, as their rs number is at several positions: {names}"
    return note


def _is_cardiovascular(row: Row, grouper: Grouper) -> bool:
    """Whether the trait, or an ontology trait that it is mapped to, is cardiovascular."""
    traits = [row["trait"], *re.split("[;,]", row["efo_trait"] or "")]
    return any(grouper.of(trait.strip(), None).name == CARDIOVASCULAR for trait in traits)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    lines = read_lines(path, "GWAS Catalog")
    _, first = next(lines, (0, ""))
    header = first.split("\t")
    absent = [name for name in NEEDED if name not in header]
    if absent:
        raise InputError(f"the GWAS Catalog lacks column {', '.join(absent)}", where=path, fix=FIX)
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != len(header):
            problem = f"line {number} of the GWAS Catalog has {len(cells)} columns, its header {len(header)}"
            raise InputError(problem, where=path, fix="download it again: it is damaged or cut short")
        yield dict(zip(header, cells, strict=True))


@dataclass(frozen=True)
class _Index:
    """Hit variants by rs number and, in hg38, by position; `shared`: those whose rs number does not identify them."""

    by_rs_number: Mapping[str, Sequence[Variant]]
    by_position: Mapping[tuple[str, str], Sequence[Variant]]
    shared: frozenset[Variant]

    @classmethod
    def of(cls, variants: Variants) -> _Index:
        by_rs_number: dict[str, list[Variant]] = {}
        for variant, rs_number in variants.rs_numbers().items():
            by_rs_number.setdefault(rs_number, []).append(variant)
        by_position: dict[tuple[str, str], list[Variant]] = {}
        for variant in variants.rows() if variants.build == "hg38" else ():
            by_position.setdefault((variant.chrom, str(variant.pos)), []).append(variant)
        return cls(by_rs_number, by_position, variants.with_shared_rs_number(on_chromosome=True))

    def matching(self, cells: Mapping[str, str]) -> list[Variant]:
        """The hit variants that a line of the catalog is about."""
        names, chroms, positions = (SEVERAL.split(cells[name].strip()) for name in ("SNPS", "CHR_ID", "CHR_POS"))
        in_turn = len(names) == len(chroms) == len(positions)
        by_name: list[Variant] = []
        for i, name in enumerate(names):
            listed = [(chroms[i], positions[i])] if in_turn else [(chrom, "") for chrom in chroms]
            for number in RS_NUMBER.findall(name):
                by_name += [variant for variant in self.by_rs_number.get(number, ()) if self._is_at(variant, listed)]
        by_position = [
            variant
            for chrom, pos in zip(chroms, positions, strict=False)
            for variant in self.by_position.get((chromosome(chrom), pos), ())
            if not by_name or RS.match(variant.name) is None
        ]
        return list(dict.fromkeys([*by_name, *by_position]))

    def _is_at(self, variant: Variant, listed: Sequence[tuple[str, str]]) -> bool:
        """Whether one of the catalog's positions of an rs number (hg38) is the variant's."""
        positions = [(chrom, int(pos) if self.by_position and pos.isdigit() else None) for chrom, pos in listed]
        return any(is_same_position(variant, chrom, pos, exact=variant in self.shared) for chrom, pos in positions)


def _from_file(path: Path, variants: Variants) -> list[dict[str, Any]]:
    index, version = _Index.of(variants), version_of(path)
    return [_row_of_file(variant, cells, version) for cells in _lines(path) for variant in index.matching(cells)]


def _row_of_file(variant: Variant, cells: Mapping[str, str], version: str) -> dict[str, Any]:
    rs_numbers = RS_NUMBER.findall(cells["SNPS"])
    return {
        "hit": variant, "rs_id": ";".join(rs_numbers) or None, "trait": cells["DISEASE/TRAIT"],
        "efo_trait": cells.get("MAPPED_TRAIT") or None, "neglog10p": _number(cells["PVALUE_MLOG"]),
        "risk_allele": cells.get("STRONGEST SNP-RISK ALLELE") or None,
        "effect": " ".join(cells.get(name, "") for name in ("OR or BETA", "95% CI (TEXT)")).strip() or None,
        "genes": _joined(re.split(r"\s*[,;]\s*|\s+[-x]\s+", cells["MAPPED_GENE"])), "pubmed_id": cells["PUBMEDID"] or None,
        "study": cells["STUDY ACCESSION"] or None, "source_version": version,
    }  # fmt: skip


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _joined(names: Sequence[str]) -> str | None:
    return ";".join(dict.fromkeys(name.strip() for name in names if name.strip())) or None


def _from_service(options: GwasCatalog, variants: Variants, get: Get) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    shared = variants.with_shared_rs_number(on_chromosome=False)
    for variant, rs_number in variants.rs_numbers().items():
        if variant in shared:
            continue
        page, pages = 0, 1
        while page < pages:
            params = {"rs_id": rs_number, "page": str(page), "size": str(PAGE)}
            answer = get(Question(f"{options.address}/associations", params=params), of_kind(Page))
            items = answer.value.embedded.associations if answer.value.embedded is not None else []
            rows += [_row_of_service(variant, rs_number, item, answer.date) for item in items]
            page, pages = page + 1, answer.value.page.totalPages if items else 0
    return rows


def _row_of_service(variant: Variant, rs_number: str, item: Association, date: str) -> dict[str, Any]:
    reported = [item.reported_trait] if isinstance(item.reported_trait, str) else item.reported_trait or []
    return {
        "hit": variant, "rs_id": rs_number, "trait": "; ".join(reported),
        "efo_trait": _joined([trait.efo_trait or "" for trait in item.efo_traits or ()]),
        "neglog10p": _neglog10p(item), "risk_allele": _joined(item.snp_effect_allele or ()),
        "effect": str(item.beta or item.or_value or "") or None, "genes": _joined(item.mapped_genes or ()),
        "pubmed_id": str(item.pubmed_id or "") or None, "study": item.accession_id,
        "source_version": f"GWAS Catalog REST v2, {date}",
    }  # fmt: skip


def _neglog10p(item: Association) -> float | None:
    if item.pvalue_mantissa is None or item.pvalue_exponent is None or item.pvalue_mantissa <= 0:
        return None
    return -(math.log10(item.pvalue_mantissa) + item.pvalue_exponent)

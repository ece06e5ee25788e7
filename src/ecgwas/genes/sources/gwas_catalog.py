"""What others found at the hit variants: the NHGRI-EBI GWAS Catalog (Cerezo et al. 2025, Nucleic Acids Res 53:D998).

From its bulk file `gwas-catalog-associations_ontology-annotated.tsv` (as it comes, .gz or .zip), or for few variants from its
REST service, version 2: pages of 200, unsorted (sorting while paging drops rows), no `_embedded` where there is nothing.
Variants are matched by rs number on the chromosome that the catalog gives it (`3;3`, `3 x 6` of several variants in turn); in
a study of hg38 also by position, because the catalog's positions are hg38.
p-values may be smaller than a float holds: -log10 p is taken from mantissa and exponent.
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
from ecgwas.genes.web.contract import Build, Get, Part, Question, Variant, Variants, Whole, belongs, chromosome, of_kind
from ecgwas.genes.web.files import read_lines, version_of
from ecgwas.study import GwasCatalog
from ecgwas.tables import VARIANT_KEY, Loci
from ecgwas.tables.genes import Published

PAGE = 200
NEEDED = ("DISEASE/TRAIT", "CHR_ID", "CHR_POS", "MAPPED_GENE", "SNPS", "PVALUE_MLOG", "PUBMEDID", "STUDY ACCESSION")
RS_NUMBER = re.compile(r"rs\d+")
SEVERAL = re.compile(r"\s*[;,]\s*|\s+x\s+")
"""Between the variants of one association: of a haplotype (;) or an interaction (x)."""
FIX = "give gwas-catalog-associations_ontology-annotated.tsv, or let `ecgwas references fetch` download it"

Row = Mapping[str, Any]


class EfoTrait(Part):
    """A trait of the ontology."""

    efo_trait: str | None = None


class Association(Part):
    """One association; p is mantissa times ten to the exponent."""

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


class Count(Part):
    """How many pages there are."""

    totalPages: Whole


class Page(Part):
    """A page of associations; nothing embedded where there are none."""

    page: Count
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
            Published.empty(), (f"the GWAS Catalog was not asked: {reason}; name its bulk file under `file`",)
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
        return variants.sharing(chromosome=False)
    return frozenset() if variants.build == "hg38" else variants.sharing(chromosome=True)


def _note(published: Published, not_looked_up: frozenset[Variant]) -> str:
    variants = published.frame.select(VARIANT_KEY).n_unique()
    note = f"GWAS Catalog: {len(published)} associations of {variants} hit variants"
    if not_looked_up:
        ordered = sorted(not_looked_up, key=lambda variant: (variant.chrom, variant.pos))
        names = first_few(f"{variant.name} at {variant.chrom}:{variant.pos}" for variant in ordered)
        skipped = f"{len(not_looked_up)} hit variants were not looked up"
        note += f"; {skipped}, as their rs number stands at several positions: {names}"
    return note


def _is_cardiovascular(row: Row, grouper: Grouper) -> bool:
    """Whether the trait, or one of the ontology's that it is mapped to, is of heart or vessels."""
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
    """Hit variants by rs number and, in hg38, by place; `shared`: those that their rs number alone does not tell apart."""

    by_rs_number: Mapping[str, Sequence[Variant]]
    by_place: Mapping[tuple[str, str], Sequence[Variant]]
    shared: frozenset[Variant]

    @classmethod
    def of(cls, variants: Variants) -> _Index:
        by_rs_number: dict[str, list[Variant]] = {}
        for variant, rs_number in variants.rs_numbers().items():
            by_rs_number.setdefault(rs_number, []).append(variant)
        by_place: dict[tuple[str, str], list[Variant]] = {}
        for variant in variants.rows() if variants.build == "hg38" else ():
            by_place.setdefault((variant.chrom, str(variant.pos)), []).append(variant)
        return cls(by_rs_number, by_place, variants.sharing(chromosome=True))

    def matching(self, cells: Mapping[str, str]) -> list[Variant]:
        """The hit variants that a line of the catalog is about."""
        names, chroms, places = (SEVERAL.split(cells[name].strip()) for name in ("SNPS", "CHR_ID", "CHR_POS"))
        in_turn = len(names) == len(chroms) == len(places)
        found: list[Variant] = []
        for i, name in enumerate(names):
            at = [(chroms[i], places[i])] if in_turn else [(chrom, "") for chrom in chroms]
            for number in RS_NUMBER.findall(name):
                found += [one for one in self.by_rs_number.get(number, ()) if self._is_at(one, at)]
        there = [
            one for chrom, pos in zip(chroms, places, strict=False) for one in self.by_place.get((chromosome(chrom), pos), ())
        ]
        unnamed = [one for one in there if not found or RS.match(one.name) is None]
        return list(dict.fromkeys([*found, *unnamed]))

    def _is_at(self, variant: Variant, places: Sequence[tuple[str, str]]) -> bool:
        """Whether the catalog has the variant's rs number there (hg38)."""
        numbers = [(chrom, int(pos) if self.by_place and pos.isdigit() else None) for chrom, pos in places]
        return any(belongs(variant, chrom, pos, exact=variant in self.shared) for chrom, pos in numbers)


def _from_file(path: Path, variants: Variants) -> list[dict[str, Any]]:
    index, version = _Index.of(variants), version_of(path)
    return [_of_file(variant, cells, version) for cells in _lines(path) for variant in index.matching(cells)]


def _of_file(variant: Variant, cells: Mapping[str, str], version: str) -> dict[str, Any]:
    named = RS_NUMBER.findall(cells["SNPS"])
    return {
        "hit": variant, "rs_id": ";".join(named) or None, "trait": cells["DISEASE/TRAIT"],
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
    found = []
    shared = variants.sharing(chromosome=False)
    for variant, rs_number in variants.rs_numbers().items():
        if variant in shared:
            continue
        page, pages = 0, 1
        while page < pages:
            asked = {"rs_id": rs_number, "page": str(page), "size": str(PAGE)}
            answer = get(Question(f"{options.address}/associations", params=asked), of_kind(Page))
            held = answer.value.embedded.associations if answer.value.embedded is not None else []
            found += [_of_service(variant, rs_number, item, answer.date) for item in held]
            page, pages = page + 1, answer.value.page.totalPages if held else 0
    return found


def _of_service(variant: Variant, rs_number: str, item: Association, date: str) -> dict[str, Any]:
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

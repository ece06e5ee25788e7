"""What online sources have in common: questions and answers, and the variants that they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ecgwas.tables import VARIANT_KEY

Value = TypeVar("Value")
Item = TypeVar("Item")
Build = Literal["hg19", "hg38"]
Whole = Annotated[int, Field(ge=0, le=10**12)]
"""A count or a distance of an answer."""

RS_NUMBER = re.compile(r"rs\d+(?![0-9A-Za-z])")
BASES = re.compile(r"[ACGT]+")
SAME_POSITION_BP = 50
"""Indels may be anchored differently; in another build a variant lies thousands of bases away."""


class NotUnderstood(Exception):
    """An answer does not follow the service's contract. It is never kept, and the question is repeated."""


@dataclass(frozen=True)
class Question:
    """A request to a service: a GET, or a POST of one of form, json, parts.

    params          in the address
    form            application/x-www-form-urlencoded
    json            application/json
    parts           multipart/form-data
    min_interval_s  seconds between two questions to this host, at least
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Any = None
    parts: Mapping[str, str] | None = None
    min_interval_s: float = 1.0


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """The value of an answer, and the date on which the service gave it (2026-11-25)."""

    value: Value
    date: str


class Get(Protocol):
    """`get(question, understand)`: the answer, from the cache or from the internet.

    `understand` turns the answer's bytes into a value, or raises NotUnderstood if they do not follow the contract; only
    understood answers are kept. Raises ServiceError if there is no answer, or none that is understood.
    """

    def __call__(self, question: Question, understand: Callable[[bytes], Value]) -> Answer[Value]: ...


@dataclass(frozen=True)
class Variant:
    """A hit variant, identified by position and alleles; its name is a label. pos: 1-based, in the study's build."""

    name: str
    chrom: str
    pos: int
    effect_allele: str
    other_allele: str

    @property
    def row(self) -> dict[str, object]:
        """Columns variant, chrom, pos, effect_allele, other_allele."""
        position = {"chrom": self.chrom, "pos": self.pos}
        return {"variant": self.name, **position, "effect_allele": self.effect_allele, "other_allele": self.other_allele}

    @property
    def allele_orders(self) -> tuple[tuple[str, str], ...]:
        """(reference, alternative) in both orders, as genotype files do not say which is the reference allele; empty if an
        allele is not a sequence of bases."""
        alleles = self.other_allele.upper(), self.effect_allele.upper()
        are_bases = all(BASES.fullmatch(allele) for allele in alleles)
        return (alleles, alleles[::-1]) if are_bases else ()


@dataclass(frozen=True)
class Variants:
    """Hit variants, once each: columns variant, chrom, pos (1-based), effect_allele, other_allele; build hg19 | hg38, None:
    unknown."""

    frame: pl.DataFrame
    build: Build | None = None

    def rows(self) -> Iterator[Variant]:
        """The variants, in order."""
        columns = self.frame.select("variant", *VARIANT_KEY)
        yield from (Variant(name or ".", *place) for name, *place in columns.iter_rows())

    def rs_numbers(self) -> dict[Variant, str]:
        """Variant -> the rs number at the start of its name; variants without one are excluded."""
        matches = {variant: RS_NUMBER.match(variant.name) for variant in self.rows()}
        return {variant: match.group() for variant, match in matches.items() if match is not None}

    def with_shared_rs_number(self, *, on_chromosome: bool) -> frozenset[Variant]:
        """Variants whose rs number another position has, too: on the same chromosome, or on any (on_chromosome False)."""
        numbers = self.rs_numbers()
        keys = {variant: (number, variant.chrom if on_chromosome else "") for variant, number in numbers.items()}
        positions: dict[tuple[str, str], set[tuple[str, int]]] = {}
        for variant, key in keys.items():
            positions.setdefault(key, set()).add((variant.chrom, variant.pos))
        return frozenset(variant for variant, key in keys.items() if len(positions[key]) > 1)


REFSEQ = re.compile(r"NC_0*(\d+)(?:\.\d+)?")
CHROMOSOMES = frozenset([*(str(number) for number in range(1, 23)), "X", "Y", "MT"])


def chromosome(name: str) -> str:
    """The name without "chr"; M is MT, 23 is X and 24 is Y; RefSeq's NC_000001.10 is 1 and NC_012920.1 is MT."""
    plain = name[3:] if name.lower().startswith("chr") else name
    if accession := REFSEQ.fullmatch(plain):
        plain = str(int(accession.group(1)))
    return {"M": "MT", "23": "X", "24": "Y", "12920": "MT"}.get(plain, plain)


def is_same_position(variant: Variant, chrom: str | None, pos: int | None, *, exact: bool = False) -> bool:
    """Whether a service's information about an rs number is about this variant: its chromosome is the same or unknown, and, if
    exact, its position (None: unknown in the study's build) is within SAME_POSITION_BP."""
    is_same_chromosome = chrom in (None, "", ".") or chromosome(str(chrom)) == variant.chrom
    return is_same_chromosome and (not exact or (pos is not None and abs(pos - variant.pos) <= SAME_POSITION_BP))


def as_json(content: bytes) -> Any:
    """The JSON value of an answer, whatever its declared type. Raises NotUnderstood for anything else."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        start = content[:60].decode("utf-8", errors="replace")
        raise NotUnderstood(f"the answer is not JSON: {start!r}") from None


class Part(BaseModel):
    """A part of an answer, with the fields that are used; other fields are ignored. Numbers may be given as text."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, protected_namespaces=())


def understood(kind: Any, value: Any) -> Any:
    """The JSON value as `kind` (a Part, or a list of them). Raises NotUnderstood naming the first field that does not fit."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise NotUnderstood(f"the answer is not of the expected form: {place or 'all of it'}: {first['msg']}") from None


def of_kind(kind: Any) -> Callable[[bytes], Any]:
    """A function that understands JSON of that kind."""
    return lambda content: understood(kind, as_json(content))


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

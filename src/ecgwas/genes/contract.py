"""What sources share: how services are asked, and which variants they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Value = TypeVar("Value")
Item = TypeVar("Item")
Build = Literal["hg19", "hg38"]
Whole = Annotated[int, Field(ge=0, le=10**12)]
"""A count or a distance of an answer."""

RS_NUMBER = re.compile(r"rs\d+(?![0-9A-Za-z])")


class NotUnderstood(Exception):
    """An answer is not of the service's contract: it is never kept, and the service is asked again."""


@dataclass(frozen=True)
class Question:
    """What a service is asked: a GET, or a POST of one of form, json, parts.

    params   in the address
    form     application/x-www-form-urlencoded
    json     application/json
    parts    multipart/form-data
    apart_s  least seconds between two questions to this host
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Any = None
    parts: Mapping[str, str] | None = None
    apart_s: float = 1.0


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """What was understood of an answer, and the day on which the service gave it (2026-11-25)."""

    value: Value
    date: str


class Get(Protocol):
    """`get(question, understand)`: the answer from the cache or the net.

    `understand` makes the value of the answer's bytes and raises NotUnderstood where they are not of the contract; only
    understood answers are kept. Raises ServiceError where there is no answer, or none that is understood.
    """

    def __call__(self, question: Question, understand: Callable[[bytes], Value]) -> Answer[Value]: ...


@dataclass(frozen=True)
class Variants:
    """Hit variants: columns variant, chrom, pos (1-based), once each; build hg19 | hg38, None: not known."""

    frame: pl.DataFrame
    build: Build | None = None

    def rows(self) -> Iterator[tuple[str, str, int]]:
        """(variant, chrom, pos), in order."""
        yield from self.frame.select("variant", "chrom", "pos").iter_rows()

    def rs_numbers(self) -> dict[str, str]:
        """Variant -> the rs number at the beginning of its id; variants without one are left out."""
        found = {variant: RS_NUMBER.match(variant) for variant, _, _ in self.rows()}
        return {variant: match.group() for variant, match in found.items() if match is not None}


def as_json(content: bytes) -> Any:
    """The JSON value of an answer, whatever its declared type. Raises NotUnderstood for anything else."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        start = content[:60].decode("utf-8", errors="replace")
        raise NotUnderstood(f"the answer is not JSON: {start!r}") from None


class Part(BaseModel):
    """A part of an answer, with the fields that are used; others may come. Numbers spelled as text are numbers."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, protected_namespaces=())


def understood(kind: Any, value: Any) -> Any:
    """The JSON value as `kind` (a Part, or a list of them). Raises NotUnderstood naming the first field that is not so."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise NotUnderstood(f"the answer is not of the contract: {place or 'all of it'}: {first['msg']}") from None


def of_kind(kind: Any) -> Callable[[bytes], Any]:
    """Understands JSON of that kind."""
    return lambda content: understood(kind, as_json(content))


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

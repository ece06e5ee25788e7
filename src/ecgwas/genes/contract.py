"""What sources share: how services are asked, and which variants they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

import polars as pl

Value = TypeVar("Value")
Item = TypeVar("Item")
Build = Literal["hg19", "hg38"]

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


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

"""Study options and outcomes as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import polars as pl
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ecgwas.stages import null
from ecgwas.study import Study


def options_text() -> str:
    """Every option of study.yaml: place, default, unit, meaning."""
    return "\n".join(_lines(Study, ""))


def _lines(model: type[BaseModel], place: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _models(field.annotation)
        here = f"{place}{name}"
        yield f"{here:<34} {_default(field, bool(inner))}{_unit(field)}"
        yield f"    {' '.join((field.description or '').split())}"
        for choice in inner:
            if "kind" in choice.model_fields:
                yield f"  {here}, kind: {choice.model_fields['kind'].default}"
                yield f"    {' '.join((choice.__doc__ or '').split())}"
            yield from (f"  {line}" for line in _lines(choice, f"{here}."))


def _default(field: FieldInfo, is_section: bool) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True) if field.default is PydanticUndefined else field.default
    if is_section:
        return ""
    return f"default {value}"


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return f" {extra['unit']}" if isinstance(extra, dict) and "unit" in extra else ""


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def beside_null(study: Study, twin: Study) -> list[tuple[str, int, int]]:
    """Each count of a study with the same count of its null twin."""
    found = null.counts(study) or {}
    by_chance = null.counts(twin) or {}
    return [(name, number, by_chance[name]) for name, number in found.items() if name in by_chance]


def outcome(study: Study) -> list[str]:
    """What a finished run found, in a few lines; nothing before the stages have run."""
    folder = study.results
    if not (folder / "loci" / "loci.csv").exists():
        return []
    loci = pl.read_csv(folder / "loci" / "loci.csv", schema_overrides={"chrom": pl.String})
    hits = pl.read_csv(folder / "loci" / "hits.csv", schema_overrides={"chrom": pl.String})
    used = pl.read_csv(folder / "loci" / "thresholds.csv").filter(pl.col("used"))
    limit = f"-log10 p > {used['neglog10p'][0]:.2f} ({used['kind'][0]})" if used.height else ""
    lines = [f"{loci.height} loci, {hits.height} significant rows at {limit}"]
    for row in loci.head(10).iter_rows(named=True):
        place = f"{row['lead_variant']} at {row['chrom']}:{row['pos']}"
        lines.append(f"  locus {row['locus']}: {place}, {row['best_trait']}, -log10 p {row['neglog10p']:.1f}")
    if loci.height > 10:
        lines.append(f"  and {loci.height - 10} more")
    report = folder / "report" / "report.html"
    if report.exists():
        lines.append(f"report: {report}")
    return lines

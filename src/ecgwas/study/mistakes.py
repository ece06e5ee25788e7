"""Mistakes in a study file, in words: each once, with the line of its key, what is allowed, and what was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ecgwas.errors import StudyError
from ecgwas.study.yaml_words import yaml_value
from ecgwas.tables.user_table import NUMBER

NO_RECORDINGS = "no_recordings"
"""Type of the error of a study without section `read` whose representations need recordings."""

LONGEST_SHOWN = 60
"""Number of characters of a value that are shown."""

SYNONYMS = {
    "grch38": "hg38", "b38": "hg38", "38": "hg38", "grch37": "hg19", "b37": "hg19", "37": "hg19", "19": "hg19",
    "no": "none", "off": "none", "false": "none", "null": "none", "~": "none", "autoencoder": "residual_autoencoder",
    "plink": "plink2", "import": "imported", "high_pass": "highpass", "soft_threshold": "soft",
    "int": "rank_normal", "inverse_normal": "rank_normal", "rint": "rank_normal", "rank_based_inverse_normal": "rank_normal",
}  # fmt: skip
"""What people write -> the value's name here, wherever that value is allowed."""

PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and underscores, a letter first",
    r"^https?://[^/\s]+": "an address that begins with http:// or https://",
}


@dataclass(frozen=True)
class Place:
    """Where a mistake is: names as in the file (numbers for entries of a list), the type allowed, its line and its value."""

    names: tuple[str | int, ...]
    annotation: Any
    bounds: tuple[Any, ...]
    line: int
    node: yaml.Node | None

    def __str__(self) -> str:
        text = "".join(f"[{name + 1}]" if isinstance(name, int) else f".{name}" for name in self.names)
        return text.lstrip(".")

    def inside(self, name: str | int, annotation: Any, bounds: Sequence[Any] = ()) -> Place:
        """The place of an inner option or entry; if the file lacks it, its line is this place's."""
        key, value = _entry(self.node, name)
        line = self.line if key is None else key.start_mark.line + 1
        return Place((*self.names, name), annotation, tuple(bounds), line, value)


def study_error(items: Sequence[Any], model: type[BaseModel], path: Path, root: yaml.Node | None) -> StudyError:
    """All mistakes of a study file as one StudyError, one line each, in the order of the file.

    items: as returned by ValidationError.errors() and `booleans_for_numbers`; root: the file's YAML nodes.
    """
    start = Place((), model, (), 1, root)
    placed = [(place_of(item, start), item) for item in items]
    lines: dict[tuple[str | int, ...], tuple[int, str]] = {}
    meant = {(*place.names[:-1], _meant_key(item, model)) for place, item in placed if item["type"] == "extra_forbidden"}
    for place, item in placed:
        if item["type"] == "missing" and place.names in meant:
            continue
        has_inner_mistake = any(other.names[: len(place.names)] == place.names != other.names for other, _ in placed)
        if item["type"] == "too_short" and has_inner_mistake:
            continue
        if place.names not in lines or item["type"] == "value_error":
            lines[place.names] = (place.line, f"line {place.line}: {_mistake(place, item, model)}")
    texts = [text for _, text in sorted(lines.values())]
    problem = f"{len(texts)} mistake(s) in the study file:\n" + "\n".join(f"  {text}" for text in texts)
    return StudyError(problem, where=path, fix="correct the lines above; `ecgwas options` lists every key")


def place_of(item: Any, start: Place) -> Place:
    """The option that an error of pydantic refers to; names of a union's branches are skipped."""
    place = start
    if item["type"] == NO_RECORDINGS:
        return place.inside("read", None)
    for step in item["loc"]:
        inner = _step(place, step)
        if inner is None:
            break
        place = inner
    if item["type"] in ("extra_forbidden", "invalid_key", "missing") and place.names[-1:] != item["loc"][-1:]:
        return place.inside(str(item["loc"][-1]), None)
    if item["type"] == "union_tag_invalid":
        return place.inside("kind", place.annotation)
    return place


def booleans_for_numbers(annotation: Any, given: Any, location: tuple[str | int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Errors, in pydantic's form, for true or false where a number is expected: pydantic would read them as 1 and 0."""
    kinds = _alternatives(annotation)
    if isinstance(given, bool):
        if {int, float} & set(kinds) and bool not in kinds:
            yield {"type": "true_for_number", "loc": location, "input": given}
        return
    if isinstance(given, list):
        elements = [get_args(one)[0] for one in kinds if get_origin(one) is tuple]
        for number, entry in enumerate(given if elements else []):
            yield from booleans_for_numbers(elements[0], entry, (*location, number))
    if isinstance(given, dict):
        models = models_of(annotation)
        chosen = [one for one in models if kind_of(one) == given.get("kind")] or models
        for name, value in given.items():
            if chosen and name in chosen[0].model_fields:
                yield from booleans_for_numbers(chosen[0].model_fields[name].annotation, value, (*location, name))


def _step(place: Place, step: str | int) -> Place | None:
    """One step along an error's location; None if it is no entry of the file."""
    if isinstance(step, int):
        elements = [get_args(one)[0] for one in _alternatives(place.annotation) if get_origin(one) is tuple]
        return place.inside(step, elements[0]) if elements else None
    models = models_of(place.annotation)
    tagged = [one for one in models if kind_of(one) == step]
    if tagged and len(models) > 1:
        return Place(place.names, tagged[0], (), place.line, place.node)
    fields = [one.model_fields[step] for one in models if step in one.model_fields]
    if fields:
        return place.inside(step, fields[0].annotation, fields[0].metadata)
    mappings = [get_args(one)[1] for one in _alternatives(place.annotation) if get_origin(one) is dict]
    return place.inside(step, mappings[0]) if mappings else None


def _entry(node: yaml.Node | None, name: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """The nodes of a key and of its value (for a list, the entry twice); None if the file has none."""
    if isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
        return node.value[name], node.value[name]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(name):
                return key, value
    return None, None


def _mistake(place: Place, item: Any, model: type[BaseModel]) -> str:
    kind = item["type"]
    if kind in ("extra_forbidden", "invalid_key"):
        return f"{place}: unknown key{_suggested_key(item, model)}"
    if kind == NO_RECORDINGS and place.node is not None:
        return f"{place}: {_shown(place.node)} is not possible; it must be a section of options"
    if kind in ("missing", NO_RECORDINGS):
        return f"{place}: is required"
    if kind == "changed_number":
        read = f"YAML reads {item['input']} as {yaml_value(item['input'])}"
        return f"{place}: {read}; write decimal digits, or put a name in quotation marks"
    if kind.startswith("union_tag"):
        return _of_kind(place, item)
    if kind == "value_error":
        got = f" (got {_shown(place.node)})" if isinstance(place.node, yaml.ScalarNode) else ""
        return f"{place}: {item['ctx']['error']}{got}"
    sentence = f"{place}: {_shown(place.node)} is not possible; it must be {expected(place.annotation, place.bounds)}"
    return sentence + _suggested_value(place)


def _of_kind(place: Place, item: Any) -> str:
    kinds = [kind_of(one) for one in models_of(place.annotation)]
    known = f"the kinds are {', '.join(map(str, kinds))}"
    if item["type"] == "union_tag_not_found":
        return f"{place}: has no kind; {known}"
    return f"{place}: there is no kind {_shown(place.node)}{_near(_raw(place.node), [str(kind) for kind in kinds])}; {known}"


# What is allowed at a place


def expected(annotation: Any, bounds: Sequence[Any] = ()) -> str:
    """The values that an option allows, in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        inner_bounds = [bound for item in metadata for bound in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return expected(inner, inner_bounds)
    if origin in (Union, UnionType) and len(models_of(annotation)) < 2:
        return " or ".join(dict.fromkeys(expected(one, bounds) for one in get_args(annotation)))
    if origin is Literal:
        values = [str(value) for value in get_args(annotation)]
        return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    if origin is tuple:
        return (
            f"a list{_length(bounds)} (`[a, b]`, or lines that begin with `- `), each entry {expected(get_args(annotation)[0])}"
        )
    if origin is dict:
        return "a section of lines such as `name: text`"
    if models_of(annotation):
        several = len(models_of(annotation)) > 1
        return "a section with a `kind`" if several else "a section of options"
    return _plain_type(annotation, bounds)


def _plain_type(annotation: Any, bounds: Sequence[Any]) -> str:
    if annotation is str:
        pattern = next((bound.pattern for bound in bounds if getattr(bound, "pattern", None)), None)
        if pattern is not None:
            return f"text: {PATTERNS.get(pattern, f'what matches {pattern}')}"
        return f"text{_length(bounds)} (a number or date in quotation marks)"
    names = {bool: "true or false", Path: "a path", NoneType: "null", int: "a whole number", float: "a number"}
    return names[annotation] + (_range(bounds) if annotation in (int, float) else "")


def _range(bounds: Sequence[Any]) -> str:
    words = (("ge", "of at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
    limits = [f"{word} {getattr(bound, name):,}" for name, word in words for bound in bounds if hasattr(bound, name)]
    return f" {' and '.join(limits)}" if limits else ""


def _length(bounds: Sequence[Any]) -> str:
    minimum = max((bound.min_length for bound in bounds if hasattr(bound, "min_length")), default=0)
    maximum = min((bound.max_length for bound in bounds if hasattr(bound, "max_length")), default=None)
    return (" that is not empty" if minimum else "") + ("" if maximum is None else f" of at most {maximum} entries")


def _alternatives(annotation: Any) -> list[Any]:
    """The annotation's alternatives: members of a union, without Annotated."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [inner for one in get_args(annotation) for inner in _alternatives(one)]
    return [annotation]


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The sections allowed at a place, not counting those of a list's entries."""
    return [one for one in _alternatives(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]


def kind_of(model: type[BaseModel]) -> str | None:
    """A section's `kind`; None if it has none."""
    return str(model.model_fields["kind"].default) if "kind" in model.model_fields else None


# What the file has, and what was probably meant


def _raw(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _shown(node: yaml.Node | None) -> str:
    """The value as written in the file, shortened."""
    if isinstance(node, yaml.SequenceNode):
        return "a list" if node.value else "an empty list"
    if isinstance(node, yaml.MappingNode):
        return "a section"
    text = _raw(node)
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]}..."
    quoted = node is not None and getattr(node, "style", None) in ("'", '"')
    if not text and not quoted:
        return "nothing"
    return text if text.isprintable() and not quoted else ascii(text)


def _suggested_value(place: Place) -> str:
    choices = [str(value) for one in _alternatives(place.annotation) if get_origin(one) is Literal for value in get_args(one)]
    choices += ["true", "false"] if bool in _alternatives(place.annotation) else []
    raw = _raw(place.node).strip()
    if {int, float} & set(_alternatives(place.annotation)):
        if float not in _alternatives(place.annotation) and re.fullmatch(r"\d{1,3}(,\d{3})+", raw):
            return f"; did you mean {raw.replace(',', '')}?"
        if re.fullmatch(r"[+-]?\d*,\d+", raw):
            return f"; did you mean {raw.replace(',', '.')}?"
        if re.fullmatch(r"\d+(\.\d+)?\s*%", raw):
            return f"; did you mean {float(raw.rstrip('% ')) / 100:g}?"
        if re.fullmatch(NUMBER, raw) and float(raw).is_integer():
            return f"; did you mean {float(raw):.0f}?" if re.search("[eE]", raw) else ""
    return _near(raw, choices)


def _near(given: str, choices: Sequence[str]) -> str:
    """`; did you mean ...?`, or nothing."""
    meant = _meant(given, choices)
    return f"; did you mean '{meant}'?" if meant is not None else ""


def _meant(given: str, choices: Sequence[str]) -> str | None:
    """The choice that a word means or resembles."""
    lower = given.strip().lower()
    by_name = {choice.lower(): choice for choice in choices}
    plain = lower.replace("-", "_").replace(" ", "_")
    meant = by_name.get(SYNONYMS.get(lower, plain)) or by_name.get(plain)
    if meant is None:
        near = difflib.get_close_matches(plain, by_name, n=1)
        meant = by_name[near[0]] if near else None
    return meant


def _meant_key(item: Any, model: type[BaseModel]) -> str | None:
    """The option of the section that an unknown key resembles."""
    *before, name = item["loc"]
    place: Place | None = Place((), model, (), 1, None)
    for step in before:
        place = None if place is None else _step(place, step)
    here = sorted({key for one in models_of(place.annotation) for key in one.model_fields}) if place is not None else []
    return _meant(str(name), here)


def _suggested_key(item: Any, model: type[BaseModel]) -> str:
    meant = _meant_key(item, model)
    if meant is not None:
        return f"; did you mean '{meant}'?"
    homes = list(_homes(model, str(item["loc"][-1]), ""))
    return f"; it is an option of `{homes[0]}`" if homes else ""


def _homes(model: type[BaseModel], name: str, inside: str) -> Iterator[str]:
    """Sections with an option of that name."""
    for key, field in model.model_fields.items():
        if key == name and inside:
            yield inside
        elements = [get_args(one)[0] for one in _alternatives(field.annotation) if get_origin(one) is tuple]
        for annotation in (field.annotation, *elements):
            for inner in models_of(annotation):
                yield from _homes(inner, name, f"{inside}.{key}".lstrip("."))

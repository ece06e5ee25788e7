"""The source of each value of a study: a line of its file, its preset, or the option's default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from ecgwas.study.mistakes import Place
from ecgwas.study.presets import LISTS_MERGED, SHARED, is_replaced, preset_entry, replaces_service

ABSENT = object()
"""Marks an option for which the preset has no value."""


@dataclass(frozen=True)
class Setting:
    """One option as it will run.

    place      such as `read.baseline.kind` or `represent[1].epochs`
    line       line of the study file; None if the file does not set the option
    preset     the preset's value; ABSENT if it has none
    """

    place: str
    value: Any
    line: int | None
    preset: Any = ABSENT

    @property
    def source(self) -> str:
        """`line 7`, `preset` or `default`."""
        if self.line is not None:
            return f"line {self.line}"
        return "default" if self.preset is ABSENT else "preset"

    @property
    def contradicts(self) -> bool:
        """True if the file's value differs from the preset's."""
        return self.line is not None and self.preset is not ABSENT and _plain(self.value) != _plain(self.preset)


@dataclass(frozen=True)
class EntryMissing(Setting):
    """An entry of the preset's list that the file's list lacks."""


@dataclass(frozen=True)
class EntryAdded(Setting):
    """An entry of the file's list that the preset's list lacks."""


def settings(study: BaseModel, root: yaml.Node | None, preset: Mapping[str, Any]) -> Iterator[Setting]:
    """Every option of a study, in the order of its sections. root: the file's YAML nodes; preset: one of presets.py."""
    entries = getattr(study, "preset", None) in LISTS_MERGED
    yield from _section(study, Place((), type(study), (), 1, root), preset, entries=entries)


def contradictions(settings: tuple[Setting, ...], preset: str) -> list[str]:
    """Lines of a study file whose values differ from its preset's, in words, for presets that define a whole chain."""
    if preset not in LISTS_MERGED:
        return []
    return [words for setting in settings if (words := _contradiction(setting, preset)) is not None]


def _contradiction(setting: Setting, preset: str) -> str | None:
    line = f"line {setting.line}: {setting.place}"
    if isinstance(setting, EntryMissing):
        return f"{line}: {as_yaml(setting.preset)} of preset `{preset}` is not in this list and will not run"
    if isinstance(setting, EntryAdded):
        return f"{line}: {as_yaml(setting.value)} is not part of preset `{preset}`"
    if not setting.contradicts:
        return None
    return f"{line} is {as_yaml(setting.value)}; preset `{preset}` has {as_yaml(setting.preset)}"


def as_yaml(value: Any) -> str:
    """A value as one writes it in a study file."""
    plain = _plain(value)
    if plain is None or isinstance(plain, bool):
        return {None: "null", True: "true", False: "false"}[plain]
    if isinstance(plain, list):
        return f"[{', '.join(as_yaml(one) for one in plain)}]"
    return f"{plain:g}" if isinstance(plain, float) else str(plain)


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _section(section: BaseModel, place: Place, preset: Any, *, entries: bool) -> Iterator[Setting]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        preset_value = preset.get(name, ABSENT) if isinstance(preset, Mapping) else ABSENT
        yield from _option(value, place.inside(name, None), preset_value, entries=entries)


def _option(value: Any, place: Place, preset: Any, *, entries: bool) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        yield from _section(value, place, _of_kind(value, preset), entries=entries)
        return
    if isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        yield from _list(value, place, [] if preset is ABSENT else preset, entries=entries)
        return
    line = place.line if place.node is not None else None
    if value == () and isinstance(preset, list) and any(isinstance(one, dict) for one in preset):
        yield Setting(str(place), value, line)
        yield from _list(value, place, preset, entries=entries)
        return
    yield Setting(str(place), value, line, preset)


def _of_kind(value: BaseModel, preset: Any) -> Any:
    """The preset's section. If its kind differs: its kind, and the options that sections of all kinds share."""
    kind = getattr(value, "kind", None)
    if not isinstance(preset, Mapping) or kind is None or preset.get("kind", kind) == kind:
        return preset
    return {name: one for name, one in preset.items() if name in ("kind", *SHARED)}


def _list(value: tuple[Any, ...], place: Place, preset: list[dict[str, Any]], *, entries: bool) -> Iterator[Setting]:
    """Entries of a list: the preset's, or the file's, each compared with the preset's entry of the same name or kind."""
    if place.node is None:
        for number, entry in enumerate(value):
            yield from _section(entry, place.inside(number, None), preset[number] if preset else ABSENT, entries=entries)
        return
    if not all(hasattr(entry, "kind") for entry in value):
        # Entries without a kind, such as diseases, which no preset has.
        for number, entry in enumerate(value):
            yield from _section(entry, place.inside(number, None), ABSENT, entries=entries)
        return
    kinds = [entry.kind for entry in value]
    used = []
    for number, entry in enumerate(value):
        here = place.inside(number, None)
        base = preset_entry(preset, {"kind": entry.kind, **_named(entry)}) if entries else None
        second = base is not None and base in used
        if entries and preset and not replaces_service(entry.kind, kinds) and (second or "kind" not in (base or {})):
            yield EntryAdded(str(here), f"a second {entry.kind}" if second else entry.kind, here.line)
        yield from _section(entry, here, ABSENT if base is None else _without_name(base) if second else base, entries=entries)
        used.append(base)
    for base in preset if entries else []:
        if base not in used and not is_replaced(base["kind"], kinds):
            yield EntryMissing(str(place), None, place.line, base["kind"])


def _without_name(base: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in base.items() if name != "name"}


def _named(entry: BaseModel) -> dict[str, str]:
    return {"name": str(entry.name)} if hasattr(entry, "name") else {}

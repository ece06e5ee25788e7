"""The kinds that study.yaml knows, section by section, so that a test over all of them need not name any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from ecgwas.study import Options, Study


def registered(section: str) -> dict[str, type[Options]]:
    """Kind -> class of its options, in the order in which the section's union lists them."""
    found = {str(each.model_fields["kind"].default): each for each in _classes(Study.model_fields[section].annotation)}
    assert found, f"section {section} has no kinds"
    return found


def _classes(annotation: Any) -> Iterator[type[Options]]:
    if isinstance(annotation, type) and issubclass(annotation, Options):
        yield annotation
        return
    for inner in get_args(annotation):
        yield from _classes(inner)


def only_known(options: type[Options], given: dict[str, Any]) -> dict[str, Any]:
    """Those of the given options that the class has."""
    return {name: value for name, value in given.items() if name in options.model_fields}

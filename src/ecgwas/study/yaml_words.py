"""What YAML reads otherwise than it looks, and cures for what it cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ecgwas.tables.user_table import NUMBER

CURES = {
    "mapping values are not allowed": "put a value that holds a colon and a blank in quotation marks, and indent the lines of "
    "a section alike",
    "expected <block end>": "indent the lines of a section alike; put a value that begins with { or [, such as {chrom}/cohort, "
    "in quotation marks",
    "'\\t'": "indent with blanks, not with tabs",
    "another document": "take the line --- away: a study file is one document",
}
"""What YAML says -> the cure."""
PLAIN = "correct the line named above, or the one before it"

NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def cure(problem: str) -> str:
    """How to mend what YAML says is wrong."""
    return next((f"{words}; {PLAIN}" for said, words in CURES.items() if said in problem), PLAIN)


def changed_numbers(root: yaml.Node | None) -> Iterator[dict[str, Any]]:
    """Errors, in pydantic's form, of numbers that YAML reads otherwise than they look: 010 as 8, 1:30 as 90.

    root: node of the study file. A node that aliases repeat is looked at once: nine lines of them can stand for 10^9 values.
    """
    waiting: list[tuple[yaml.Node | None, tuple[str | int, ...]]] = [(root, ())]
    seen: set[int] = set()
    while waiting:
        node, location = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [(value, (*location, key.value)) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(entry, (*location, number)) for number, entry in enumerate(node.value)]
        elif isinstance(node, yaml.ScalarNode) and node.tag in NUMBERS and _is_changed(node.value):
            yield {"type": "changed_number", "loc": location, "input": node.value}


def _is_changed(text: str) -> bool:
    return ":" in text or (re.match(NUMBER, text) is not None and float(text) != as_read(text))


def as_read(text: str) -> object:
    """What YAML makes of a number."""
    return yaml.safe_load(text)

"""Values that YAML does not read as they look, and fixes for files that it cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ecgwas.tables.user_table import NUMBER

FIXES = {
    "mapping values are not allowed": "put a value that holds a colon and a blank in quotation marks, and indent the lines of "
    "a section alike",
    "expected <block end>": "indent the lines of a section alike; put a value that begins with { or [, such as {chrom}/cohort, "
    "in quotation marks",
    "'\\t'": "indent with blanks, not with tabs",
    "another document": "delete the line ---: a study file is one document",
}
"""Part of YAML's message -> the fix."""
DEFAULT_FIX = "correct the line named above, or the one before it"

NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def fix_for(problem: str) -> str:
    """How to fix the problem that YAML reports."""
    return next((f"{words}; {DEFAULT_FIX}" for message, words in FIXES.items() if message in problem), DEFAULT_FIX)


def misread_numbers(root: yaml.Node | None) -> Iterator[dict[str, Any]]:
    """Errors, in pydantic's form, for numbers that YAML does not read as they look: 010 as 8, 1:30 as 90.

    root: the study file's node. A node that aliases repeat is visited once: nine lines of aliases can expand to 10^9 values.
    """
    waiting: list[tuple[yaml.Node | None, tuple[str | int, ...]]] = [(root, ())]
    visited: set[int] = set()
    while waiting:
        node, location = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [(value, (*location, key.value)) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(entry, (*location, number)) for number, entry in enumerate(node.value)]
        elif isinstance(node, yaml.ScalarNode) and node.tag in NUMBERS and _is_misread(node.value):
            yield {"type": "changed_number", "loc": location, "input": node.value}


def _is_misread(text: str) -> bool:
    return ":" in text or (re.match(NUMBER, text) is not None and float(text) != yaml_value(text))


def yaml_value(text: str) -> object:
    """The value that YAML reads from a number's text."""
    return yaml.safe_load(text)

#!/usr/bin/env python3
"""Makes the table of docs/architecture.md from the imports of the source: `python docs/make_architecture.py`.

Prints the layers (FLOORS), each package's (room's) share of the lines, cycles of imports and imports upwards; ends with 1
if there is one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "ecgwas"
PAGE = ROOT / "docs" / "architecture.md"
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "leads", "native", "progress"),
    ("extras", "gene_symbols", "signals", "statistics", "store", "tables"),
    ("delineation", "ids", "mixed", "simulate", "study"),
    ("__init__", "ecg", "genotypes", "outcomes", "report", "represent"),
    ("exchange", "genes", "privacy", "scan", "traits"),
    ("loci", "scores"),
    ("stages",),
    ("api", "workflow"),
    ("serve",),
    ("commands",),
    ("__main__",),
)
"""From the ground up. A room imports from floors below it, and from itself."""
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
LARGEST_SHARE = 0.15
"""Of all lines, at most in one room."""
MARK = "<!-- made by docs/make_architecture.py; the text around it is written by hand -->"


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the package, `ecgwas.scan.matrix`, and its file."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imported(module: str) -> frozenset[str]:
    """Modules of the package that a module imports, but for those that only a type checker imports."""
    return frozenset(_imported(ast.parse(modules()[module].read_text(encoding="utf-8"))))


def _imported(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "ecgwas":
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield whole if whole in modules() else str(child.module)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names if alias.name in modules())
        yield from _imported(child)


def room_of(module: str) -> str:
    """The room of a module: the first part of its name below `ecgwas`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def rooms_below(room: str) -> list[str]:
    """Rooms that a room imports from, in the order of their names."""
    found = {room_of(other) for module in modules() if room_of(module) == room for other in imported(module)}
    return sorted(found - {room})


def upwards() -> list[str]:
    """Imports that do not go down to a lower floor, in words."""
    return [
        f"{module} imports {other}"
        for module in modules()
        for other in sorted(imported(module))
        if room_of(other) != room_of(module) and FLOOR[room_of(other)] >= FLOOR[room_of(module)]
    ]


def cycles() -> list[list[str]]:
    """Modules that import each other in a circle, and folders of one room that do."""
    files = {module: imported(module) for module in modules()}
    folders: dict[str, frozenset[str]] = {}
    for module, others in files.items():
        own = _folder(module)
        folders[own] = folders.get(own, frozenset()) | {_folder(other) for other in others} - {own}
    return [*_circles(files), *_circles(folders)]


def _folder(module: str) -> str:
    """`ecgwas.scan.engine` for what lies in that folder; a file at the top of its room stands for itself."""
    return ".".join(module.split(".")[:3])


def _circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Strongly connected parts of more than one node (Tarjan 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            part = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in number:
            visit(node)
    return found


def shares() -> dict[str, float]:
    """The part of all lines of Python that each room has."""
    lines: dict[str, int] = {}
    for module, path in modules().items():
        lines[room_of(module)] = lines.get(room_of(module), 0) + len(path.read_text(encoding="utf-8").splitlines())
    return {room: count / sum(lines.values()) for room, count in lines.items()}


def purpose(room: str) -> str:
    """What a room is for: the first sentence of its docstring."""
    path = SOURCE / room / "__init__.py"
    text = ast.get_docstring(ast.parse((path if path.exists() else SOURCE / f"{room}.py").read_text(encoding="utf-8"))) or ""
    return re.split(r"(?<! al)\. ", " ".join(text.split("\n\n")[0].split()))[0].rstrip(".")


def table(share: Mapping[str, float]) -> str:
    """The floors from the top down as a table in Markdown."""
    rows = ["| layer | package | lines | imports from | what it is for |", "|---|---|---|---|---|"]
    for floor in range(len(FLOORS) - 1, -1, -1):
        for room in FLOORS[floor]:
            below = ", ".join(f"`{other}`" for other in rooms_below(room)) or "nothing"
            rows.append(f"| {floor} | `{room}` | {share[room]:.1%} | {below} | {purpose(room)} |")
    return "\n".join(rows)


def page(before: str) -> str:
    """The page with its table as the imports are now; before: the page as it is."""
    head, _, rest = before.partition(MARK)
    _, _, tail = rest.partition(MARK)
    return f"{head}{MARK}\n\n{table(shares())}\n\n{MARK}{tail}"


def main(arguments: Sequence[str]) -> int:
    """Writes the page; 1 if the house does not hold."""
    if arguments:
        print(__doc__)
        return 2
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    share = shares()
    for floor, rooms in enumerate(FLOORS):
        print(f"floor {floor}: " + ", ".join(f"{room} {share[room]:.1%}" for room in rooms))
    largest = max(share, key=share.__getitem__)
    print(f"largest room: {largest} {share[largest]:.1%}; cycles: {len(cycles())}; imports upwards: {len(upwards())}")
    for line in (*upwards(), *(" <-> ".join(circle) for circle in cycles())):
        print(line)
    return 1 if upwards() or cycles() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

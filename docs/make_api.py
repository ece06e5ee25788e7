"""Writes docs/api.md from the docstrings of the Python interface: `python docs/make_api.py`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import ecgwas
from ecgwas.api import association, recordings, results

HEAD = """\
# Python interface

`import ecgwas` offers the results of a study as tables and plots, and the methods as functions of arrays. Tables are
[polars](https://docs.pola.rs) data frames, plots are matplotlib axes. The package is typed. `import ecgwas` loads no library;
each name loads what it needs when it is first used.

```python
import ecgwas

study = ecgwas.open("my_study/results")           # or the study file
study.loci                                        # a data frame
study.hits("clinical.12L.qt_ms")
study.plot_locus(1)
study.plot_ecg_by_genotype("rs12143842")
```

Two notebooks show it at work: [the demo study](notebooks/demo_study.ipynb), and [a scan of a table of
phenotypes](notebooks/phenotype_scan.ipynb) with the functions of arrays. [Tables](tables.md) describes every column.

A mistake raises a subclass of `ecgwas.EcgwasError` whose text says how to fix it. The function that tests variants is
`scan_variants`, because `ecgwas.scan` is the package with the engines."""

MODULES = (
    ("Results of a study", results, ("open", "Results")),
    ("One recording", recordings, ("read_recording", "delineate", "Delineation")),
    (
        "Association", association,
        ("scan_variants", "permutation_threshold", "find_loci", "VariantScan", "PermutationThreshold"),
    ),
)  # fmt: skip


def api_page() -> str:
    """Markdown: a section per module, an entry per public name."""
    lines = [HEAD]
    for title, module, names in MODULES:
        lines += ["", f"## {title}", "", _text(module)]
        for name in names:
            lines += _entry(f"ecgwas.{name}", getattr(ecgwas, name))
    return "\n".join(lines) + "\n"


def _entry(name: str, thing: object) -> Iterator[str]:
    yield from ("", f"### {name}", "")
    if inspect.isfunction(thing):
        yield from ("```python", *_signature(name, thing), "```", "", _text(thing))
        return
    yield _text(thing)
    members = {key: value for key, value in vars(thing).items() if not key.startswith("_") and inspect.getdoc(value)}
    for key, member in members.items() if thing is ecgwas.Results else ():
        function = member.fget if isinstance(member, property) else member
        shown = _signature(f".{key}", function)
        shown = [line.replace("()", "") for line in shown] if isinstance(member, property) else shown
        yield from ("", "```python", *shown, "```", "", _text(function))


def _signature(name: str, function: object) -> list[str]:
    """The call with its annotations, one line per argument if it is long."""
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name != "self"]
    arguments = [str(one) for one in parameters]
    first = next((i for i, one in enumerate(parameters) if one.kind is inspect.Parameter.KEYWORD_ONLY), None)
    if first is not None:
        arguments.insert(first, "*")
    result = str(signature.return_annotation)
    line = f"{name}({', '.join(arguments)}) -> {result}".replace("'", "")
    if len(line) <= 100:
        return [line]
    return [f"{name}(", *(f"    {argument.replace(chr(39), '')}," for argument in arguments), f") -> {result.strip(chr(39))}"]


def _text(thing: object) -> str:
    """A docstring as Markdown: aligned descriptions as a list, examples as code."""
    text = inspect.getdoc(thing) or ""
    return "\n\n".join(_block(block) for block in re.split(r"\n\s*\n", text))


def _block(block: str) -> str:
    if block.startswith(">>> "):
        return f"```python\n{block}\n```"
    if re.match(r"(?: {4})?\S+(?:, \S+)* {2,}\S", block):
        return _list(block)
    return block


def _list(block: str) -> str:
    """`name  meaning` with further lines indented below the meaning, as a list."""
    items: list[str] = []
    for line in block.splitlines():
        if described := re.match(r"(?: {4})?(\S+(?:, \S+)*) {2,}(\S.*)", line):
            pairs = re.split(r"; {1,2}(?=\w+ {2})", described[2])
            items.append(f"- `{described[1]}`: {pairs[0]}")
            items += ["- `{}`: {}".format(*pair.split("  ", 1)) for pair in pairs[1:]]
        else:
            items[-1] += f"\n  {line.strip()}"
    return "\n".join(items)


if __name__ == "__main__":
    (Path(__file__).parent / "api.md").write_text(api_page())

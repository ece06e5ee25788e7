"""One word per thing: the glossary is whole, its names exist, and pages, messages and the report keep to plain English."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCS = ROOT / "docs"
GENERATED = ("bad_input.md", "published.md", "study.md", "tables.md")
QUOTES_THE_WORDS = {"glossary.md"}
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(path for path in sorted(DOCS.rglob("*.md")) if path.name not in {*GENERATED, *QUOTES_THE_WORDS}),
]
REFUSED = {
    r"beside": "compared with, next to, conditional on",
    r"lea?ve?s? out|left out": "excluded",
    r"kept aside|put aside": "held out",
    r"at once": "together, immediately",
    r"recorders?": "ECG device",
    r"stands? in|stood in": "is used instead",
    r"stands? still": "no longer changes",
    r"told|tells of": "reported, known",
    r"mend(s|ed|ing)?": "fix, adjust for",
    r"shows? nobody": "no person was found",
    r"shuffl(e|es|ed|ing)": "permutation, permute",
    r"null twin": "null study",
    r"(lead|top) SNP|index SNP": "lead variant",
}
"""Expressions that readers stumble over or that are not the glossary's, and what to write."""

BLOCKS = re.compile(r"^```.*?^```|<!-- representations:\w+ -->.*?<!-- representations:end -->|`[^`]*`|^    .*?$", re.S | re.M)
OPTION = re.compile(r"(?:read|represent|traits|scan|loci|genes|report|share)\.[a-z]\w*")


def prose(path: Path) -> str:
    """A page without code, names in code style and tables that a command writes."""
    return BLOCKS.sub("", path.read_text())


def refused(text: str) -> dict[str, str]:
    """Refused expressions of a text, each with what to write."""
    return {
        match[0]: instead
        for words, instead in REFUSED.items()
        for match in re.finditer(rf"\b(?:{words})\b", text, re.IGNORECASE)
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_use_the_words_of_the_field(path: Path) -> None:
    assert not refused(prose(path)), path.name


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_use_the_words_of_the_field(name: str) -> None:
    """Indented lines too, which are the options' texts; names of options are not prose."""
    text = re.sub(r"`[^`]*`", "", (DOCS / name).read_text())
    assert not refused(OPTION.sub("", text))


SOURCES = [path for room in ("src", "benchmarks", "docs") for path in sorted((ROOT / room).rglob("*.py"))]


def written(source: str) -> str:
    """Comments and texts of more than one word of a Python source, without code in them: messages, notes, docstrings."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    kinds = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
    texts = (re.sub(r"`[^`]*`|\{[^{}]*\}", "", token.string) for token in tokens if token.type in kinds)
    return "\n".join(text for text in texts if " " in text.strip())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_and_comments_use_the_words_of_the_field(path: Path) -> None:
    assert not refused(written(path.read_text()))


@pytest.mark.parametrize("path", sorted((ROOT / "src/ecgwas/report/page").glob("page.*")), ids=lambda path: path.name)
def test_the_report_uses_the_words_of_the_field(path: Path) -> None:
    assert not refused(path.read_text())


def test_texts_and_comments_of_a_source_are_looked_at() -> None:
    source = '"""A recorder `told`."""\nx = f"{y} left out"  # two at once\nshuffle = "shuffle"\n'
    assert set(refused(written(source))) == {"recorder", "left out", "at once"}


def rows() -> list[list[str]]:
    """The glossary's rows: term, definition, name, words to avoid."""
    lines = [line for line in (DOCS / "glossary.md").read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "term"]


def test_the_glossary_defines_each_term_once() -> None:
    terms = [row[0] for row in rows()]
    assert len(terms) >= 80
    assert len(terms) == len(set(terms))
    for row in rows():
        assert len(row) == 4, row
        assert row[1].endswith("."), row


def test_options_and_tables_named_in_the_glossary_exist() -> None:
    options = (DOCS / "study.md").read_text()
    tables = "".join(path.read_text() for path in (*PAGES, DOCS / "tables.md"))
    for row in rows():
        for name in re.findall(r"`([^`]+)`", row[2]):
            if name.endswith((".csv", ".parquet")):
                assert name in tables, f"{row[0]}: no table {name}"
            elif OPTION.fullmatch(name):
                assert re.search(rf"\b{re.escape(name)}\b", options), f"{row[0]}: no option {name}"


def test_no_word_is_both_a_term_and_to_be_avoided() -> None:
    terms = {row[0] for row in rows()}
    avoided = {word.split(" (")[0].strip() for row in rows() for word in row[3].split(",") if "(" not in word}
    both = terms & (avoided - {""})
    assert not both


REFUSED_NAMES = {
    "along", "apart", "asked", "beside", "everybody", "few", "fine", "found", "gaps", "held", "least", "lost", "made", "many",
    "mend", "met", "mine", "most", "nobody", "ours", "reached", "said", "seen", "some", "strangers", "theirs", "there", "told",
    "wanted",
}  # fmt: skip
"""Names that say nothing of what a value is; its noun says more: `matches`, `nearest_gene`, `excluded_reasons`, `max_bytes`."""


def bound_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names of functions, classes, parameters and assigned variables, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_names_say_what_they_are(path: Path) -> None:
    refused = [
        f"{name}, line {line}"
        for name, line in bound_names(ast.parse(path.read_text()))
        if name.strip("_").lower() in REFUSED_NAMES
    ]
    assert not refused


def test_every_kind_of_name_is_looked_at() -> None:
    tree = ast.parse("def found(told: int) -> int:\n    _made = told + 1\n    return _made\n")
    assert [name for name, _ in bound_names(tree)] == ["found", "told", "_made"]

"""What every gene source promises. A source is tested here once the schema of study.yaml knows it.

Its options, and what its service answers, come from its own test file: `contract_options(folder, address)` and `speak`.
COMPANIONS there names kinds without which it has nothing to do.
"""

from __future__ import annotations

import ast
import inspect
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest

from ecgwas import genes
from ecgwas.errors import EcgwasError, ServiceError
from ecgwas.genes import GeneTables, capabilities
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get
from ecgwas.study import GeneSource, Service, TermLimits
from ecgwas.tables import Associations, Loci, Table
from tests.conftest import ROOT
from tests.genes.conftest import no_socket
from tests.genes.hits import PLACES, make_loci
from tests.genes.server import Reply, Server
from tests.kinds import registered

KINDS = registered("genes")
SERVICES = [kind for kind, options in KINDS.items() if issubclass(options, Service)]
NOWHERE = "http://127.0.0.1:9"
"""An address at which nothing listens."""


@dataclass(frozen=True)
class Case:
    """A source; sources: a table of genes, for sources that map nothing, what else it needs (COMPANIONS), and the source."""

    source: Any
    sources: Sequence[GeneSource]
    server: Server


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Case:
    kind = str(request.param)
    theirs = import_module(f"tests.genes.sources.test_{kind}")
    server.speak = getattr(theirs, "speak", lambda _: Reply(status=404))
    return made(kind, server.address, server, tmp_path)


def made(kind: str, address: str, server: Server, folder: Path) -> Case:
    theirs = import_module(f"tests.genes.sources.test_{kind}")
    before = [one for one in ("regions", *getattr(theirs, "COMPANIONS", ())) if one != kind]
    others = [import_module(f"tests.genes.sources.test_{one}").contract_options(folder, address) for one in before]
    source = theirs.contract_options(folder, address)
    assert isinstance(source, KINDS[kind])
    return Case(source, [*others, source], server)


def hits() -> Associations:
    rows = [
        {
            "trait": "made.12L.f01", "variant": name, "chrom": chrom, "pos": pos, "effect_allele": "A", "other_allele": "G",
            "eaf": 0.3, "n": 20, "beta": 1.0, "se": 0.1, "t": 10.0, "neglog10p": 9.0,
        }
        for name, (chrom, pos) in PLACES.items()
    ]  # fmt: skip
    return Associations.of(rows)


def getter(folder: Path, *, offline: bool = False) -> Get:
    return client.make_get(folder / "cache", offline=offline, sleep=lambda _: None)


def tables_of(found: GeneTables) -> dict[str, Table]:
    return {name: value for name, value in vars(found).items() if isinstance(value, Table)}


def ran(sources: Sequence[GeneSource], get: Get) -> GeneTables:
    found = genes.run(sources, make_loci(), hits(), get, build="hg19")
    for name, table in tables_of(found).items():
        assert table.frame.columns[: len(table.columns)] == list(table.columns), name
    return found


def nobody(*_: object) -> NoReturn:
    raise AssertionError("the net was asked")


@pytest.mark.parametrize("kind", KINDS)
def test_its_file_has_functions_that_take_what_they_are_passed(kind: str) -> None:
    passed = {
        "check": (0, "hg19"), "annotate": (0, 1, 2, 3), "gene_positions": (0,), "gene_models": (0, 1), "connect": (0, 1, 2),
        "enrich": (0, 1, 2, 3), "enrich_clusters": (0, 1, 2, 3, 4), "read_terms": (0,), "look_up": (0, 1, 2, 3, 4),
        "read_ancestry": (0,),
    }  # fmt: skip
    named = {"connect": {"seed": 1}, "gene_positions": {"every_type": True}}
    assert set(passed) == set(capabilities.NAMES)
    offered = {name: function for name, function in vars(capabilities.of_kind(kind)).items() if function is not None}
    assert offered.keys() - {"check"}, f"genes/sources/{kind}.py does nothing"
    for name, function in offered.items():
        inspect.signature(function).bind(*passed[name], **named.get(name, {}))
    if offered.keys() & {"enrich", "read_terms"}:
        assert issubclass(KINDS[kind], TermLimits)
    assert issubclass(KINDS[kind], Service) or "check" in offered


def test_no_other_file_knows_the_kinds() -> None:
    """What a source can do is looked up in capabilities.py, so that a new kind is one file and one class of options."""
    rooms = [ROOT / "src" / "ecgwas" / room for room in ("genes", "stages", "report", "workflow")]
    files = [path for room in rooms for path in room.rglob("*.py") if path.parent.name != "sources"]
    for path in files:
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert names.isdisjoint(options.__name__ for options in KINDS.values()), path


def test_checking_opens_files_and_asks_no_service(case: Case) -> None:
    facts = genes.check(case.sources, "hg19")
    assert len(facts) >= len(case.sources)
    assert case.server.asked == []


def test_it_changes_tables_and_asks_only_if_it_is_a_service(case: Case, tmp_path: Path) -> None:
    found = ran(case.sources, getter(tmp_path))
    assert bool(case.server.asked) == isinstance(case.source, Service)
    without = tables_of(ran(case.sources[:-1], nobody))
    assert any(not table.frame.equals(without[name].frame) for name, table in tables_of(found).items())


def test_answers_that_are_kept_serve_offline(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ran(case.sources, getter(tmp_path))
    case.server.asked = []
    monkeypatch.setattr(socket, "socket", no_socket)
    monkeypatch.setattr(socket, "create_connection", no_socket)
    again = ran(case.sources, getter(tmp_path, offline=True))
    assert case.server.asked == []
    assert again.notes == first.notes
    for name, table in tables_of(first).items():
        assert tables_of(again)[name].frame.equals(table.frame), name
    if isinstance(case.source, Service):
        with pytest.raises(ServiceError, match="offline"):
            ran(case.sources, client.make_get(tmp_path / "nothing", offline=True))


def test_without_hits_every_table_is_empty_and_no_service_is_queried(case: Case) -> None:
    found = genes.run(case.sources, Loci.empty(), Associations.empty(), nobody, build="hg19")
    for name, table in tables_of(found).items():
        # A network of no genes may be tested, and is said to have none.
        counted = table.frame.filter(pl.col("genes") > 0) if table.frame.schema.get("genes") == pl.Int64 else table.frame
        assert counted.equals(type(table).empty().frame), name


@pytest.mark.parametrize("case", SERVICES, indirect=True)
def test_a_service_that_cannot_be_reached_ends_the_run_or_is_skipped_with_a_warning(case: Case, tmp_path: Path) -> None:
    far = made(case.source.kind, NOWHERE, case.server, tmp_path)
    stops, skips = (far.source.model_copy(update={"if_unreachable": word}) for word in ("stop", "skip"))
    with pytest.raises(ServiceError):
        ran([*far.sources[:-1], stops], getter(tmp_path))
    found = ran([*far.sources[:-1], skips], getter(tmp_path))
    assert any(note.startswith(f"warning: {skips.kind} was skipped") for note in found.notes)
    table_alone = ran(far.sources[:-1], nobody)
    for name, table in tables_of(table_alone).items():
        assert tables_of(found)[name].frame.equals(table.frame), name


def test_files_that_are_not_there_are_refused_when_checked(case: Case, tmp_path: Path) -> None:
    given = case.source.model_dump(exclude_none=True)
    paths = {name: value for name, value in given.items() if isinstance(value, Path) or _all_paths(value)}
    for name, value in paths.items():
        absent = tmp_path / "absent"
        gone = case.source.model_copy(update={name: absent if isinstance(value, Path) else (absent,)})
        with pytest.raises(EcgwasError):
            genes.check([*case.sources[:-1], gone], "hg19")
    assert paths or isinstance(case.source, Service)


def _all_paths(value: object) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(isinstance(one, Path) for one in value)

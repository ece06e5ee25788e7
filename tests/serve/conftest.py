"""Two finished studies that are served: one keeps strong tests alone, the other every test."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ecgwas import stages
from ecgwas.study import Study
from tests.cohorts import make_cohort
from tests.report.conftest import browser as browser

pytest.importorskip("uvicorn")
testclient = pytest.importorskip("starlette.testclient")

from ecgwas.serve.app import make_app  # noqa: E402
from ecgwas.serve.server import AnnouncingServer, configured  # noqa: E402
from ecgwas.serve.study import Source, sources_of  # noqa: E402

TOKEN = "a-token-of-the-tests"
KEPT_FROM = 1.0


def finished(folder: Path, *, dense: bool) -> Study:
    path = make_cohort(folder, people=150, variants=120, permutations=0)
    text = path.read_text().replace("threshold: permutation", "threshold: 1.0e-3")
    text = re.sub(r"  - {kind: residual_autoencoder[^}]*}\n", "", text)
    more = f"  keep_neglog10p: {KEPT_FROM}\n" + ("  dense: true\n" if dense else "")
    path.write_text(text.replace("  permutations: 0\n", f"  permutations: 0\n{more}"))
    study = Study.read_file(path)
    stages.run(study, until="genes")
    return study


@pytest.fixture(scope="session")
def strong(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study that kept tests from KEPT_FROM on."""
    return finished(tmp_path_factory.mktemp("served") / "strong", dense=False)


@pytest.fixture(scope="session")
def every(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The same study with every test on disk."""
    return finished(tmp_path_factory.mktemp("served") / "every", dense=True)


@pytest.fixture(scope="session")
def sources(strong: Study, every: Study) -> dict[str, Source]:
    return sources_of([strong.folder / "study.yaml", every.folder / "study.yaml"])


def client_of(sources: dict[str, Source], *, private: bool = False) -> httpx.Client:
    """A client that has the token."""
    app = make_app(sources, token=TOKEN, private=private)
    client = testclient.TestClient(app, base_url="http://127.0.0.1:8000")
    assert client.get("/", params={"token": TOKEN}).status_code == 200
    return client


@pytest.fixture(scope="session")
def client(sources: dict[str, Source]) -> Iterator[httpx.Client]:
    with client_of(sources) as client:
        yield client


@pytest.fixture(scope="session")
def private_client(sources: dict[str, Source]) -> Iterator[httpx.Client]:
    with client_of(sources, private=True) as client:
        yield client


@pytest.fixture(scope="session")
def address(sources: dict[str, Source]) -> Iterator[str]:
    """The printed address of a running server."""
    ports: list[int] = []
    listens = threading.Event()

    def announce(port: int) -> None:
        ports.append(port)
        listens.set()

    server = AnnouncingServer(configured(sources, token=TOKEN, port=0, private=True), announce)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert listens.wait(20)
    yield f"http://127.0.0.1:{ports[0]}/?token={TOKEN}"
    server.should_exit = True
    thread.join(20)

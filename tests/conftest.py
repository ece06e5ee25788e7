"""Markers: a test whose need is absent is skipped and says what is missing; on CI nothing may be missing.

And what the tests of a session share: one thread for each process, and the cohorts that tests/cohorts.py makes once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.warm import warm

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ECGWAS_SHARED", ROOT.parent / "shared"))

NEEDS = {
    "real": (lambda: (SHARED / "data").is_dir(), f"no {SHARED}/data"),
    "plink2": (lambda: shutil.which("plink2") is not None, "the program plink2 is not installed"),
    "gemma": (lambda: shutil.which("gemma") is not None, "the program gemma is not installed"),
    "bolt": (lambda: shutil.which("bolt") is not None, "the program bolt (BOLT-LMM) is not installed"),
    "peers": (lambda: "ECGWAS_PEERS_PYTHON" in os.environ, "ECGWAS_PEERS_PYTHON names no interpreter with jamma and fastlmm"),
    "mcl": (lambda: shutil.which("mcl") is not None, "the program mcl is not installed"),
    "slurm": (lambda: shutil.which("slurmctld") is not None, "SLURM is not installed"),
    "browser": (lambda: shutil.which("chromium") is not None, "chromium is not installed"),
    "gpu": (lambda: Path("/dev/nvidia0").exists(), "no CUDA device"),
    "network": (lambda: os.environ.get("ECGWAS_NETWORK") == "1", "set ECGWAS_NETWORK=1 to use the internet"),
}
NEVER_ON_CI = ("plink2", "gemma", "mcl", "browser")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, (present, missing) in NEEDS.items():
        if item.get_closest_marker(name) is None or present():
            continue
        if name in NEVER_ON_CI and os.environ.get("CI"):
            pytest.fail(f"on CI nothing may be missing: {missing}")
        pytest.skip(missing)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with slow tests come first for each of two workers, who begin at the first test and at the middle one.

    Otherwise one of them would still be at a slow test long after the other has finished all others.
    """
    slow = dict.fromkeys(item.path for item in items if item.get_closest_marker("slow"))
    place = {path: number % 2 for number, path in enumerate(slow)}
    first, second = ([item for item in items if place.get(item.path) == half] for half in (0, 1))
    others = [item for item in items if item.path not in place]
    middle = max(0, len(items) // 2 - len(first))
    items[:] = [*first, *others[:middle], *second, *others[middle:]]


# Each worker has a core of its own. Libraries read this when they are imported, which is after this file; children inherit it.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(name, "1")


@pytest.fixture(scope="session", autouse=True)
def shared_cohorts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder that all workers of a session know, for the cohorts that several tests begin with."""
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "cohorts"
    folder.mkdir(exist_ok=True)
    os.environ["ECGWAS_TEST_COHORTS"] = str(folder)


@pytest.fixture(scope="session")
def commands() -> Iterator[Mapping[str, str]]:
    """The environment in which `python -m ecgwas` starts at once."""
    with warm(ROOT / "src") as environment:
        yield environment


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of other people's data; tests that use it are marked `real`."""
    return SHARED

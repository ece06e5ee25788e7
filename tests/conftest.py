"""Markers: a test whose need is absent is skipped and says what is missing; on CI nothing may be missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ECGWAS_SHARED", ROOT.parent / "shared"))

NEEDS = {
    "real": (lambda: (SHARED / "data").is_dir(), f"no {SHARED}/data"),
    "plink2": (lambda: shutil.which("plink2") is not None, "the program plink2 is not installed"),
    "gemma": (lambda: shutil.which("gemma") is not None, "the program gemma is not installed"),
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


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of other people's data; tests that use it are marked `real`."""
    return SHARED

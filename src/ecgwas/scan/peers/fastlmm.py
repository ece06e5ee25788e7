"""FaST-LMM (Lippert et al. 2011, Nat Methods 8:833), single_snp: F test with the ratio of variances estimated by REML without
the variant, as the scan's screen has it. It is a Python package, so that an interpreter which has it runs fastlmm_script.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ecgwas.scan.peers import programs
from ecgwas.scan.peers.contract import EXACT, Material, Peer, Tested

SCRIPT = Path(__file__).with_name("fastlmm_script.py")
"""Started with -I, so that neither this folder nor PYTHONPATH is searched for modules."""


def _find(python: Path | None) -> str | None:
    return None if python is None else shutil.which(str(python))


def _version(path: str) -> str:
    return programs.version(path, ["-I", str(SCRIPT), "--version"], marker="fastlmm")


def _run(path: str, material: Material, traits: Sequence[int]) -> Iterator[Tested]:
    assert material.relationship is not None
    folder = material.folder
    np.save(folder / "traits.npy", material.traits[:, list(traits)])
    np.save(folder / "covariates.npy", material.covariates)
    np.save(folder / "relationship.npy", material.relationship)
    seconds = programs.run([path, "-I", SCRIPT, material.stem.with_suffix(".bed"), folder], folder)
    for k in range(len(traits)):
        frame = programs.table(folder / f"fastlmm{k}.tsv", "fastlmm", {"variant": "variant", "chi2": "chi2", "p": "p"})
        yield Tested(programs.tests(frame, pl.col("chi2"), -pl.col("p").log10()), seconds / len(traits))


PEER = Peer(
    "fastlmm", "polygenic", "mixed model, F test, REML without the variant", "screen", EXACT, True,
    "pip install fastlmm six into an environment of its own, whose interpreter --python names", _find, _version, _run,
)  # fmt: skip

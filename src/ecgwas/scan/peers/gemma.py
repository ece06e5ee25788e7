"""GEMMA -lmm 1 (Zhou and Stephens 2012, Nat Genet 44:821) and JAMMA, which takes its files: Wald's test of one trait in a mixed
model, the ratio of variances estimated with the variant in the model. GEMMA is given one trait at a time; JAMMA has one
eigendecomposition for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ecgwas.scan.peers import material as files
from ecgwas.scan.peers import programs
from ecgwas.scan.peers.contract import EXACT, Material, Peer, Tested

TEST = "mixed model, Wald's test, REML with the variant"


def _gemma_version(path: str) -> str:
    return programs.version(path, ["-h"], marker="GEMMA")


def _jamma_version(path: str) -> str:
    return programs.version(path, ["--version"], marker="JAMMA")


def _arguments(material: Material, traits: Sequence[int]) -> list[object]:
    """The arguments that both take; the files are written."""
    folder = material.folder
    files.write_numbers(folder / "traits.txt", material.traits[:, list(traits)])
    with_ones = np.column_stack([np.ones(len(material.covariates)), material.covariates])
    files.write_numbers(folder / "covariates.txt", with_ones)
    if not material.relationship_text.exists():
        assert material.relationship is not None
        files.write_numbers(material.relationship_text, material.relationship)
    return [
        "-bfile", material.stem, "-k", material.relationship_text, "-c", "covariates.txt", "-p", "traits.txt",
        "-lmm", "1", "-miss", "1", "-maf", "0",
    ]  # fmt: skip


def _gemma(path: str, material: Material, traits: Sequence[int]) -> Iterator[Tested]:
    arguments = _arguments(material, traits)
    for k in range(len(traits)):
        seconds = programs.run(
            [path, *arguments, "-r2", "1", "-n", str(k + 1), "-outdir", material.folder, "-o", f"gemma{k}"], material.folder
        )
        yield Tested(_read(material.folder / f"gemma{k}.assoc.txt", "gemma"), seconds)


def _jamma(path: str, material: Material, traits: Sequence[int]) -> Iterator[Tested]:
    # Of traits in one run it tests those participants who have all of them.
    for number, group in enumerate(_alike(material, traits)):
        chosen = ",".join(str(k + 1) for k in range(len(group)))
        seconds = programs.run(
            [path, *_arguments(material, group), "-n", chosen, "-outdir", material.folder, "-o", f"jamma{number}",
             "--no-telemetry"], material.folder,
        )  # fmt: skip
        for k in range(len(group)):
            name = f"jamma{number}.assoc.txt" if len(group) == 1 else f"jamma{number}.pheno{k + 1}.assoc.txt"
            yield Tested(_read(material.folder / name, "jamma"), seconds / len(group))


def _alike(material: Material, traits: Sequence[int]) -> list[list[int]]:
    """The traits in their order, divided where the participants who have them change."""
    groups: list[list[int]] = []
    present = ~np.isnan(material.traits)
    for k in traits:
        if groups and np.array_equal(present[:, groups[-1][0]], present[:, k]):
            groups[-1].append(k)
        else:
            groups.append([k])
    return groups


def _read(path: Path, program: str) -> pl.DataFrame:
    frame = programs.table(path, program, {"rs": "variant", "beta": "beta", "se": "se", "p_wald": "p"})
    return programs.tests(frame, (pl.col("beta") / pl.col("se")) ** 2, -pl.col("p").log10())


GEMMA = Peer(
    "gemma", "polygenic", TEST, "rows", EXACT, True, "apt install gemma, or https://github.com/genetics-statistics/GEMMA",
    lambda python: programs.on_path("gemma"), _gemma_version, _gemma,
)  # fmt: skip
JAMMA = Peer(
    "jamma", "polygenic", TEST, "rows", EXACT, True,
    "pip install jamma into an environment of its own, whose interpreter --python names",
    lambda python: programs.on_path("jamma", python), _jamma_version, _jamma,
)  # fmt: skip

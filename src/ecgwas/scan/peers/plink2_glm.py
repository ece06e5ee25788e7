"""PLINK 2 --glm (Chang et al. 2015, GigaScience 4:7): least squares of all traits in one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from ecgwas.scan.peers import material as files
from ecgwas.scan.peers import programs
from ecgwas.scan.peers.contract import EXACT, Material, Peer, Tested
from ecgwas.scan.plink2_files import MISSING


def _version(path: str) -> str:
    return programs.version(path, ["--version"], marker="PLINK")


def _run(program: str, material: Material, traits: Sequence[int]) -> Iterator[Tested]:
    folder = material.folder
    names = files.write_named(folder / "traits.tsv", material.traits[:, list(traits)], "t", plink=True)
    covariates = []
    if material.covariates.shape[1]:
        files.write_named(folder / "covariates.tsv", material.covariates, "c", plink=True)
        covariates = ["--covar", "covariates.tsv", "--covar-variance-standardize"]
    seconds = programs.run(
        [program, "--bfile", material.stem, "--nonfounders", "--no-psam-pheno", "--input-missing-phenotype", MISSING,
         "--pheno", "traits.tsv", *covariates, "--glm", "hide-covar", "omit-ref", "log10",
         *([] if covariates else ["allow-no-covars"]), "--threads", "1", "--out", "glm"], folder,
    )  # fmt: skip
    for name in names:
        path = folder / f"glm.{name}.glm.linear"
        # Newer builds call the column by its sign.
        log10p = "NEG_LOG10_P" if path.is_file() and "NEG_LOG10_P" in path.read_text().split("\n", 1)[0] else "LOG10_P"
        frame = programs.table(path, "plink2", {"ID": "variant", "T_STAT": "t", log10p: "neglog10p"})
        yield Tested(programs.tests(frame, pl.col("t") ** 2, pl.col("neglog10p")), seconds / len(names))


PEER = Peer(
    "plink2", "least_squares", "least squares, t test", "rows", EXACT, False,
    "apt install plink2, or https://www.cog-genomics.org/plink/2.0", lambda python: programs.on_path("plink2"), _version, _run,
)  # fmt: skip

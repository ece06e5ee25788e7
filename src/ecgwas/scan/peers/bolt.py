"""BOLT-LMM (Loh et al. 2015, Nat Genet 47:284), infinitesimal model: its own relationship, leaving out the chromosome tested,
the ratio of variances without the variant, and one number per trait that calibrates every chi-square. It approximates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from ecgwas.scan.peers import material as files
from ecgwas.scan.peers import programs
from ecgwas.scan.peers.contract import Material, Peer, Tested


def _version(path: str) -> str:
    return programs.version(path, ["-h"], marker="BOLT-LMM")


def _run(path: str, material: Material, traits: Sequence[int]) -> Iterator[Tested]:
    assert material.background is not None
    folder, stems = material.folder, (material.stem, material.background)
    names = files.write_named(folder / "traits.tsv", material.traits[:, list(traits)], "t")
    adjusted = files.write_named(folder / "covariates.tsv", material.covariates, "c")
    covariates = ["--covarFile=covariates.tsv", *(f"--qCovarCol={name}" for name in adjusted)] if adjusted else []
    for name in names:
        seconds = programs.run(
            [path, f"--fam={stems[0]}.fam", *(f"--{kind}={stem}.{kind}" for kind in ("bed", "bim") for stem in stems),
             "--phenoFile=traits.tsv", f"--phenoCol={name}", *covariates, "--lmmInfOnly", "--LDscoresUseChip",
             "--LDscoresMatchBp", "--maxMissingPerSnp=1", "--maxMissingPerIndiv=1", "--numThreads=1",
             f"--statsFile=bolt.{name}.stats"], folder,
        )  # fmt: skip
        columns = {"SNP": "variant", "BETA": "beta", "SE": "se", "P_BOLT_LMM_INF": "p"}
        frame = programs.table(folder / f"bolt.{name}.stats", "bolt", columns)
        yield Tested(programs.tests(frame, (pl.col("beta") / pl.col("se")) ** 2, -pl.col("p").log10()), seconds)


PEER = Peer(
    "bolt", "polygenic", "mixed model, infinitesimal, own relationship, one calibration per trait", "rows", None, False,
    "apt install bolt-lmm, or https://alkesgroup.broadinstitute.org/BOLT-LMM", lambda python: programs.on_path("bolt"),
    _version, _run,
)  # fmt: skip

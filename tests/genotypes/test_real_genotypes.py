"""Real genotypes (1000 Genomes EUR, 489 people): the built-in engine and PLINK 2 say the same of every variant and trait."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bed_reader import open_bed, to_bed

from ecgwas.scan import matrix, plink2
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset
from tests.genotypes.fileset import NO_CALL, matrix_options, plink2_options
from tests.scan.test_matrix import agree, lost

pytestmark = [pytest.mark.real, pytest.mark.plink2]

CAUSAL, DOUBLE = 700, 40
"""The variant with a strong effect, and the one that is a covariate, too."""


def prepared(shared: Path, folder: Path, case: str) -> Path:
    """One real chromosome: as it is, with 1 % of calls missing, or as X with men who have one allele."""
    source = open_bed(shared / "data" / "genotypes" / "eur489.bed")
    here = np.flatnonzero(source.chromosome == "8")
    copies = source.read(np.s_[:, here], dtype="int8")
    sexes = np.where(np.arange(len(copies)) % 2 == 0, 1, 2)
    rng = np.random.default_rng(1)
    if case == "missing":
        copies[rng.random(copies.shape) < 0.01] = NO_CALL
    if case == "X":
        men = copies[sexes == 1]
        copies[sexes == 1] = np.where(men == 1, 2 * rng.integers(0, 2, men.shape), men)
        copies[rng.random(copies.shape) < 0.005] = NO_CALL
    copies[:, 11] = 2  # constant
    to_bed(folder / "real.bed", copies, properties={
        "fid": source.fid, "iid": source.iid, "sex": sexes, "sid": source.sid[here],
        "chromosome": ["X" if case == "X" else "8"] * len(here), "bp_position": source.bp_position[here],
        "allele_1": source.allele_1[here], "allele_2": source.allele_2[here],
    })  # fmt: skip
    return folder / "real"


def tables(stem: Path) -> tuple[Traits, Covariates]:
    """Five traits, one with T > 200 at a variant, two that some people lack; ten covariates, one of them a variant."""
    opened = fileset.opened(matrix_options(stem, chromosomes=("8", "X")))
    traits, more = fileset.tables(opened.eids, 5, 9, 3)
    carried = np.nan_to_num(opened.dosage_of(CAUSAL, traits.eids))
    traits.values[:, 0] += 100 * carried
    traits.values[:25, 3] = np.nan
    traits.values[::9, 4] = np.nan
    double = np.nan_to_num(opened.dosage_of(DOUBLE, traits.eids), nan=1.0)
    return traits, Covariates(more.eids, (*more.names, "double"), np.column_stack([more.values, double]))


@pytest.mark.parametrize("case", ["complete", "missing", "X"])
def test_plink2_says_the_same_of_real_genotypes(shared: Path, tmp_path: Path, case: str) -> None:
    """BETA, SE and T within 6e-6 (PLINK prints six digits), -log10 P within 1e-5, OBS_CT and ERRCODE equal."""
    stem = prepared(shared, tmp_path, case)
    traits, covariates = tables(stem)
    ours, theirs = (made(stem, chromosomes=("8", "X")) for made in (matrix_options, plink2_options))
    found = matrix.scan(ours, traits, covariates, fileset.opened(ours), seed=1)
    expected = plink2.scan(theirs, traits, covariates, fileset.opened(theirs), seed=1)
    agree(found, expected)
    assert lost(found) == lost(expected)
    reasons = {reason for _, _, reason in lost(found)}
    assert {"CONST_OMITTED_ALLELE", "CORR_TOO_HIGH"} <= reasons
    frame = found.associations.frame
    assert len(frame) > 5 * 3_000
    assert frame["t"].abs().max() > 200

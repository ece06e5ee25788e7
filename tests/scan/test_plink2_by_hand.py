"""Files of the engine `plink2` are those of a run of PLINK 2 by hand, byte by byte, where nothing can be computed, too."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgwas.scan import plink2
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset
from tests.genotypes.fileset import NO_CALL, plink2_options

SCALED = "--covar-variance-standardize"
PEOPLE, VARIANTS, TRAITS = 100, 120, 3
CENTRES = np.repeat([0, 1, 2, 3, 4, 5], [49, 30, 1, 2, 17, 1])
ALONE = (79, 99)
"""People of centres of their own."""

pytestmark = pytest.mark.plink2


def genotypes() -> NDArray[np.int8]:
    """(people, variants) copies; some variants are what the centres are, or have no call of a whole centre."""
    dosage = fileset.draw(PEOPLE, VARIANTS, 3, missing=0.02)
    dosage[:, 0] = CENTRES == 1  # one covariate
    dosage[:, 1] = np.isin(CENTRES, (1, 3))  # the sum of two
    dosage[:, 2] = np.where(CENTRES == 4, 2, CENTRES == 1)
    dosage[:, 3] = 1
    dosage[list(ALONE), 10:60] = NO_CALL
    dosage[ALONE[0], 60:80] = NO_CALL
    dosage[CENTRES == 3, 70:80] = NO_CALL
    dosage[:, 80:90] = np.where((CENTRES == 4)[:, None], dosage[:, 80:90], 0)
    return dosage


def covariates(*, born: bool, eids: Sequence[str]) -> Covariates:
    """Age or year of birth, sex, two components, and a dummy for each centre but the largest."""
    rng = np.random.default_rng(8)
    age, sex = rng.integers(40, 70, PEOPLE), rng.integers(0, 2, PEOPLE)
    columns = {"born" if born else "age": 2010 - age if born else age, "sex": sex}
    columns |= {f"pc{k}": rng.normal(0, 2, PEOPLE) for k in (1, 2)}
    columns |= {f"center={11000 + k}": k == CENTRES for k in range(1, 6)}
    return Covariates(tuple(eids), tuple(columns), np.column_stack(list(columns.values())).astype(np.float64))


def by_hand(folder: Path, stem: Path, traits: Traits, more: Covariates, *arguments: str) -> dict[str, bytes]:
    """Feature -> what PLINK writes from the tables as they are."""
    folder.mkdir()
    for name, names, values in (("t", [f"f{k}" for k in range(TRAITS)], traits.values), ("c", more.names, more.values)):
        lines = ["\t".join(["#FID", "IID", *names])]
        for eid, row in zip(traits.eids, values, strict=True):
            lines.append("\t".join(["f", eid, *("NA" if np.isnan(value) else repr(float(value)) for value in row)]))
        (folder / name).write_text("\n".join(lines) + "\n")
    columns = "cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err"
    command = [
        "plink2", "--bfile", str(stem), "--nonfounders", "--no-psam-pheno", "--input-missing-phenotype", "-99999",
        "--pheno", "t", "--covar", "c", *arguments, "--glm", "hide-covar", "omit-ref", "log10", columns, "--threads", "1",
        "--out", "hand",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {f"f{k}": (folder / f"hand.f{k}.glm.linear").read_bytes() for k in range(TRAITS)}


@pytest.mark.parametrize("born", [False, True], ids=["age", "year of birth, which PLINK wants standardised"])
def test_every_row_is_that_of_a_run_by_hand(tmp_path: Path, born: bool) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, genotypes())
    values = np.random.default_rng(9).normal(size=(PEOPLE, TRAITS))
    values[::9, 2] = np.nan
    traits = Traits(eids, tuple(f"ae.V1.f{k}" for k in range(TRAITS)), values)
    more = covariates(born=born, eids=eids)
    options = plink2_options(stem)
    plink2.scan(options, traits, more, fileset.opened(options), seed=1, folder=tmp_path / "ours")
    expected = by_hand(tmp_path / "hand", stem, traits, more, *([SCALED] if born else []))
    for name, content in expected.items():
        assert (tmp_path / "ours" / "ae.V1" / f"{name}.glm.linear").read_bytes() == content
    codes = Counter(line.split("\t")[-1] for line in expected["f1"].decode().splitlines()[1:])
    assert codes["VIF_INFINITE"] >= 10
    assert min(codes["CORR_TOO_HIGH"], codes["CONST_OMITTED_ALLELE"]) >= 1
    assert codes["."] > VARIANTS / 3


def test_what_plink_advises_is_not_done_without_need(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, genotypes())
    traits = Traits(eids, ("ae.V1.f0", "ae.V2.f0"), np.random.default_rng(9).normal(size=(PEOPLE, 2)))
    options = plink2_options(stem)
    for born in (False, True):
        folder = tmp_path / str(born)
        plink2.scan(options, traits, covariates(born=born, eids=eids), fileset.opened(options), seed=1, folder=folder)
        logs = [(folder / lead / "plink2.log").read_text() for lead in ("ae.V1", "ae.V2")]
        assert [SCALED in log for log in logs] == [born, born]


def test_a_covariate_alone_costs_no_variant(tmp_path: Path) -> None:
    """In its own units PLINK 2.00a3 gives CORR_TOO_HIGH to variants that have nothing to do with it."""
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(PEOPLE, VARIANTS, 3))
    traits = Traits(eids, ("ae.V1.f0", "ae.V1.f1", "ae.V1.f2"), np.random.default_rng(9).normal(size=(PEOPLE, TRAITS)))
    centre = (CENTRES == 2).astype(np.float64)
    age = np.random.default_rng(8).integers(40, 70, PEOPLE).astype(np.float64)
    options = plink2_options(stem)
    alone = Covariates(eids, ("age",), age[:, None])
    traits.values[CENTRES == 2, 1] = np.nan  # who have this trait have the same centre or none
    both = Covariates(eids, ("age", "center=11002"), np.column_stack([age, centre]))
    for more in (alone, both):
        result = plink2.scan(options, traits, more, fileset.opened(options), seed=1, folder=tmp_path / more.names[-1])
        assert (result.tests >= VARIANTS - 1).all()
        for name, content in by_hand(tmp_path / f"hand {more.names[-1]}", stem, traits, more, SCALED).items():
            assert (tmp_path / more.names[-1] / "ae.V1" / f"{name}.glm.linear").read_bytes() == content

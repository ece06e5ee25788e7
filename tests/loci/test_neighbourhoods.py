"""Regional associations against the scan of the whole chromosome and NumPy's correlations."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci import neighbourhoods
from ecgwas.scan import matrix
from ecgwas.study import Matrix
from ecgwas.tables import Covariates, Loci, Traits
from tests.genotypes import fileset

PEOPLE, VARIANTS = 200, 60
FIRST_POSITION = 3_000_000
LEAD = 30


@dataclass(frozen=True)
class Case:
    """dosage (PEOPLE, VARIANTS) in the order of the traits."""

    genotypes: Genotypes
    engine: Matrix
    traits: Traits
    covariates: Covariates
    dosage: NDArray[np.int8]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    dosage = fileset.draw(PEOPLE, VARIANTS, 4, missing=0.03)
    eids = fileset.write(tmp_path / "cohort", dosage)
    traits, covariates = fileset.tables(eids, 3, 2, 7)
    engine = fileset.matrix_options(tmp_path / "cohort", min_maf=0.05)
    return Case(fileset.opened(engine), engine, traits, covariates, dosage[[eids.index(eid) for eid in traits.eids]])


def locus(number: int, trait: str, *, start: int, stop: int) -> dict[str, object]:
    """A locus led by variant LEAD; start and stop count variants."""
    place = {"chrom": "1", "pos": FIRST_POSITION + LEAD, "effect_allele": "G", "other_allele": "A"}
    ends = {"start": FIRST_POSITION + start, "stop": FIRST_POSITION + stop}
    return {"locus": number, "lead_variant": f"v{LEAD}", "best_trait": trait, **place, **ends}


def associations(case: Case, *loci: dict[str, object]) -> pl.DataFrame:
    nobody = np.zeros(PEOPLE, dtype=np.int64)
    return neighbourhoods.neighbourhoods(
        pl.DataFrame(list(loci)), case.traits, case.covariates, lambda _: case.genotypes, engine=case.engine, ancestry=nobody
    ).frame


def test_tests_of_each_locus_are_those_of_the_scan(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhoods, "FLANK_BP", 5)
    names = case.traits.names
    table = associations(case, locus(1, names[2], start=28, stop=33), locus(2, names[0], start=30, stop=30))
    scan = matrix.scan(case.engine, case.traits, case.covariates, case.genotypes, seed=0).associations.frame
    for number, trait, first, last in ((1, names[2], 23, 38), (2, names[0], 25, 35)):
        mine = table.filter(pl.col("locus") == number)
        theirs = scan.filter(
            (pl.col("trait") == trait) & pl.col("pos").is_between(FIRST_POSITION + first, FIRST_POSITION + last)
        )
        assert mine["variant"].to_list() == theirs["variant"].to_list()
        for column in ("beta", "se", "neglog10p", "eaf", "n"):
            np.testing.assert_allclose(mine[column].to_numpy(), theirs[column].to_numpy(), rtol=1e-9)
        assert mine.select("start", "stop").unique().rows() == [(FIRST_POSITION + first, FIRST_POSITION + last)]


def test_r2_is_that_of_dosages_with_missing_calls_at_the_mean(case: Case) -> None:
    table = associations(case, locus(1, case.traits.names[0], start=LEAD, stop=LEAD))
    called = np.where(case.dosage == fileset.NO_CALL, np.nan, case.dosage.astype(float))
    mean_imputed = np.where(np.isnan(called), np.nanmean(called, axis=0), called)
    for variant, r2 in table.select("variant", "r2_with_lead").iter_rows():
        assert r2 == pytest.approx(np.corrcoef(mean_imputed[:, int(variant[1:])], mean_imputed[:, LEAD])[0, 1] ** 2, abs=1e-9)
    assert table.filter(pl.col("variant") == f"v{LEAD}")["r2_with_lead"].item() == pytest.approx(1.0)


def test_of_many_variants_the_nearest_are_tested(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhoods, "MAX_VARIANTS", 5)
    table = associations(case, locus(1, case.traits.names[0], start=10, stop=50))
    assert table.select("start", "stop").unique().rows() == [(FIRST_POSITION + LEAD - 2, FIRST_POSITION + LEAD + 2)]


def hits(case: Case, *strengths: tuple[str, int, float]) -> pl.DataFrame:
    """Significant rows: trait, variant, -log10 p."""
    rows = [{"trait": trait, "chrom": "1", "pos": FIRST_POSITION + variant, "neglog10p": height}
            for trait, variant, height in strengths]  # fmt: skip
    return pl.DataFrame(rows)


def test_traits_of_a_locus_are_its_best_then_the_best_of_each_representation(case: Case) -> None:
    here = {**locus(1, "pca.12L.f2", start=20, stop=40), "chrom": "1"}
    found = hits(case, ("pca.12L.f2", 30, 20.0), ("pca.12L.f1", 31, 19.0), ("ae.V1.f1", 25, 9.0), ("ae.V2.f1", 25, 12.0),
                 ("pca.12L.f1", 32, 18.0), ("clinical.12L.qt_ms", 33, 8.0), ("far.12L.f1", 41, 30.0))  # fmt: skip
    expected = ["pca.12L.f2", "ae.V2.f1", "clinical.12L.qt_ms", "pca.12L.f1", "ae.V1.f1"]
    assert neighbourhoods.traits_around(here, found) == expected
    many = hits(case, *((f"pca.12L.f{k}", 30, 10.0 + k) for k in range(20)))
    assert neighbourhoods.traits_around(here, many) == ["pca.12L.f2", *(f"pca.12L.f{k}" for k in (19, 18, 17, 16))]


def test_further_traits_are_tested_around_the_same_lead(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhoods, "FLANK_BP", 5)
    best, other = case.traits.names[2], case.traits.names[0]
    one = locus(1, best, start=28, stop=33)
    table = neighbourhoods.neighbourhoods(
        pl.DataFrame([one]), case.traits, case.covariates, lambda _: case.genotypes, engine=case.engine,
        ancestry=np.zeros(PEOPLE, dtype=np.int64), hits=hits(case, (best, 30, 9.0), (other, 31, 8.0)),
    ).frame  # fmt: skip
    assert table["trait"].unique(maintain_order=True).to_list() == [best, other]
    alone = associations(case, one)
    assert_frame_equal(table.filter(pl.col("trait") == best), alone, rel_tol=1e-9)
    scan = matrix.scan(case.engine, case.traits, case.covariates, case.genotypes, seed=0).associations.frame
    theirs = scan.filter(pl.col("trait") == other, pl.col("pos").is_between(FIRST_POSITION + 23, FIRST_POSITION + 38))
    own = table.filter(pl.col("trait") == other)
    np.testing.assert_allclose(own["neglog10p"].to_numpy(), theirs["neglog10p"].to_numpy(), rtol=1e-9)
    assert own["r2_with_lead"].to_list() == alone["r2_with_lead"].to_list()


def test_lead_variants_are_tested_against_every_trait(case: Case) -> None:
    names = case.traits.names
    loci = [
        locus(1, names[2], start=28, stop=33),
        locus(2, names[0], start=40, stop=40) | {"lead_variant": "v40", "pos": FIRST_POSITION + 40},
    ]
    table = neighbourhoods.lead_tests(
        pl.DataFrame(loci), case.traits, case.covariates, lambda _: case.genotypes, engine=case.engine,
        ancestry=np.zeros(PEOPLE, dtype=np.int64),
    ).frame  # fmt: skip
    assert table.select("locus", "trait").rows() == [(number, name) for number in (1, 2) for name in names]
    scan = matrix.scan(case.engine, case.traits, case.covariates, case.genotypes, seed=0).associations.frame
    both = table.join(scan, on=["trait", "variant"], suffix="_scan")
    assert both.height == 6
    for column in ("beta", "se", "neglog10p", "eaf", "n"):
        np.testing.assert_allclose(both[column].to_numpy(), both[f"{column}_scan"].to_numpy(), rtol=1e-9)


def test_without_loci_the_table_is_empty(case: Case) -> None:
    none = Loci.empty().frame
    nobody = np.zeros(PEOPLE, dtype=np.int64)
    given = (none, case.traits, case.covariates, lambda _: case.genotypes)
    assert len(neighbourhoods.neighbourhoods(*given, engine=case.engine, ancestry=nobody)) == 0
    assert len(neighbourhoods.lead_tests(*given, engine=case.engine, ancestry=nobody)) == 0


def test_loci_of_an_earlier_version_are_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "loci.csv"
    Loci.empty().frame.with_columns(neglog10p_beside=pl.lit(7.5)).write_csv(path)
    with caplog.at_level(logging.WARNING):
        assert "neglog10p_conditional" in Loci.read(path).frame.columns
    assert "neglog10p_beside is now called neglog10p_conditional" in caplog.text
    caplog.clear()
    Loci.empty().frame.with_columns(neglog10p_conditional=pl.lit(7.5)).write_csv(path)
    assert "neglog10p_conditional" in Loci.read(path).frame.columns
    assert not caplog.text

"""Effects within groups against statsmodels and PLINK 2 on the same people."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from ecgwas.exchange import meta
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci import group_effects
from ecgwas.loci.group_effects import ANCESTRY, SEX, Grouping
from ecgwas.scan import matrix
from ecgwas.study import Matrix
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.loci import GroupEffects, LeadTests
from tests.genotypes import fileset

PEOPLE, VARIANTS, TRAITS = 240, 12, 3
SEXES = [1 + i % 2 for i in range(PEOPLE)]
GROUPS = np.random.default_rng(0).permutation(np.repeat([1, 2, 3], [120, 90, 30]))


class Study:
    """Traits, covariates and genotypes of one chromosome, people in another order than the .fam."""

    def __init__(self, folder: Path, chrom: str = "1", **options: object) -> None:
        dosage = fileset.draw(PEOPLE, VARIANTS, 5, missing=0.05)
        one_allele = np.array(SEXES) == 1 if chrom == "X" else np.full(PEOPLE, chrom in ("Y", "MT"))
        dosage[(dosage == 1) & one_allele[:, None]] = 2
        self.stem = folder / "cohort"
        eids = fileset.write(self.stem, dosage, chrom=chrom, sexes=SEXES)
        self.traits, self.covariates = fileset.tables(eids, TRAITS, 2, 5)
        self.traits.values[::9, 1] = np.nan
        self.options: Matrix = fileset.matrix_options(self.stem, chromosomes=(chrom,), **options)
        self.genotypes: Genotypes = fileset.opened(self.options)
        self.sexes = self.genotypes.sexes[self.genotypes.sample_index(self.traits.eids)]

    def rows(self) -> pl.DataFrame:
        """Every variant against every trait, in any order."""
        g = self.genotypes
        variants = [
            {"variant": str(g.variants[j]), "chrom": g.chrom, "pos": int(g.positions[j]),
             "effect_allele": str(g.effect_alleles[j]), "other_allele": str(g.other_alleles[j])} for j in range(len(g))
        ]  # fmt: skip
        rows = pl.DataFrame([row | {"trait": name} for row in variants for name in self.traits.names])
        return rows.sample(fraction=1.0, shuffle=True, seed=1)

    def fits(self, grouping: Grouping, rows: pl.DataFrame | None = None) -> group_effects.GroupFits:
        return group_effects.fits(
            self.options, self.traits, self.covariates, lambda _: self.genotypes,
            self.rows() if rows is None else rows, lambda _: grouping,
        )  # fmt: skip

    def ols(self, row: dict[str, str], members: NDArray[np.bool_]) -> tuple[float, float, float, int]:
        """Effect, standard error, p and participants by statsmodels."""
        copies = self.genotypes.dosage_of(list(self.genotypes.variants).index(row["variant"]), self.traits.eids)
        values = self.traits.values[:, self.traits.names.index(row["trait"])]
        used = members & np.isfinite(copies) & np.isfinite(values)
        design = np.column_stack([np.ones(used.sum()), self.covariates.values[used], copies[used]])
        model = sm.OLS(values[used], design).fit()
        return model.params[-1], model.bse[-1], model.pvalues[-1], int(used.sum())


@pytest.mark.parametrize("chrom", ["1", "X"])
def test_each_group_is_statsmodels_ols_of_its_people(tmp_path: Path, chrom: str) -> None:
    study = Study(tmp_path, chrom)
    groups = GROUPS[study.genotypes.sample_index(study.traits.eids)]
    for grouping in (group_effects.by_ancestry(np.minimum(groups, 2)), group_effects.by_sex(study.sexes)):
        if chrom == "X" and grouping.by == ANCESTRY:
            continue  # the scan adds sex; below
        found, checked = study.fits(grouping), 0
        for i, row in enumerate(study.rows().iter_rows(named=True)):
            for g, (_, members) in enumerate(grouping.members.items()):
                if np.isnan(found.beta[i, g]):
                    continue
                beta, se, p, n = study.ols(row, members)
                assert (found.beta[i, g], found.se[i, g]) == pytest.approx((beta, se), rel=1e-7)
                assert found.neglog10p[i, g] == pytest.approx(-np.log10(p), rel=1e-6)
                assert found.n[i, g] == n
                checked += 1
        assert checked > 50
        both = np.isfinite(found.beta).all(axis=1)
        difference = (found.beta[both, 0] - found.beta[both, 1]) / np.sqrt(np.square(found.se[both]).sum(axis=1))
        np.testing.assert_allclose(found.combined.q_p[both], 2 * stats.norm.sf(np.abs(difference)), rtol=1e-9)
        assert np.isnan(found.combined.q_p[~both]).all()


@pytest.mark.plink2
@pytest.mark.parametrize("chrom", ["1", "X"])
def test_men_and_women_are_those_of_plink2(tmp_path: Path, chrom: str) -> None:
    """--keep-males and --keep-females on the same files."""
    study = Study(tmp_path, chrom)
    found, rows = study.fits(group_effects.by_sex(study.sexes)), study.rows()
    ids = pl.DataFrame({"#FID": ["f"] * PEOPLE, "IID": study.traits.eids})
    names = [f"t{k}" for k in range(TRAITS)]
    ids.hstack(pl.DataFrame(study.traits.values, schema=names).fill_nan(None)).write_csv(
        tmp_path / "traits.tsv", separator="\t", null_value="NA"
    )
    ids.hstack(pl.DataFrame(study.covariates.values, schema=["c0", "c1"])).write_csv(tmp_path / "more.tsv", separator="\t")
    for g, who in enumerate(("males", "females")):
        command = [
            "plink2", "--bfile", str(study.stem), "--pheno", "traits.tsv", "--covar", "more.tsv", "--glm", "hide-covar",
            "omit-ref", "cols=+a1freq,+beta", f"--keep-{who}", "--covar-variance-standardize", "--out", who, "--threads", "1",
        ]  # fmt: skip
        subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
        for k, name in enumerate(names):
            table = pl.read_csv(tmp_path / f"{who}.{name}.glm.linear", separator="\t", null_values="NA")
            theirs = {row["ID"]: row for row in table.iter_rows(named=True)}
            for i, row in enumerate(rows.iter_rows(named=True)):
                if row["trait"] != study.traits.names[k] or np.isnan(found.beta[i, g]):
                    continue
                other = theirs[row["variant"]]
                sign = 1 if other["A1"] == row["effect_allele"] else -1
                assert found.beta[i, g] == pytest.approx(sign * other["BETA"], rel=1e-4)
                assert found.se[i, g] == pytest.approx(other["SE"], rel=1e-4)
                assert found.n[i, g] == other["OBS_CT"]


def test_on_x_ancestry_groups_have_sex_as_a_covariate(tmp_path: Path) -> None:
    study = Study(tmp_path, "X")
    groups = np.minimum(GROUPS[study.genotypes.sample_index(study.traits.eids)], 2)
    found = study.fits(group_effects.by_ancestry(groups))
    with_sex = Covariates(study.traits.eids, ("c0", "c1", "sex"), np.column_stack([study.covariates.values, study.sexes]))
    study.covariates = with_sex
    for i, row in list(enumerate(study.rows().iter_rows(named=True)))[::5]:
        for g in (0, 1):
            if np.isfinite(found.beta[i, g]):
                assert (found.beta[i, g], found.se[i, g]) == pytest.approx(study.ols(row, groups == g + 1)[:2], rel=1e-7)


def test_small_groups_rare_alleles_and_constant_traits_have_no_effect(tmp_path: Path) -> None:
    study = Study(tmp_path, min_mac=60)
    groups = GROUPS[study.genotypes.sample_index(study.traits.eids)]
    study.traits.values[groups == 2, 0] = 7.0
    found, rows = study.fits(group_effects.by_ancestry(groups)), study.rows()
    assert found.names == ("1", "2", "3")
    assert np.isnan(found.n[:, 2]).all()
    assert np.isnan(found.beta[:, 2]).all()
    constant = (rows["trait"] == study.traits.names[0]).to_numpy()
    assert np.isnan(found.beta[constant, 1]).all()
    assert np.isfinite(found.beta[~constant, 1]).any()
    alleles = 2 * found.n * np.minimum(found.eaf, 1 - found.eaf)
    fitted = np.isfinite(found.beta[:, 0])
    assert (alleles[fitted, 0] >= 60).all()
    assert (alleles[~fitted, 0] < 60).all()
    assert 0 < fitted.sum() < len(fitted)


@pytest.mark.parametrize("chrom", ["Y", "MT"])
def test_alleles_of_which_everybody_has_one(tmp_path: Path, chrom: str) -> None:
    """Effects per allele; on Y only men are tested."""
    study = Study(tmp_path, chrom)
    found = study.fits(group_effects.by_sex(study.sexes))
    for i, row in enumerate(study.rows().iter_rows(named=True)):
        if np.isfinite(found.beta[i, 0]):
            beta, se, *_ = study.ols(row, study.sexes == 1)
            assert (found.beta[i, 0], found.se[i, 0]) == pytest.approx((2 * beta, 2 * se), rel=1e-7)
    assert np.isfinite(found.beta[:, 0]).any()
    assert np.isfinite(found.beta[:, 1]).any() == (chrom == "MT")
    assert np.isnan(found.combined.q).all() == (chrom == "Y")


def test_one_ancestry_has_no_rows(tmp_path: Path) -> None:
    study = Study(tmp_path)
    found = study.fits(group_effects.by_ancestry(np.ones(PEOPLE, dtype=np.int64)))
    assert found.names == ()
    assert found.beta.shape == (VARIANTS * TRAITS, 0)
    assert np.isnan(found.combined.q_p).all()
    assert study.fits(group_effects.by_sex(study.sexes), study.rows().clear()).beta.shape[0] == 0


def test_a_locus_has_its_groups_their_mean_and_the_test_of_everybody(tmp_path: Path) -> None:
    study = Study(tmp_path)
    groups = np.minimum(GROUPS[study.genotypes.sample_index(study.traits.eids)], 2)
    common = np.isfinite(study.fits(group_effects.by_ancestry(groups)).beta).all(axis=1)
    variant = study.rows().row(int(np.flatnonzero(common)[0]), named=True)
    locus = {"locus": 4, "best_trait": variant["trait"], "lead_variant": variant["variant"], "start": 1, "stop": 9}
    loci = pl.DataFrame([locus | {name: variant[name] for name in ("chrom", "pos", "effect_allele", "other_allele")}])
    joint = {"locus": 4, **variant, "eaf": 0.4, "n": 239, "beta": 0.2, "se": 0.1, "t": 2.0, "neglog10p": 1.3}
    fitted = [(SEX, study.fits(group_effects.by_sex(study.sexes), group_effects.leads_of(loci))),
              (ANCESTRY, study.fits(group_effects.by_ancestry(groups), group_effects.leads_of(loci)))]  # fmt: skip
    table = group_effects.of_loci(loci, LeadTests.of([joint]).frame, fitted).frame
    assert table["group"].to_list() == ["men", "women", "combined", "all", "1", "2", "combined", "all"]
    assert table["locus"].to_list() == [4] * 8
    assert table["variant"].to_list() == [variant["variant"]] * 8
    for by in (SEX, ANCESTRY):
        own = table.filter(by=by)
        combined = own.filter(group="combined").row(0, named=True)
        assert combined["n"] == own["n"][:2].sum()
        weights = own["se"][:2].to_numpy() ** -2
        assert combined["beta"] == pytest.approx((weights * own["beta"][:2].to_numpy()).sum() / weights.sum())
        assert own.filter(group="all")["beta"].item() == 0.2
        assert own["q_p"].null_count() == 3
    nobody = [(ANCESTRY, study.fits(group_effects.by_ancestry(np.ones(PEOPLE, dtype=np.int64)), group_effects.leads_of(loci)))]
    assert len(group_effects.of_loci(loci, LeadTests.of([joint]).frame, nobody)) == 0
    assert isinstance(group_effects.of_loci(loci.clear(), LeadTests.empty().frame, nobody), GroupEffects)


def test_scans_of_men_and_of_women_combined_give_the_same_difference(tmp_path: Path) -> None:
    """As docs/scan.md advises: one scan of each sex, and `ecgwas meta` for Cochran's Q of every variant."""
    study = Study(tmp_path, "X")
    frames = []
    for name, members in group_effects.by_sex(study.sexes).members.items():
        people = np.flatnonzero(members)
        eids = tuple(study.traits.eids[i] for i in people)
        own = Traits(eids, study.traits.names, study.traits.values[people])
        more = Covariates(eids, study.covariates.names, study.covariates.values[people])
        frames.append((name, matrix.scan(study.options, own, more, study.genotypes, seed=1).associations.frame))
    combined = meta.combine(frames).associations.frame
    rows = study.rows()
    fits = study.fits(group_effects.by_sex(study.sexes), rows)
    ours = rows.with_columns(ours=pl.Series(fits.combined.q_p), beta_ours=pl.Series(fits.combined.beta)).fill_nan(None)
    joined = ours.drop_nulls("ours").join(combined, on=["trait", "variant"])
    assert joined.height > 9  # men and women differ in frequency at other variants, which are not combined
    np.testing.assert_allclose(joined["q_p"], joined["ours"], rtol=1e-6)
    np.testing.assert_allclose(joined["beta"], joined["beta_ours"], rtol=1e-6)

"""Follow-up of hits and loci, compared with statsmodels, direct formulas and planted causal variants."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import integrate, stats

from ecgwas.loci import (
    clumps,
    conditional,
    credible_sets,
    fine_mapping,
    individual_data,
    merge,
    models,
    signal_neighbourhoods,
    winners_curse,
)
from ecgwas.loci.audit import Auditor, hc3, z_of
from ecgwas.loci.individual_data import Chromosome, VariantsTested, r2_with
from ecgwas.loci.positive_controls import region_strengths
from ecgwas.progress import peak_memory_mib, reset_peak_memory
from ecgwas.scan import matrix
from ecgwas.statistics.projection import row_residuals
from ecgwas.study import LociOptions
from ecgwas.tables import Covariates, LeftOutVariants, Traits
from ecgwas.tables.loci import Clumps
from tests.genotypes import fileset

PEOPLE, VARIANTS = 300, 60
CAUSE, SECOND = 20, 45


def linked(seed: int, *, missing: float = 0.0) -> NDArray[np.int8]:
    """(PEOPLE, VARIANTS) copies; neighbouring variants are correlated, distant ones hardly."""
    rng = np.random.default_rng(seed)
    haplotypes = np.empty((2 * PEOPLE, VARIANTS))
    haplotypes[:, 0] = rng.normal(size=2 * PEOPLE)
    for j in range(1, VARIANTS):
        haplotypes[:, j] = 0.9 * haplotypes[:, j - 1] + np.sqrt(1 - 0.81) * rng.normal(size=2 * PEOPLE)
    copies = (haplotypes > 0.4).astype(np.int8)
    dosage = copies[:PEOPLE] + copies[PEOPLE:]
    dosage[rng.random(dosage.shape) < missing] = fileset.NO_CALL
    return dosage


@pytest.fixture
def chromosome(tmp_path: Path) -> Chromosome:
    return made(tmp_path, linked(1, missing=0.01))


def made(folder: Path, dosage: NDArray[np.int8], *, effect: float = 1.0, second: float = 0.7) -> Chromosome:
    eids = fileset.write(folder / "cohort", dosage)
    traits, covariates = fileset.tables(eids, 2, 3, 5)
    place = {eid: i for i, eid in enumerate(eids)}
    order = [place[eid] for eid in traits.eids]
    known_copies = np.maximum(dosage, 0)[order]
    values = traits.values.copy()
    values[:, 0] += effect * known_copies[:, CAUSE] + second * known_copies[:, SECOND]
    planted = Traits(traits.eids, traits.names, values)
    options = fileset.matrix_options(folder / "cohort")
    return Chromosome.of(fileset.opened(options), planted, covariates)


def ordinary(
    chromosome: Chromosome, trait: int, variants: list[int]
) -> tuple[sm.regression.linear_model.RegressionResults, int]:
    """The regression by statsmodels on covariates and variants, and the index of the last variant in it."""
    copies = chromosome.region(np.array(variants)).copies
    seen = np.isfinite(copies).all(axis=0)
    design = np.column_stack([np.ones(seen.sum()), chromosome.cohort.covariates[seen], copies[:, seen].T])
    return sm.OLS(chromosome.cohort.values[seen, trait], design).fit(), design.shape[1] - 1


NOBODY = VariantsTested.from_frame(LeftOutVariants.empty().frame)
"""No variant was excluded."""


def test_one_regression_is_that_of_statsmodels(chromosome: Chromosome) -> None:
    region = chromosome.region(np.array([CAUSE]))
    fit = chromosome.model(chromosome.names[0]).fit(region.copies[0])
    theirs, last = ordinary(chromosome, 0, [CAUSE])
    assert fit.beta == pytest.approx(theirs.params[last])
    assert fit.se == pytest.approx(theirs.bse[last])
    assert fit.neglog10p == pytest.approx(-np.log10(theirs.pvalues[last]))


def test_conditional_steps_are_those_of_statsmodels(chromosome: Chromosome) -> None:
    region = chromosome.region_around(0, 10**9, NOBODY)
    rows = conditional.stepwise(chromosome.model(chromosome.names[0]), region, CAUSE, limit=4.0, max_signals=5)
    assert [row["significant"] for row in rows] == [True, True, False]
    found = [int(row["variant"][1:]) for row in rows]
    assert abs(found[1] - SECOND) <= 2
    theirs, last = ordinary(chromosome, 0, found[:2])
    assert rows[1]["beta"] == pytest.approx(theirs.params[last])
    assert rows[1]["se"] == pytest.approx(theirs.bse[last])
    assert rows[1]["neglog10p"] == pytest.approx(-np.log10(theirs.pvalues[last]))
    assert rows[0]["neglog10p_joint"] == pytest.approx(-np.log10(theirs.pvalues[last - 1]))
    assert rows[2]["neglog10p_joint"] is None
    # No other variant is stronger conditional on the lead.
    others = [j for j in range(VARIANTS) if j != CAUSE]
    best = max(others, key=lambda j: -np.log10(ordinary(chromosome, 0, [CAUSE, j])[0].pvalues[-1]))
    assert abs(best - found[1]) <= 1


def test_neighbourhoods_of_signals_are_those_of_statsmodels(tmp_path: Path) -> None:
    """Each variant conditional on the other signal; a signal's own row is its joint p of the conditional analysis."""
    chromosome = made(tmp_path, linked(1))
    region, model = chromosome.region_around(0, 10**9, NOBODY), chromosome.model(chromosome.names[0])
    rows = conditional.stepwise(model, region, CAUSE, limit=4.0, max_signals=5)
    signals = [region.index_of(row) for row in rows if row["significant"]]
    assert len(signals) == 2
    around = np.arange(5, VARIANTS)
    table = signal_neighbourhoods.conditional_on_others(model, region, signals, around)
    assert table.group_by("signal").len().sort("signal").rows() == [(1, len(around)), (2, len(around))]
    for signal, other in ((0, 1), (1, 0)):
        own = table.filter(pl.col("signal") == signal + 1)
        joint = own.filter(pl.col("variant") == rows[signal]["variant"]).row(0, named=True)
        assert joint["neglog10p"] == pytest.approx(rows[signal]["neglog10p_joint"])
        assert joint["r2_with_signal"] == pytest.approx(1.0)
        for variant in (5, 30, 59):
            theirs, last = ordinary(chromosome, 0, [signals[other], variant])
            row = own.filter(pl.col("variant") == f"v{variant}").row(0, named=True)
            assert row["beta"] == pytest.approx(theirs.params[last])
            assert row["se"] == pytest.approx(theirs.bse[last])
            assert row["neglog10p"] == pytest.approx(-np.log10(theirs.pvalues[last]))
        assert own.filter(pl.col("variant") == rows[other]["variant"])["neglog10p"].item() is None


def test_hc3_is_that_of_statsmodels(chromosome: Chromosome) -> None:
    region = chromosome.region(np.array([7]))
    model, genotype = chromosome.model(chromosome.names[1]).with_calls(region.copies[0])
    fit = chromosome.model(chromosome.names[1]).fit(region.copies[0])
    theirs, last = ordinary(chromosome, 1, [7])
    robust = theirs.get_robustcov_results("HC3", use_t=True)
    assert hc3(model, row_residuals(genotype, model.basis), fit) == pytest.approx(-np.log10(robust.pvalues[last]))


def hit_of(chromosome: Chromosome, variant: int, trait: int) -> dict[str, object]:
    theirs, last = ordinary(chromosome, trait, [variant])
    return {
        **chromosome.region(np.array([variant])).variant_row(0), "trait": chromosome.names[trait], "eaf": 0.3, "n": PEOPLE,
        "beta": theirs.params[last], "se": theirs.bse[last], "neglog10p": -np.log10(theirs.pvalues[last]),
    }  # fmt: skip


def test_the_audit_finds_the_participant_who_drives_a_hit(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    dosage = linked(2)
    dosage[:, 3] = 0
    dosage[rng.choice(PEOPLE, 6, replace=False), 3] = 1
    plain = made(tmp_path, dosage, effect=0, second=0)
    values = plain.cohort.values.copy()
    carrier = int(np.flatnonzero(plain.region(np.array([3])).copies[0] == 1)[0])
    values[carrier, 0] += 40
    chromosome = Chromosome(plain.genotypes, replaced(plain, values), plain.names)
    hit = hit_of(chromosome, 3, 0)
    row = Auditor(chromosome, 5.0).audit(hit, chromosome.region(np.array([3])).copies[0])
    assert row["neglog10p"] > 5
    assert row["neglog10p_without_top"] < 3
    assert row["top_share"] > 0.7
    assert "depends on one participant" in row["flags"]
    keep = np.arange(PEOPLE) != carrier
    design = np.column_stack([np.ones(PEOPLE), chromosome.cohort.covariates, chromosome.region(np.array([3])).copies[0]])[keep]
    theirs = sm.OLS(values[keep, 0], design).fit()
    assert row["neglog10p_without_top"] == pytest.approx(-np.log10(theirs.pvalues[-1]))
    assert (row["people_0"], row["people_1"], row["people_2"], row["carriers"]) == (PEOPLE - 6, 6, 0, 6)
    assert row["mean_2"] is None


def replaced(chromosome: Chromosome, values: NDArray[np.float64]):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(chromosome.cohort, values=values)


def test_a_true_hit_is_not_suspicious(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1))
    hit = hit_of(chromosome, CAUSE, 0)
    row = Auditor(chromosome, 5.0).audit(hit, chromosome.region(np.array([CAUSE])).copies[0])
    assert row["flags"] == ""
    assert 0 < row["beta_corrected"] <= hit["beta"]
    assert row["beta_corrected_low"] < 1.0 < row["beta_corrected_high"] * 1.5
    assert row["mean_0"] < row["mean_1"] < row["mean_2"]
    assert row["carriers_rank"] > 0.5


def test_recessive_effects_deviate_from_additivity(tmp_path: Path) -> None:
    plain = made(tmp_path, linked(1), effect=0, second=0)
    copies = plain.region(np.array([CAUSE])).copies[0]
    chromosome = Chromosome(plain.genotypes, replaced(plain, plain.cohort.values + 3 * (copies == 2)[:, None]), plain.names)
    row = Auditor(chromosome, 5.0).audit(hit_of(chromosome, CAUSE, 0), copies)
    assert row["neglog10p_dominance"] > 5


@pytest.mark.parametrize(("z", "threshold"), [(5.5, 5.45), (6.5, 5.45), (-6.5, 5.45), (12.0, 5.45)])
def test_the_corrected_effect_maximises_the_conditional_likelihood(z: float, threshold: float) -> None:
    found = winners_curse.corrected(z, threshold)

    def log_likelihood(mu: NDArray[np.float64]) -> NDArray[np.float64]:
        selected = stats.norm.sf(threshold - mu) + stats.norm.cdf(-threshold - mu)
        return stats.norm.logpdf(z - mu) - np.log(selected)

    grid = np.sign(z) * np.linspace(0, abs(z) + 1, 200_001)
    assert found.z == pytest.approx(grid[np.argmax(log_likelihood(grid))], abs=1e-3)
    assert found.low < found.z < found.high
    for mu, share in ((found.low, 0.975 if z < 0 else 0.025), (found.high, 0.025 if z < 0 else 0.975)):
        density = lambda x, mu=mu: stats.norm.pdf(x - mu)  # noqa: E731
        beyond = integrate.quad(density, abs(z), 60)[0] if z > 0 else integrate.quad(density, -60, z)[0]
        selected = stats.norm.sf(threshold - mu) + stats.norm.cdf(-threshold - mu)
        assert beyond / selected == pytest.approx(share, abs=1e-4)


def test_far_above_the_threshold_the_correction_is_nil() -> None:
    found = winners_curse.corrected(20.0, 5.45)
    assert (found.z, found.low, found.high) == pytest.approx((20.0, 18.04, 21.96), abs=0.01)


def test_z_of_any_p() -> None:
    assert z_of(-np.log10(0.05)) == pytest.approx(1.959964, abs=1e-6)
    assert z_of(4000.0) == pytest.approx(np.sqrt(2 * 4000 * np.log(10)), rel=1e-3)
    assert z_of(299.9) == pytest.approx(z_of(300.1), rel=1e-3)


def test_one_effect_is_the_sum_of_approximate_bayes_factors() -> None:
    rng = np.random.default_rng(5)
    genotypes = rng.normal(size=(500, 30))
    genotypes = (genotypes - genotypes.mean(0)) / genotypes.std(0)
    trait = 0.3 * genotypes[:, 4] + rng.normal(size=500)
    trait -= trait.mean()
    found = credible_sets.susie(genotypes.T @ genotypes, genotypes.T @ trait, float(trait @ trait), 500, 1)
    assert found.prior_variance[0] > 0
    # At its own prior and residual variance: Wakefield's factors.
    estimate = genotypes.T @ trait / 500
    mean = found.posterior[0] * estimate
    residual = float(trait @ trait) / 500
    for _ in range(100):
        error = residual / 500
        factor = np.sqrt(error / (error + found.prior_variance[0])) * np.exp(
            estimate**2 / error / 2 * found.prior_variance[0] / (error + found.prior_variance[0])
        )
        posterior = factor / factor.sum()
        shrunk = found.prior_variance[0] / (found.prior_variance[0] + error)
        mean, second = posterior * shrunk * estimate, posterior * (shrunk * error + (shrunk * estimate) ** 2)
        products = genotypes.T @ genotypes
        fitted = float(trait @ trait) - 2 * mean @ genotypes.T @ trait + 500 * second.sum()
        residual = float(fitted) / 500
    assert products.shape == (30, 30)
    np.testing.assert_allclose(found.posterior[0], posterior, atol=2e-4)


def test_susie_finds_two_planted_causes(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1), effect=1.0, second=1.0)
    region = chromosome.region_around(0, 10**9, NOBODY)
    rows = credible_sets.credible_sets(chromosome.model(chromosome.names[0]), region, effects=5)
    frame = pl.DataFrame(rows)
    assert frame["set"].n_unique() == 2
    assert {f"v{CAUSE}", f"v{SECOND}"} <= set(frame["variant"])
    sums = frame.group_by("set").agg(pl.col("posterior").sum(), pl.col("coverage").first())
    assert (sums["coverage"] >= 0.95).all()
    np.testing.assert_allclose(sums["posterior"], sums["coverage"], atol=1e-4)


def all_results(chromosome: Chromosome) -> list[list[dict[str, object]]]:
    """Further signals, credible sets, r2 with the lead, and strengths of all tests of a region."""
    model, region = chromosome.model(chromosome.names[0]), chromosome.region_around(0, 10**9, NOBODY)
    steps = conditional.stepwise(model, region, CAUSE, limit=4.0, max_signals=5)
    sets = credible_sets.credible_sets(model, region, effects=5)
    linkage = [{"r2": float(value)} for value in r2_with(region, region.mean_imputed[CAUSE])]
    strengths = [{"neglog10p": float(value)} for value in region_strengths(chromosome, region).ravel()]
    return [steps, sets, linkage, strengths]


def test_a_region_in_batches_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chromosome = made(tmp_path, linked(1, missing=0.03), effect=1.0, second=1.0)
    whole = all_results(chromosome)
    for module in (individual_data, models):
        monkeypatch.setattr(module, "BATCH_BYTES", 8 * PEOPLE * 7)
    for one, other in zip(whole, all_results(chromosome), strict=True):
        assert len(one) == len(other) > 0
        for row, same in zip(one, other, strict=True):
            assert row.keys() == same.keys()
            for name, value in row.items():
                assert value == (pytest.approx(same[name], rel=1e-9, abs=2e-6) if isinstance(value, float) else same[name])


def memory_of_a_region(folder: Path) -> tuple[float, float]:
    """MiB that conditional analysis, and then credible sets, take beyond 4,000 people's copies of 3,000 variants."""
    people, variants = 4_000, 3_000
    rng = np.random.default_rng(1)
    eids = fileset.write(folder / "cohort", rng.binomial(2, 0.3, (people, variants)).astype(np.int8))
    traits, covariates = fileset.tables(eids, 1, 3, 5)
    chromosome = Chromosome.of(fileset.opened(fileset.matrix_options(folder / "cohort")), traits, covariates)
    model, region = chromosome.model(chromosome.names[0]), chromosome.region_around(0, 10**9, NOBODY)
    reset_peak_memory()
    before = peak_memory_mib()
    conditional.stepwise(model, region, CAUSE, limit=4.0, max_signals=2)
    conditional_analysis = peak_memory_mib() - before
    credible_sets.credible_sets(model, region, effects=1)
    return conditional_analysis, peak_memory_mib() - before


def test_a_region_takes_little_more_than_its_copies(tmp_path: Path) -> None:
    """46 MiB of copies, 69 MiB a matrix of variants; float64 copies would be 92 MiB each.

    In a process of its own: what the allocator kept of earlier tests would count too.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        conditional_analysis, both = process.submit(memory_of_a_region, tmp_path).result()
    assert conditional_analysis < 250
    assert both < 400


@pytest.mark.slow
def test_credible_sets_cover_the_cause(tmp_path: Path) -> None:
    covered, sets = 0, 0
    for seed in range(60):
        (tmp_path / str(seed)).mkdir()
        chromosome = made(tmp_path / str(seed), linked(seed), effect=0.6, second=0.0)
        rows = credible_sets.credible_sets(
            chromosome.model(chromosome.names[0]), chromosome.region_around(0, 10**9, NOBODY), effects=5
        )
        first = [row["variant"] for row in rows if row["set"] == 1 and row["method"] == "susie"]
        sets += bool(first)
        covered += f"v{CAUSE}" in first
    assert sets > 40
    # 95 %: fewer than 88 % of 50 has chance 2 %.
    assert covered >= 0.87 * sets


def test_without_an_effect_the_set_is_from_bayes_factors(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(4), effect=0, second=0)
    rows = credible_sets.credible_sets(
        chromosome.model(chromosome.names[1]), chromosome.region_around(0, 10**9, NOBODY), effects=5
    )
    assert {row["method"] for row in rows} == {"abf"}
    assert sum(row["posterior"] for row in rows) >= 0.95 - 1e-4


def scanned(folder: Path, chromosome: Chromosome, traits: Traits, covariates: Covariates) -> pl.DataFrame:
    options = fileset.matrix_options(folder / "cohort")
    return matrix.scan(options, traits, covariates, chromosome.genotypes, seed=1).associations.frame


def the_tables(chromosome: Chromosome) -> tuple[Traits, Covariates]:
    eids = tuple(chromosome.genotypes.eids[row] for row in chromosome.cohort.fam_index)
    covariates = chromosome.cohort.covariates
    names = tuple(f"c{k}" for k in range(covariates.shape[1]))
    return Traits(eids, chromosome.names, chromosome.cohort.values), Covariates(eids, names, covariates)


def test_clumps_have_variants_in_ld_and_merge_loci(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1))
    rows = scanned(tmp_path, chromosome, *the_tables(chromosome)).filter(pl.col("neglog10p") > 6)
    found = clumps.clump(rows, lambda _: chromosome, min_r2=0.1, window_bp=1_000_000).frame
    strongest = rows.sort("neglog10p", descending=True)["variant"][0]
    assert found.filter(pl.col("lead") == strongest)["r2"].min() >= 0.1
    assert found.filter(pl.col("variant") == strongest)["lead"].item() == strongest
    leads = found["lead"].unique()
    copies = chromosome.region(np.array([int(name[1:]) for name in leads])).mean_imputed
    r2 = np.corrcoef(copies) ** 2
    np.fill_diagonal(np.atleast_2d(r2), 0)
    assert np.max(r2) < 0.1
    by_distance = merge.merge_hits(rows.sort("pos"), 0)
    by_linkage = merge.merge_hits(
        rows.sort("pos"), 0, clumps.clump(rows, lambda _: chromosome, min_r2=0.1, window_bp=1_000_000)
    )
    assert len(by_linkage) <= len(leads) < len(by_distance)


def test_fine_mapping_has_a_row_for_every_hit_and_locus(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1))
    rows = scanned(tmp_path, chromosome, *the_tables(chromosome)).filter(pl.col("neglog10p") > 6).sort("pos")
    options = LociOptions()
    clumped = clumps.clump(rows, lambda _: chromosome, min_r2=0.1, window_bp=1_000_000)
    found_loci = merge.merge_hits(rows, options.window_bp, clumped)
    found = fine_mapping.fine_map(
        options, rows, found_loci, clumped, lambda _: chromosome, NOBODY, limit=6.0, build="hg19"
    )  # fmt: skip
    assert len(found.audit) == rows.height
    np.testing.assert_allclose(found.audit.frame["neglog10p"], rows["neglog10p"])
    assert found.conditional.frame["step"].to_list()[:2] == [1, 2]
    assert set(found.credible.frame["locus"]) == set(found_loci["locus"])
    several = found.conditional.frame.filter("significant").group_by("locus").len().filter(pl.col("len") > 1)
    assert set(found.signal_neighbourhoods.frame["locus"]) == set(several["locus"]) != set()
    assert found.loci.columns[-len(fine_mapping.COLUMNS) :] == list(fine_mapping.COLUMNS)
    none = fine_mapping.fine_map(options, rows.clear(), found_loci.clear(), Clumps.empty(), lambda _: chromosome, NOBODY,
                           limit=6.0, build="hg19")  # fmt: skip
    assert (len(none.audit), len(none.conditional), len(none.credible), none.loci.height) == (0, 0, 0, 0)


def test_a_lead_conditional_on_the_other_loci_is_that_of_statsmodels(tmp_path: Path) -> None:
    """A distant variant correlated with the causal one by chance has no signal conditional on it; the causal one has."""
    chromosome = made(tmp_path, linked(1, missing=0.02))
    far = 40
    columns = {"lead_variant": [f"v{CAUSE}", f"v{far}"], "best_trait": [chromosome.names[0]] * 2, "neglog10p": [30.0, 7.0]}
    places = {"locus": [1, 2], "chrom": ["1", "1"], "test": ["single", "omnibus"]}
    copies = chromosome.region(np.array([CAUSE, far])).copies
    leads = [fine_mapping._for_all_participants(chromosome, one) for one in copies]
    assert fine_mapping._conditional_on_other_loci(pl.DataFrame(columns | places), leads, lambda _: chromosome)[1] is None
    found = fine_mapping._conditional_on_other_loci(
        pl.DataFrame(columns | places | {"test": ["single"] * 2}), leads, lambda _: chromosome
    )
    mean_imputed = chromosome.region(np.array([CAUSE, far])).mean_imputed
    for own, value in enumerate(found):
        seen = np.isfinite(copies[own])
        design = np.column_stack(
            [np.ones(seen.sum()), chromosome.cohort.covariates[seen], mean_imputed[1 - own][seen], copies[own][seen]]
        )
        theirs = sm.OLS(chromosome.cohort.values[seen, 0], design).fit()
        assert value == pytest.approx(-np.log10(theirs.pvalues[-1]), rel=1e-5)


def test_a_hit_must_replicate_with_the_features_of_other_seeds(chromosome: Chromosome) -> None:
    cohort = chromosome.cohort
    order = np.argsort(cohort.table_index)
    eids = tuple(np.array(chromosome.genotypes.eids)[cohort.fam_index][order].tolist())
    values = cohort.values[order]
    noise = np.random.default_rng(9).normal(size=values.shape)
    alike, other, turned = (Traits(eids, chromosome.names, one) for one in (values + 0.1 * noise, noise, -values))
    copies = chromosome.region(np.array([CAUSE])).copies[0]
    fit = chromosome.model(chromosome.names[0]).fit(copies)
    hit = {
        "trait": chromosome.names[0], "variant": f"v{CAUSE}", "chrom": "1", "pos": 3_000_000 + CAUSE, "effect_allele": "G",
        "other_allele": "A", "eaf": 0.3, "n": PEOPLE, "beta": fit.beta, "se": fit.se, "neglog10p": fit.neglog10p,
    }  # fmt: skip
    held = Auditor(chromosome, 6.0, None, [alike]).audit(hit, copies)
    assert held["seeds"] == 1
    model = chromosome.model(chromosome.names[0])
    predictors = np.column_stack([model.basis, copies[model.sample_index]])
    again = sm.OLS(alike.values[cohort.table_index][:, 0][model.sample_index], predictors, missing="drop").fit()
    assert held["neglog10p_seeds"] == pytest.approx(-np.log10(again.pvalues[-1]), rel=1e-6)
    assert "seed" not in held["flags"]
    lost = Auditor(chromosome, 6.0, None, [alike, other]).audit(hit, copies)
    assert (lost["seeds"], "not significant with another seed" in lost["flags"]) == (2, True)
    assert Auditor(chromosome, 6.0, None, [turned]).audit(hit, copies)["neglog10p_seeds"] == 0.0
    alone = Auditor(chromosome, 6.0).audit(hit, copies)
    assert (alone["seeds"], alone["neglog10p_seeds"], alone["flags"]) == (0, None, held["flags"])

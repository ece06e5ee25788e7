"""The lead variant of a locus is the strongest of many tests: its corrected effect, compared with SciPy and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.loci import competing_tests, fine_mapping, merge, winners_curse
from ecgwas.loci.audit import z_of
from ecgwas.statistics.projection import row_residuals
from ecgwas.study import LociOptions
from ecgwas.tables.loci import Clumps
from tests.loci.test_fine_mapping import NOBODY, VARIANTS, linked, made, scanned, the_tables


@pytest.mark.parametrize(("z", "threshold", "least"), [(6.5, 5.5, 0.0), (7.5, 5.5, 7.0), (-8.0, 5.5, 6.0), (5.6, 5.5, 5.55)])
def test_a_leads_limits_are_quantiles_of_the_truncated_normal(z: float, threshold: float, least: float) -> None:
    """By SciPy's truncated normal: 97.7 %, 50 % and 2.3 % of it lie below the lead's |z| at the three values."""
    found = winners_curse.corrected_lead(z, threshold, winners_curse.CompetingTests(1200, least))
    reach = stats.norm.isf(0.005 / 2400)
    below = []
    for mu in (abs(value) for value in (found.low, found.z, found.high)[:: 1 if z > 0 else -1]):
        start = max(threshold, least, mu - reach)
        below.append(stats.truncnorm.cdf(abs(z), start - mu, reach, loc=mu))
    tail = (0.05 - 0.005) / 0.995 / 2
    assert below == pytest.approx([1 - tail, 0.5, tail], abs=1e-6)


def test_the_bound_is_of_the_region_or_of_noise_that_passed_the_threshold() -> None:
    strict = stats.norm.isf(10**-7.5 / 2)
    assert winners_curse.bound(strict, 1200) == pytest.approx(stats.norm.isf(0.005 / 2400))
    lenient = winners_curse.bound(3.9, 1200)
    assert stats.norm.sf(lenient) / stats.norm.sf(3.9) == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("planted", "variants", "traits"), [(5.0, 60, 20), (6.0, 60, 20), (8.0, 60, 20), (6.0, 60, 1), (6.0, 5, 80)]
)
def test_intervals_of_the_strongest_test_of_a_locus_cover_the_effect(planted: float, variants: int, traits: int) -> None:
    """One causal variant for all traits, with neighbours in LD: the interval for the threshold alone covers far too rarely."""
    rng = np.random.default_rng(round(planted) + traits)
    linkage = 0.98 ** np.abs(np.subtract.outer(np.arange(variants), np.arange(variants)))
    noise = np.full((traits, traits), 0.5) + 0.5 * np.eye(traits)
    roots = [np.linalg.cholesky(one + 1e-9 * np.eye(len(one))) for one in (linkage, noise)]
    truth = planted * linkage[:, [variants // 2]] * np.ones(traits)
    threshold, covered, for_threshold, above = float(stats.norm.isf(10**-7.5 / 2)), [], [], []
    while len(covered) < 400:
        z = truth + roots[0] @ rng.normal(size=truth.shape) @ roots[1].T
        j, k = np.unravel_index(np.argmax(np.abs(z)), z.shape)
        if z[j, k] > threshold:
            alike = np.outer(linkage[j], noise[k])
            least = competing_tests._exceeded(z, alike, z[j, k])
            found = winners_curse.corrected_lead(z[j, k], threshold, winners_curse.CompetingTests(z.size, least))
            plain = winners_curse.corrected(z[j, k], threshold)
            covered.append(found.low <= truth[j, k] <= found.high)
            for_threshold.append(plain.low <= truth[j, k] <= plain.high)
            above.append(found.z > truth[j, k])
    assert np.mean(covered) >= 0.93
    assert np.mean(above) == pytest.approx(0.5, abs=0.08)
    if traits > 1:
        assert np.mean(for_threshold) < 0.93


def test_the_lead_stops_being_the_strongest_at_the_limit_set_by_its_competitors(tmp_path: Path) -> None:
    """With its noise removed step by step from the residuals of all traits, it leads until |z| falls to `min_abs_z`."""
    chromosome = made(tmp_path, linked(1), effect=0.6, second=0.0)
    region = chromosome.region_around(0, 10**9, NOBODY)
    noise = competing_tests.UnitResiduals.of(chromosome)
    unit = row_residuals(region.mean_imputed, noise.basis)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    z = competing_tests._z(unit, noise)
    lead, k = (int(i) for i in np.unravel_index(np.argmax(np.abs(z)), z.shape))
    found = competing_tests.competing_tests(noise, region, lead, chromosome.names[k])
    assert found.tests == region.copies.shape[0] * len(chromosome.names)
    assert 0 < found.min_abs_z < abs(z[lead, k])
    alike = np.outer(unit @ unit[lead], competing_tests._trait_correlations(noise.residuals, unit[lead], k))
    for change, leads in ((0.999, False), (1.001, True)):
        moved = z + alike * (np.sign(z[lead, k]) * found.min_abs_z * change - z[lead, k])
        others = np.where(np.abs(alike) < competing_tests.SAME_TEST, np.abs(moved), 0)
        assert (abs(moved[lead, k]) > others.max()) == leads


def test_a_locus_lead_is_corrected_for_all_tests_of_its_region_and_other_hits_for_the_threshold(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1), effect=0.65, second=0.0)
    rows = scanned(tmp_path, chromosome, *the_tables(chromosome)).filter(pl.col("neglog10p") > 4).sort("pos")
    found_loci = merge.merge_hits(rows, 500_000)
    found = fine_mapping.fine_map(LociOptions(), rows, found_loci, Clumps.empty(), lambda _: chromosome, NOBODY,
                            limit=4.0, build="hg19").audit.frame  # fmt: skip
    lead = found_loci.row(0, named=True)
    leads = pl.col("variant").eq(lead["lead_variant"]) & pl.col("trait").eq(lead["best_trait"])
    assert found.filter(leads)["strongest_of"].to_list() == [VARIANTS * len(chromosome.names)]
    others = found.filter(~leads)
    assert others.height > 0
    assert others["strongest_of"].null_count() == others.height
    threshold = z_of(4.0)
    for row in found.iter_rows(named=True):
        z = z_of(row["neglog10p"])
        plain = winners_curse.corrected(float(np.sign(row["beta"])) * z, threshold)
        same = row["beta_corrected_low"] == pytest.approx(plain.low * abs(row["beta"]) / z, rel=1e-6)
        assert same == (row["strongest_of"] is None)


@pytest.mark.parametrize(
    ("z", "threshold", "least"),
    [(5.0, 3.0, 5.0), (5.0, 3.0, 6.0), (5.0, 5.0, 1.0), (-5.0, 3.0, 5.0), (37.0, 5.0, 37.0), (5.0, 3.0, 5.0 - 1e-13)],
)
def test_an_equal_competitor_leaves_the_smallest_effect_within_the_bound(z: float, threshold: float, least: float) -> None:
    """As for a variant that is there twice: z is uninformative, and the estimate still has a value."""
    found = winners_curse.corrected_lead(z, threshold, winners_curse.CompetingTests(10, least))
    lowest = abs(z) - winners_curse.bound(threshold, 10)
    assert [value * np.sign(z) for value in (found.z, found.low, found.high)] == pytest.approx([lowest] * 3, abs=1e-6)

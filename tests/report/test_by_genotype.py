"""Beats by genotype against scipy's linear regression and plain means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ecgwas.report import LeadVariant, genotype_beats
from ecgwas.signals import Signals
from tests.factories import make_signals, with_beats

PEOPLE = 60


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_signals(PEOPLE, 4)


def dosages(seed: int, missing: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    dosage = rng.binomial(2, 0.4, PEOPLE).astype(float)
    dosage[:missing] = np.nan
    return dosage


def test_means_bands_and_slopes_are_those_of_scipy(signals: Signals) -> None:
    variants = [LeadVariant(1, "a", "A", "G", dosages(1)), LeadVariant(2, "b", "C", "T", dosages(2, missing=7))]
    beats = np.asarray(signals.beats, dtype=np.float64)
    for variant, found in zip(variants, genotype_beats(signals, variants), strict=True):
        called = np.isfinite(variant.dosage)
        for k in range(3):
            mine = beats[variant.dosage == k]
            assert found.people[k] == len(mine)
            np.testing.assert_allclose(found.mean_uv[k], mine.mean(axis=0), atol=1e-6)
            np.testing.assert_allclose(found.half_width_uv[k], 1.959964 * stats.sem(mine, axis=0), rtol=1e-5, atol=1e-5)
        for lead, point in ((0, 175), (6, 60), (11, 300)):
            line = stats.linregress(variant.dosage[called], beats[called, lead, point])
            assert found.slope_uv[lead, point] == pytest.approx(line.slope, rel=1e-8)
            assert found.slope_half_width_uv[lead, point] == pytest.approx(1.959964 * line.stderr, rel=1e-6)
            expected = -np.log10(2 * stats.norm.sf(abs(line.slope / line.stderr)))
            assert found.neglog10p[lead, point] == pytest.approx(expected, rel=1e-6)


def test_blocks_do_not_matter(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = LeadVariant(1, "a", "A", "G", dosages(3))
    (whole,) = genotype_beats(signals, [variant])
    monkeypatch.setattr("ecgwas.report.by_genotype.BLOCK", 7)
    (pieces,) = genotype_beats(signals, [variant])
    np.testing.assert_allclose(pieces.mean_uv, whole.mean_uv, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(pieces.slope_uv, whole.slope_uv, rtol=1e-6, atol=1e-6)


def test_a_genotype_that_nobody_has_is_nan_and_the_effect_is_still_there(signals: Signals) -> None:
    (found,) = genotype_beats(signals, [LeadVariant(1, "a", "A", "G", np.minimum(dosages(5), 1))])
    assert found.people[2] == 0
    assert np.isnan(found.mean_uv[2]).all()
    assert np.isfinite(found.slope_uv).all()


def test_a_tiny_p_value_does_not_underflow(signals: Signals) -> None:
    dosage = dosages(6)
    beats = np.asarray(signals.beats) + (1e6 * dosage)[:, None, None].astype(np.float32)
    (found,) = genotype_beats(with_beats(signals, beats), [LeadVariant(1, "a", "A", "G", dosage)])
    assert np.nanmin(found.neglog10p) > 300


def test_no_loci_give_nothing(signals: Signals) -> None:
    assert genotype_beats(signals, []) == ()

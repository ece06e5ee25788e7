"""Principal components against NumPy's exact decomposition, in memory that does not grow with the variants."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ecgwas.genotypes.packed_calls import packed_calls
from ecgwas.genotypes.pruned_panel import standard_values, standardised
from ecgwas.traits import genotype_pcs as components
from ecgwas.traits.genotype_pcs import genotype_pcs
from tests.traits.families import frequencies, people

NO_CALL = 3


@pytest.mark.parametrize("calls_per_step", [2**24, 301 * 7])
def test_components_are_those_of_the_exact_decomposition(calls_per_step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four ancestries, calls missing, participants that do not fill a byte; all components that are not noise, and two more."""
    rng = np.random.default_rng(1)
    codes = np.hstack([people(rng, share, 76) for share in frequencies(rng, 4, 0.05, 900)])[:, :301]
    codes[rng.random(codes.shape) < 0.02] = NO_CALL
    monkeypatch.setattr(components, "GENOTYPES_PER_STEP", calls_per_step)
    ours = genotype_pcs(packed_calls(codes), 5, seed=1)
    left, sizes, right = np.linalg.svd(standardised(codes), full_matrices=False)
    exact = right[:5] - right[:5].mean(axis=1, keepdims=True)
    exact /= exact.std(axis=1, keepdims=True)
    for k in range(5):
        assert abs(ours[:, k] @ exact[k]) / 301 > 1 - 1e-6
    assert sizes[2] > 1.5 * sizes[3]
    assert left.shape == (900, 301)


def test_standard_values_are_those_of_patterson() -> None:
    codes = np.array([[0, 1, 2, 1, NO_CALL], [0, 0, 0, 1, 0], [NO_CALL] * 5], dtype=np.uint8)
    values = standard_values(codes)
    for row, (mean, share) in enumerate([(1.0, 0.5), (0.2, 0.1)]):
        expected = (np.arange(3) - mean) / np.sqrt(2 * share * (1 - share))
        np.testing.assert_allclose(values[row], [*expected, 0.0], rtol=1e-6)
    assert values[:2, NO_CALL].tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(standardised(codes)[2], np.zeros(5))


def test_memory_does_not_grow_with_the_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "GENOTYPES_PER_STEP", 2**16)
    monkeypatch.setattr(components, "ROUNDS", 2)
    peaks = []
    for variants in (2_000, 16_000):
        rng = np.random.default_rng(2)
        calls = packed_calls(people(rng, rng.uniform(0.1, 0.5, variants), 800))
        tracemalloc.start()
        genotype_pcs(calls, 3, seed=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # What there is for each variant: four values, a few random numbers, and its products with the basis.
    assert peaks[1] - peaks[0] < 14_000 * 8 * (4 + 23 + 4 * 3 * 23)
    assert peaks[1] < 16_000 * 800 * 4

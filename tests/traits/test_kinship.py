"""Kinship of all pairs: counts of bits against counts of calls and PLINK 2; the screen of large cohorts loses no relatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genotypes.packed_calls import packed_calls
from ecgwas.native import compiled
from ecgwas.native.constants import KIN_WORDS
from ecgwas.traits import kinship, pair_counts
from tests.traits.families import child, people
from tests.traits.test_sample_qc import plink2, write_bed

NO_CALL = 3
needs_compiled = pytest.mark.skipif(not compiled.is_available(), reason="the compiled part was not built at install")


@pytest.fixture(params=["baseline", "avx2", "avx512f", "avx512vpopcntdq"])
def instructions(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set that this machine has."""
    if not compiled.is_available():
        pytest.skip("the compiled part was not built at install")
    before = compiled.instructions()
    try:
        compiled.instructions(request.param)
    except ValueError as error:
        pytest.skip(str(error))
    yield request.param
    compiled.instructions(before)


def within_families(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    both, opposite, het_first, het_second = counts
    return np.asarray((both - 2 * opposite) / (het_first + het_second))


def drawn(variants: int, count: int, seed: int, missing: float) -> NDArray[np.uint8]:
    """(V, N) codes with everything from no heterozygous call to identical people."""
    rng = np.random.default_rng(seed)
    codes = rng.binomial(2, rng.uniform(0, 1, (variants, 1)), (variants, count)).astype(np.uint8)
    codes[:, : count // 4] = codes[:, count // 4 : 2 * (count // 4)]
    codes[rng.random(codes.shape) < missing] = NO_CALL
    if count > 3:
        codes[:, 3] = NO_CALL
    return codes


def counted(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(4, N, N) by definition: both heterozygous, opposite homozygotes, the first heterozygous, the second; both called."""
    one, none, two, called = (part.astype(np.float64) for part in (codes == 1, codes == 0, codes == 2, codes != NO_CALL))
    return np.stack([one.T @ one, none.T @ two + two.T @ none, one.T @ called, called.T @ one]).astype(np.int64)


SIZES = {"variants": st.integers(0, 1100), "count": st.integers(1, 140), "seed": st.integers(0, 10**6),
         "missing": st.sampled_from([0.0, 0.02, 0.5])}  # fmt: skip


@given(**SIZES)
@settings(max_examples=25, deadline=None)
@needs_compiled
def test_counts_of_bits_are_counts_of_calls(variants: int, count: int, seed: int, missing: float) -> None:
    check_counts(drawn(variants, count, seed, missing), -1.0 if seed % 2 else 0.1)


@pytest.mark.parametrize(
    ("variants", "count", "missing"),
    [
        (0, 5, 0.0),
        (1, 1, 0.0),
        (700, 1, 0.0),
        (64, 2, 0.0),
        (512, 64, 0.0),
        (5120, 65, 0.0),
        (5121, 66, 0.01),
        (16_000, 70, 0.01),
    ],
)
def test_counts_with_every_instruction_set(instructions: str, variants: int, count: int, missing: float) -> None:
    """One strip, two and four; whole words, tiles and vectors, and one more."""
    check_counts(drawn(variants, count, 1, missing), -0.5)


def check_counts(codes: NDArray[np.uint8], limit: float) -> None:
    expected = counted(codes)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = np.nonzero(np.triu(kinship.king_robust(*expected) > limit, 1))
    strips = pair_counts.in_strips(packed_calls(codes))
    assert strips.variants.sum() == len(codes)
    ours = pair_counts.pairs_above(strips, kinship.screen(strips.variants, limit, np.inf))
    np.testing.assert_array_equal(ours[0], first)
    np.testing.assert_array_equal(ours[1], second)
    for mine, theirs in zip(ours[2], expected, strict=True):
        np.testing.assert_array_equal(mine, theirs[first, second])


def test_strips_are_spread_evenly() -> None:
    """Whatever number of strips has been compared, every stretch of the genome has about the same share of its variants."""
    variants = 4 * 64 * KIN_WORDS - 3
    codes = np.zeros((variants, 1), dtype=np.uint8)
    for used in (1, 2, 3):
        positions: list[int] = []
        for place in range(4):
            codes[:] = 0
            codes[place::4] = 1
            strips = pair_counts.in_strips(packed_calls(codes)).calls[0]
            if any((strips[k, : strips.shape[1] // 2] & ~strips[k, strips.shape[1] // 2 :]).any() for k in range(used)):
                positions.append(place)
        assert len(positions) == used
        assert used != 2 or positions[1] - positions[0] == 2


@needs_compiled
@pytest.mark.parametrize("limit", [0.0, 0.0442])
def test_pairs_are_those_of_products_to_the_last_bit(monkeypatch: pytest.MonkeyPatch, limit: float) -> None:
    codes = drawn(3000, 300, 5, 0.01)
    ours = kinship.related_pairs(codes, limit)
    monkeypatch.setattr(compiled, "is_available", lambda: False)
    theirs = kinship.related_pairs(codes, limit)
    assert len(ours.first) > 70
    for field in ("first", "second", "kinship"):
        assert getattr(ours, field).tobytes() == getattr(theirs, field).tobytes()
    assert (ours.limit, ours.chance_limit, ours.null_sd) == (theirs.limit, theirs.chance_limit, theirs.null_sd)


@needs_compiled
def test_threads_progress_and_room_do_not_change_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = drawn(900, 700, 6, 0.01)
    shown: list[tuple[str, int]] = []

    def track(items: Iterable[object], label: str, total: int) -> Iterator[object]:
        made = list(items)
        shown.append((label, total))
        assert len(made) == total
        yield from made

    alone = kinship.related_pairs(codes, 0.0)
    monkeypatch.setattr(pair_counts, "PEOPLE_PER_CALL", 37)
    monkeypatch.setattr(compiled, "MOST_PAIRS", 1)
    together = kinship.related_pairs(codes, 0.0, workers=3, track=track)
    assert shown == [("kinship", 19)]
    assert len(alone.first) == 174  # The fourth participant has no calls.
    for field in ("first", "second", "kinship"):
        np.testing.assert_array_equal(getattr(together, field), getattr(alone, field))


@pytest.mark.parametrize("shape", [(500, 0), (500, 1), (0, 1), (0, 30)])
@pytest.mark.parametrize("is_compiled", [True, False])
def test_nobody_and_no_variants(shape: tuple[int, int], is_compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_compiled:
        monkeypatch.setattr(compiled, "is_available", lambda: False)
    found = kinship.related_pairs(np.ones(shape, dtype=np.uint8), 0.05)
    assert len(found.first) == len(found.second) == len(found.kinship) == 0
    assert found.first.dtype == np.int64
    assert found.kinship.dtype == np.float64


def test_of_participants_without_heterozygous_calls_nothing_is_said(instructions: str) -> None:
    codes = np.random.default_rng(1).choice(np.array([0, 2], dtype=np.uint8), (6000, 20))
    strips = pair_counts.in_strips(packed_calls(codes))
    assert len(strips.variants) == 2
    found = pair_counts.pairs_above(strips, np.array([np.inf, -np.inf]))
    assert len(found[0]) == 0


def family(rng: np.random.Generator, share: NDArray[np.float64]) -> tuple[list[NDArray[np.uint8]], dict[tuple[int, int], int]]:
    """A pedigree of eleven with its pairs' degrees: parents, siblings, uncles, grandparents, first cousins, their parents."""
    a, b, c, d = people(rng, share, 4).T
    one, two = child(rng, a, b), child(rng, a, b)
    cousin, other = child(rng, one, c), child(rng, two, d)
    great = child(rng, cousin, people(rng, share, 1)[:, 0])
    everyone = [a, b, c, d, one, two, cousin, other, great]
    degrees = {(0, 4): 1, (1, 5): 1, (4, 5): 1, (4, 6): 1, (6, 8): 1, (5, 6): 2, (4, 7): 2, (0, 6): 2, (1, 7): 2, (4, 8): 2,
               (6, 7): 3, (0, 8): 3, (5, 8): 3}  # fmt: skip
    return everyone, degrees


@needs_compiled
@pytest.mark.parametrize("seed", range(12))
def test_the_screen_loses_no_relative_to_the_third_degree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ancestries, one with fewer heterozygous calls; unlinked variants in five strips."""
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.05, 0.5, 21_000), rng.uniform(0.05, 0.2, 21_000)
    columns: list[NDArray[np.uint8]] = []
    planted: dict[tuple[int, int], int] = {}
    for k in range(8):
        members, degrees = family(rng, shares[k % 2])
        planted |= {(len(columns) + i, len(columns) + j): degree for (i, j), degree in degrees.items()}
        columns += members
    codes = np.stack([*columns, *people(rng, shares[0], 60).T], axis=1)
    codes[rng.random(codes.shape) < 0.005] = NO_CALL
    full = kinship.related_pairs(codes, 0.0442)
    monkeypatch.setattr(kinship, "MOST_IN_FULL", 10)
    screened = kinship.related_pairs(codes, 0.0442)
    for field in ("first", "second", "kinship"):
        np.testing.assert_array_equal(getattr(screened, field), getattr(full, field))
    found = set(zip(screened.first.tolist(), screened.second.tolist(), strict=True))
    near = {pair for pair, degree in planted.items() if degree < 3}
    assert near <= found
    assert len(found & set(planted)) >= len(planted) - 4  # A third-degree relative's expectation is 0.0625.


@needs_compiled
def test_the_screen_gives_up_unrelated_pairs() -> None:
    """After half of the variants most are gone, after three quarters nearly all."""
    rng = np.random.default_rng(3)
    codes = people(rng, rng.uniform(0.05, 0.5, 20_000), 80)
    calls = packed_calls(codes)
    limits = kinship.screen(pair_counts.in_strips(calls).variants, 0.0442, kinship.noisy_sd(calls))
    assert len(limits) == 4
    assert limits[3] == 0.0442
    for used, share in ((2, 0.6), (3, 0.99)):
        part = within_families(counted(np.concatenate([codes[place::4] for place in (0, 2, 1)[:used]])))
        assert np.mean(part[np.triu_indices(80, 1)] < limits[used - 1]) > share


def test_the_share_of_lost_pairs_is_what_the_screen_says() -> None:
    """Estimates over half of the variants lie below that over all by more than one SD as often as a normal variable does."""
    rng, lost, shifted, tried = np.random.default_rng(4), 0, 0, 0
    variants = np.array([250, 250])
    for _ in range(40):
        codes = people(rng, rng.uniform(0.1, 0.5, 500), 90)
        sd = kinship.noisy_sd(codes)
        counts, chosen = counted(codes), np.triu_indices(90, 1)
        part, whole = within_families(counted(codes[::2]))[chosen], within_families(counts)[chosen]
        robust = kinship.king_robust(*counts)[chosen]
        assert np.all(robust <= whole + 1e-12)
        # One SD instead of SCREEN_SDS, so that there is something to count.
        margin = -kinship.screen(variants, 0.0, sd)[0] / kinship.SCREEN_SDS
        shifted += int((part < whole - margin).sum())
        lost += int((part < robust - margin).sum())
        tried += len(whole)
    assert shifted / tried == pytest.approx(stats.norm.sf(1.0), rel=0.15)
    assert lost / tried < stats.norm.sf(1.0)


def test_noise_is_that_of_the_noisier_pairs() -> None:
    """A fifth of the participants have few heterozygous calls."""
    rng = np.random.default_rng(5)
    common, rare = rng.uniform(0.3, 0.5, 4000), rng.uniform(0.02, 0.06, 4000)
    codes = np.hstack([people(rng, common, 160), people(rng, rare, 40)])
    assert kinship.noisy_sd(codes) > 1.3 * kinship.null_distribution(codes)[1]
    assert kinship.noisy_sd(codes[:, :160]) < 1.2 * kinship.null_distribution(codes[:, :160])[1]


@pytest.mark.plink2
@needs_compiled
def test_pairs_are_those_of_plink2(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    share = rng.uniform(0.05, 0.5, 6000)
    families = [family(rng, share)[0] for _ in range(5)]
    codes = np.stack([one for members in families for one in members], axis=1)
    codes[rng.random(codes.shape) < 0.02] = NO_CALL
    write_bed(tmp_path / "cohort", codes)
    plink2(tmp_path / "cohort", "--make-king-table", "cols=id,kinship")
    theirs = pl.read_csv(tmp_path / "cohort.kin0", separator="\t")
    one, other = (theirs[name].str.strip_prefix("p").cast(pl.Int64).to_numpy() for name in ("#IID1", "IID2"))
    expected = np.full((45, 45), np.nan)
    expected[np.minimum(one, other), np.maximum(one, other)] = theirs["KINSHIP"].to_numpy()
    ours = kinship.related_pairs(codes, 0.02)
    lowest = max(0.02, ours.chance_limit)
    assert len(ours.first) > 60
    np.testing.assert_allclose(ours.kinship, expected[ours.first, ours.second], atol=2e-6)
    assert len(ours.first) == (expected > lowest).sum()

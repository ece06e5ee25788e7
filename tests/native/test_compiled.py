"""The compiled part against its twins in NumPy, and its instruction sets against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgwas.genotypes.packed import PackedBlock, SampleSelector
from ecgwas.genotypes.readers import pack
from ecgwas.native import compiled, constants
from ecgwas.scan import matrix
from ecgwas.scan.engine.backends.compiled_backend import CompiledAdjuster, DividedProducts, DosageBackend
from ecgwas.scan.engine.backends.numpy_backend import NumpyBackend
from ecgwas.scan.engine.kernels import NumpyKernel
from ecgwas.scan.engine.missing_calls import MissingCallAdjuster, RawSums, ReferenceAdjuster
from ecgwas.scan.engine.plink2_checks import Plink2Checks
from ecgwas.scan.engine.regression import MARGIN, Fitter
from ecgwas.scan.engine.samples import Group
from ecgwas.scan.engine.screening import BINS, Screened
from ecgwas.statistics.least_squares import Design, design, left_out
from ecgwas.tables import ScanResult
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options
from tests.native.test_kernels import bed_codes

pytestmark = pytest.mark.skipif(not compiled.is_available(), reason="the compiled part was not built at install")


@pytest.fixture(params=["baseline", "avx2", "avx512f", "avx512vpopcntdq"])
def instructions(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set that this machine has."""
    before = compiled.instructions()
    try:
        compiled.instructions(request.param)
    except ValueError as error:
        pytest.skip(str(error))
    yield request.param
    compiled.instructions(before)


def a_design(people: int, rank: int, traits: int, seed: int) -> Design:
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(np.column_stack([np.ones(people), rng.standard_normal((people, rank - 1))]))[0]
    return design(basis, rng.standard_normal((people, traits)))


def a_block(people: int, variants: int, share: float) -> PackedBlock:
    bed = bed_codes(people, variants, 5)
    bed[np.random.default_rng(6).random(bed.shape) < share] = 1
    return SampleSelector(np.arange(people), people).select(pack(bed))


def sums(block: PackedBlock, made: Design, more: int = 0) -> RawSums:
    copies = block.minor_copies().astype(np.float64)
    projection = copies @ made.basis
    cross_product = np.zeros((len(block), made.traits.shape[1] + more), dtype=np.float32)
    cross_product[:, : made.traits.shape[1]] = copies @ made.traits
    trait_ss = np.ones((len(block), made.traits.shape[1]), dtype=np.float32)
    return RawSums(projection, (projection**2).sum(axis=1), block.raw_ss.astype(np.float64), cross_product, trait_ss)


def reference_adjuster(design: Design) -> MissingCallAdjuster:
    return ReferenceAdjuster(design, fill_with_mean=False)


@pytest.mark.parametrize("adjuster", [CompiledAdjuster, reference_adjuster])
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_adjustments_for_missing_calls_are_those_of_float64(
    instructions: str, share: float, adjuster: Callable[[Design], MissingCallAdjuster]
) -> None:
    """Few and many people without a call, against one variant at a time by scipy."""
    block, made = a_block(150, 40, share), a_design(150, 7, 21, 3)
    found, before = sums(block, made, more=5), sums(block, made)
    adjuster(made).adjust(block, found)
    assert (block.missing_calls[block.missing_calls > 0] <= 7).any() if share < 0.1 else (block.missing_calls > 7).any()
    for i in range(len(block)):
        people = block.samples_missing(i)
        expected = left_out(made.basis[people], made.traits[people], before.projection[i])
        assert found.projected_ss[i] == pytest.approx(before.projected_ss[i] + expected.projected_ss, rel=1e-10)
        np.testing.assert_allclose(found.trait_ss[i], 1 - expected.trait_ss, atol=2e-6)
        np.testing.assert_allclose(found.cross_product[i, :21], before.cross_product[i] + expected.cross_product, atol=5e-6)
    assert not found.cross_product[:, 21:].any()


def t_squared(block: PackedBlock, found: RawSums) -> NDArray[np.float64]:
    """(V, 64): up to the degrees of freedom."""
    square, genotype_ss = found.cross_product[:, :64].astype(np.float64) ** 2, (found.raw_ss - found.projected_ss)[:, None]
    varies = genotype_ss[:, 0] > 1e-6
    return (square / np.maximum(genotype_ss * found.trait_ss[:, :64] - square, 1e-9))[varies]


def test_the_shortcut_for_missing_calls_stays_within_what_is_refitted(instructions: str) -> None:
    """64 normal traits, and 64 of which each is one participant's alone: those are adjusted exactly."""
    rng, people = np.random.default_rng(4), 3_000
    basis = np.linalg.qr(np.column_stack([np.ones(people), rng.standard_normal((people, 14))]))[0]
    values = np.column_stack([rng.standard_normal((people, 64)), np.eye(people)[:, :64] * 100])
    block, made = a_block(people, 60, 0.01), design(basis, values + rng.standard_normal(values.shape) * 1e-3)
    brief, full = sums(block, made), sums(block, made)
    CompiledAdjuster(made, thorough=False).adjust(block, brief)
    CompiledAdjuster(made, thorough=True).adjust(block, full)
    np.testing.assert_allclose(brief.projected_ss, full.projected_ss, rtol=1e-14)
    np.testing.assert_allclose(brief.cross_product, full.cross_product, atol=1e-5)
    assert (brief.trait_ss[:, :64] != full.trait_ss[:, :64]).any()
    np.testing.assert_allclose(t_squared(block, brief), t_squared(block, full), rtol=MARGIN / 4, atol=1e-6)
    alone = (full.trait_ss[:, 64:] < 0.5).any(axis=1)
    assert alone.any()
    np.testing.assert_array_equal(brief.trait_ss[alone, 64:], full.trait_ss[alone, 64:])


def test_people_who_cannot_carry_the_covariates() -> None:
    bed = bed_codes(30, 3, 1)
    bed[0, 4:] = 1
    block = SampleSelector(np.arange(30), 30).select(pack(bed))
    found = sums(block, a_design(30, 6, 4, 1))
    CompiledAdjuster(a_design(30, 6, 4, 1)).adjust(block, found)
    assert np.isinf(found.projected_ss[0])
    assert np.isfinite(found.projected_ss[1:]).all()


def screened(seed: int, *, with_trait_ss: bool) -> Screened:
    rng = np.random.default_rng(seed)
    cross_product = rng.normal(0, 0.08, (90, 83)).astype(np.float32)
    cross_product[4, 3] = 3.0
    trait_ss = rng.uniform(0.9, 1, (90, 70)).astype(np.float32) if with_trait_ss else None
    reasons = (np.arange(90) % 13 == 0).astype(np.int8)
    return Screened(cross_product, rng.uniform(0.5, 2, 90), trait_ss, reasons, reasons == 0, rng.integers(50, 900, 90), 70)


def candidates(backend: type[NumpyBackend], made: Screened, min_t2: float, counts: NDArray[np.uint32]) -> NDArray[np.int32]:
    design = a_design(40, 3, 70, 1)
    tester = backend(design, NumpyKernel(design.traits.astype(np.float32)), fill_with_mean=False)
    return tester.test(a_block(40, 90, 0.0), made, np.full(90, min_t2), counts)


@pytest.mark.parametrize("with_trait_ss", [False, True])
def test_histograms_and_candidates_have_the_bits_of_numpy(instructions: str, with_trait_ss: bool) -> None:
    made = screened(1, with_trait_ss=with_trait_ss)
    ours, theirs = np.ones((70, BINS), dtype=np.uint32), np.ones((70, BINS), dtype=np.uint32)
    hits = candidates(DosageBackend, made, 3.84, ours)
    np.testing.assert_array_equal(hits, candidates(NumpyBackend, made, 3.84, theirs))
    np.testing.assert_array_equal(ours, theirs)
    assert ours.sum() == 70 * BINS + made.testable.sum() * 70
    assert 0 < len(hits) < 83 * 70


def test_more_hits_than_there_is_room_for() -> None:
    made, counts = screened(2, with_trait_ss=False), np.zeros((70, BINS), dtype=np.uint32)
    hits = candidates(DosageBackend, made, 0.0, counts)
    assert len(hits) == counts.sum() == made.testable.sum() * 70


@pytest.mark.parametrize(
    "chosen", [np.arange(77), np.arange(75), np.r_[0:70, 72:77], np.arange(0, 77, 2), np.array([3]), np.r_[0:40, 70:77]]
)
def test_people_are_chosen_and_counted_as_by_the_twin(
    instructions: str, chosen: NDArray[np.int64], monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = pack(bed_codes(77, 50, 4))
    ours = SampleSelector(chosen, 77).select(bed)
    monkeypatch.setattr(compiled, "is_available", lambda: False)
    theirs = SampleSelector(chosen, 77).select(bed)
    for field in ("packed", "minor_is_other", "missing_calls", "ones", "twos"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))


def scanned(stem: Path) -> ScanResult:
    traits, more = fileset.tables(tuple(f"p{i}" for i in range(140)), 19, 5, 8)
    traits.values[:20, 4] = np.nan
    options = matrix_options(stem)
    return matrix.scan(options, traits, more, fileset.opened(options), seed=1)


@pytest.fixture(scope="module")
def stem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stem = tmp_path_factory.mktemp("genotypes") / "cohort"
    fileset.write(stem, fileset.draw(140, 60, 8, missing=0.06))
    return stem


def test_every_instruction_set_gives_the_same_bits(instructions: str, stem: Path) -> None:
    found = scanned(stem)
    compiled.instructions("baseline")
    plain = scanned(stem)
    assert found.associations.frame.equals(plain.associations.frame)
    np.testing.assert_array_equal(found.chi2_counts, plain.chi2_counts)


def test_without_the_compiled_part_the_numbers_are_the_same(stem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = scanned(stem)
    monkeypatch.setattr(compiled, "is_available", lambda: False)
    theirs = scanned(stem)
    for column in ours.associations.frame.columns[6:]:
        np.testing.assert_allclose(ours.associations.frame[column], theirs.associations.frame[column], rtol=1e-9, atol=1e-12)
    assert ours.left_out.frame.equals(theirs.left_out.frame)
    assert np.abs(np.cumsum(ours.chi2_counts - theirs.chi2_counts, axis=1)).max() <= 2


@pytest.mark.parametrize(
    ("people", "traits", "variants", "min_t2"),
    [(150, 37, 61, 2.0), (3_205, 16, 30, 2.0), (100, 16, 8_200, 6.0), (150, 5, 0, 2.0)],
)
def test_tests_are_the_same_whether_products_are_kept_or_not(
    instructions: str, people: int, traits: int, variants: int, min_t2: float
) -> None:
    """A tile that is not full, variants not computed, and more people and variants than are done at once."""
    rng = np.random.default_rng(variants)
    block = SampleSelector(np.arange(people), people).select(pack(bed_codes(people, variants, 7)))
    tiles = compiled.tiled((rng.standard_normal((people, traits)) / np.sqrt(people)).astype(np.float32))
    genotype_ss = (block.raw_ss - block.minor_alleles**2 / people).astype(np.float32)
    numbers = genotype_ss, rng.integers(50, 900, variants).astype(np.float32), np.full(variants, min_t2, dtype=np.float32)
    testable = (np.arange(variants) % 9 > 0) & (genotype_ss > 0)
    kept, passing = np.ones((traits, BINS), dtype=np.uint32), np.ones((traits, BINS), dtype=np.uint32)
    expected = compiled.tests(compiled.products(block.packed, tiles), *numbers, testable, None, kept)
    found = compiled.products_and_tests(block.packed, tiles, *numbers, testable, passing)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(passing, kept)
    assert passing.sum() == traits * (BINS + testable.sum())
    if people <= compiled.MOST_LISTED:
        lists = np.empty(compiled.row_list_bytes(block.packed, tiles), dtype=np.uint8)
        compiled.products(block.packed, tiles[:1], lists)
        again = compiled.products_and_tests(block.packed, tiles, *numbers, testable, passing, lists)
        np.testing.assert_array_equal(again, expected)
        np.testing.assert_array_equal(passing, 2 * kept - 1)
    assert 0 < len(found) < traits * variants or variants == 0


def test_products_are_kept_where_a_caller_needs_them() -> None:
    """A Fitter keeps cross-products by default; the tests are the same without them."""
    people, rng = 200, np.random.default_rng(2)
    block = SampleSelector(np.arange(people), people).select(pack(np.array([3, 2, 0])[rng.binomial(2, 0.3, (50, people))]))
    covariates, values = rng.standard_normal((people, 3)), rng.standard_normal((people, 21))
    basis = np.linalg.qr(np.column_stack([np.ones(people), covariates]))[0]
    group = Group(np.arange(21), np.arange(people), design(basis, values), Plink2Checks(basis, covariates))
    options = matrix_options(Path("none"), keep_neglog10p=2)
    keeping, fused = (Fitter(options, group, keep_products=keep) for keep in (True, False))
    kept, passing = keeping.screen(block), fused.screen(block)
    assert kept.cross_product.dtype == np.float32
    assert passing.cross_product is None
    np.testing.assert_array_equal(kept.genotype_ss, passing.genotype_ss)
    counts = keeping.pool().local(), fused.pool().local()
    np.testing.assert_array_equal(keeping.candidates(block, kept, counts[0]), fused.candidates(block, passing, counts[1]))
    np.testing.assert_array_equal(*counts)
    assert counts[0].sum() == 50 * 21
    # Another block is screened before this one is tested: its row lists are gone.
    other = SampleSelector(np.arange(people), people).select(pack(np.zeros((50, people), dtype=np.uint8)))
    fused.screen(other)
    np.testing.assert_array_equal(fused.candidates(block, passing, counts[1]), keeping.candidates(block, kept, counts[0]))
    np.testing.assert_array_equal(*counts)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
@pytest.mark.parametrize("missing", ["exact", "mean"])
def test_variants_without_missing_calls_are_tested_in_one_pass_in_a_block_with_others(
    instructions: str, share: float, missing: str
) -> None:
    """The same bits as with products that are kept, in the order of the block; a small share is not divided off."""
    people, rng = 150, np.random.default_rng(3)
    bed = np.array([3, 2, 0], dtype=np.uint8)[rng.binomial(2, 0.3, (700, people))]
    lacks = rng.random(700) >= share
    bed[(rng.random(bed.shape) < 0.05) & lacks[:, None]] = 1
    bed[lacks, 0] = 1
    block = SampleSelector(np.arange(people), people).select(pack(bed))
    covariates, values = rng.standard_normal((people, 3)), rng.standard_normal((people, 37))
    basis = np.linalg.qr(np.column_stack([np.ones(people), covariates]))[0]
    group = Group(np.arange(37), np.arange(people), design(basis, values), Plink2Checks(basis, covariates))
    options = matrix_options(Path("none"), keep_neglog10p=2, missing=missing)
    keeping, fused = (Fitter(options, group, keep_products=keep) for keep in (True, False))
    kept, passing = keeping.screen(block), fused.screen(block)
    assert isinstance(passing.cross_product, DividedProducts) == (share > 0.45)
    np.testing.assert_array_equal(kept.genotype_ss, passing.genotype_ss)
    np.testing.assert_array_equal(kept.glm_errors, passing.glm_errors)
    counts = keeping.pool().local(), fused.pool().local()
    expected = keeping.candidates(block, kept, counts[0])
    np.testing.assert_array_equal(fused.candidates(block, passing, counts[1]), expected)
    np.testing.assert_array_equal(*counts)
    assert counts[0].sum() == 700 * 37
    assert set(lacks[expected[:, 0]]) == {True, False}
    # Another block is screened before this one is tested.
    fused.screen(block.select(np.arange(100)))
    np.testing.assert_array_equal(fused.candidates(block, passing, counts[1]), expected)
    np.testing.assert_array_equal(counts[1], 2 * counts[0])


@pytest.mark.parametrize("name", constants.NAMES)
def test_a_build_with_other_constants_is_not_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    compiled.is_available.cache_clear()
    monkeypatch.setattr(constants, name, getattr(constants, name) * 2)
    assert not compiled.is_available()
    compiled.is_available.cache_clear()


def test_what_the_shortcut_moves_is_within_the_margin() -> None:
    assert constants.T2_TOLERANCE < MARGIN

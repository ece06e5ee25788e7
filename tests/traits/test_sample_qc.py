"""Guards over people: KING and components against PLINK 2, planted culprits found, real people left alone."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import to_bed
from numpy.typing import NDArray

from ecgwas.genotypes import chromosomes, long_range_ld, pruned_panel
from ecgwas.genotypes.packed_calls import packed_calls
from ecgwas.genotypes.pruned_panel import PrunedGenotypes
from ecgwas.study.traits import PersonGuards
from ecgwas.traits import families, kinship, sample_qc
from ecgwas.traits import genotype_pcs as ancestry
from ecgwas.traits.genotype_pcs import genotype_pcs
from tests.genotypes.fileset import matrix_options

VARIANTS = 3000
NO_CALL = 3


def draw(people: int, seed: int, *, variants: int = VARIANTS) -> NDArray[np.uint8]:
    """(V, N) copies of independent common variants."""
    rng = np.random.default_rng(seed)
    return rng.binomial(2, rng.uniform(0.1, 0.5, variants)[:, None], (variants, people)).astype(np.uint8)


def made(codes: NDArray[np.uint8], **more: object) -> PrunedGenotypes:
    people = codes.shape[1]
    called = (codes != NO_CALL).sum(axis=0)
    x = more.pop("x_codes", np.empty((0, people), dtype=np.uint8))
    return PrunedGenotypes(tuple(f"p{i}" for i in range(people)), packed_calls(codes), called, len(codes), packed_calls(x))


def judged(given: PrunedGenotypes, sexes: NDArray[np.int8] | None = None, **options: object) -> sample_qc.SampleQc:
    people = len(given.eids)
    return sample_qc.run(
        PersonGuards.model_validate(options),
        given,
        np.zeros(people, dtype=np.int8) if sexes is None else sexes,
        wanted_components=10,
        seed=1,
    )


def status(found: sample_qc.SampleQc) -> dict[str, str]:
    return dict(found.guards.frame.select("guard", "status").iter_rows())


def test_ordinary_people_pass() -> None:
    found = judged(made(draw(200, 1)), max_heterozygosity_sd=5.0)
    assert found.excluded == {}
    assert found.genotype_pcs.shape == (200, 10)
    assert status(found) == {
        "person_call_rate": "pass", "heterozygosity": "pass", "sex": "not judged", "kinship": "pass", "ancestry": "pass"
    }  # fmt: skip


def test_culprits_are_left_out_with_their_reasons() -> None:
    codes = draw(200, 2)
    rng = np.random.default_rng(3)
    codes[rng.random(VARIANTS) < 0.05, 0] = NO_CALL
    codes[rng.random(VARIANTS) < 0.5, 1] = 1  # contaminated: too many heterozygotes
    codes[:, 3] = codes[:, 2]  # a twin
    mother, father = codes[:, 4], codes[:, 5]
    codes[:, 6] = (rng.random(VARIANTS) < mother / 2).astype(np.uint8) + (rng.random(VARIANTS) < father / 2)
    found = judged(made(codes), max_heterozygosity_sd=5.0)
    assert found.excluded["p0"].startswith("call rate 0.9")
    assert found.excluded["p1"].startswith("heterozygosity +")
    assert "p3" in found.excluded
    assert "p2" not in found.excluded
    # The child is related to both parents, who are strangers: the child goes.
    assert found.excluded["p6"].startswith("related to another person, kinship 0.2")
    assert set(found.excluded) == {"p0", "p1", "p3", "p6"}
    assert len(found.eids) == len(found.genotype_pcs) == 196


def test_people_of_another_ancestry_are_left_out() -> None:
    codes = draw(300, 4)
    codes[:, :2] = draw(2, 99)  # other frequencies
    found = judged(made(codes), max_heterozygosity_sd=None)
    assert set(found.excluded) == {"p0", "p1"}
    assert found.excluded["p0"].startswith("ancestry outlier")


def test_components_do_not_depend_on_how_many_variants_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = draw(120, 5, variants=500)
    whole = genotype_pcs(codes, 6, seed=1)
    monkeypatch.setattr(ancestry, "GENOTYPES_PER_STEP", 120 * 37)
    np.testing.assert_allclose(genotype_pcs(codes, 6, seed=1), whole, atol=2e-6)


def test_sex_is_told_by_x() -> None:
    rng = np.random.default_rng(5)
    frequency = rng.uniform(0.1, 0.5, 400)[:, None]
    women, men = rng.binomial(2, frequency, (400, 50)), 2 * rng.binomial(1, frequency, (400, 50))
    x_codes = np.hstack([women, men]).astype(np.uint8)
    sexes = np.repeat([2, 1], 50).astype(np.int8)
    sexes[0], sexes[99], sexes[1] = 1, 2, 0
    found = judged(made(draw(100, 6), x_codes=x_codes), sexes, max_heterozygosity_sd=None)
    assert set(found.excluded) == {"p0", "p99"}
    assert found.excluded["p0"].startswith("sex male, but F on X")
    assert status(found)["sex"] == "warn"


def test_a_limit_of_none_turns_its_guard_off() -> None:
    off = {name: None for name in PersonGuards.model_fields if name != "check_sex"}
    codes = draw(60, 7)
    codes[:, 1] = codes[:, 0]
    found = judged(made(codes), check_sex=False, **off)
    assert found.excluded == {}
    assert set(status(found).values()) == {"not judged"}


def test_few_variants_judge_nobody() -> None:
    found = judged(made(draw(60, 8, variants=100)))
    assert found.excluded == {}
    assert found.genotype_pcs.shape == (60, 0)


def kinship_of_all(codes: np.ndarray) -> np.ndarray:
    return np.concatenate([rows for _, rows in kinship.kinship_rows(codes)])


def test_noise_of_few_variants_is_not_taken_for_kinship() -> None:
    codes = draw(400, 9, variants=400)
    assert np.nanmax(kinship_of_all(codes)) > 0.0884
    assert len(kinship.related_pairs(codes, 0.0884).first) == 0


def test_the_fewest_people_leave() -> None:
    # 0 is related to 1, 2 and 3, who are strangers to each other.
    assert families.fewest_exclusions([0, 0, 0], [1, 2, 3], np.zeros(4, dtype=np.int64)).people == (0,)


def test_pruned_variants_are_nearly_independent() -> None:
    rng = np.random.default_rng(10)
    independent = rng.binomial(2, 0.3, (50, 300)).astype(np.uint8)
    copies = np.repeat(independent, 3, axis=0)
    copies[1::3][rng.random((50, 300)) < 0.02] = 0
    kept = copies[pruned_panel.ld_pruned(copies, np.arange(150) * 1000)]
    r2 = np.corrcoef(kept) ** 2
    np.fill_diagonal(r2, 0)
    assert r2.max() <= pruned_panel.MAX_R2
    assert 45 <= len(kept) <= 50


def test_variants_far_apart_are_not_pruned() -> None:
    one = np.random.default_rng(11).binomial(2, 0.3, (1, 100)).astype(np.uint8)
    assert pruned_panel.ld_pruned(np.repeat(one, 2, axis=0), np.array([1, 1 + pruned_panel.WINDOW_BP + 1])).all()


def test_long_range_regions_are_known_on_both_builds() -> None:
    assert long_range_ld.region_name("hg19", "6", 30_000_000, 30_000_001) == "MHC"
    assert long_range_ld.region_name("hg38", "17", 46_000_000, 46_000_001) == "17q21 inversion"
    assert long_range_ld.region_name("hg19", "1", 162_000_000, 162_100_000) is None
    assert long_range_ld.in_long_range_ld("hg19", "2", np.array([1, 136_000_000])).tolist() == [False, True]
    assert long_range_ld.in_pseudoautosomal_region("hg19", np.array([70_000, 5_000_000])).tolist() == [True, False]


def write_bed(stem: Path, codes: NDArray[np.uint8]) -> None:
    people, variants = codes.shape[1], codes.shape[0]
    dosage = codes.T.astype(np.int8)
    dosage[dosage == NO_CALL] = -127
    to_bed(
        stem.with_name(stem.name + ".bed"), dosage,
        properties={
            "fid": ["0"] * people, "iid": [f"p{i}" for i in range(people)], "sex": [1] * people,
            "sid": [f"v{j}" for j in range(variants)], "chromosome": [str(1 + j) for j in np.sort(np.arange(variants) % 22)],
            "bp_position": [1_000_000 + 2_000_000 * (j % 50) for j in range(variants)], "allele_1": ["G"] * variants,
            "allele_2": ["A"] * variants,
        },
    )  # fmt: skip


def plink2(stem: Path, *arguments: str) -> None:
    subprocess.run(["plink2", "--bfile", str(stem), "--out", str(stem), "--threads", "1", *arguments], check=True,
                   capture_output=True)  # fmt: skip


@pytest.mark.plink2
def test_kinship_is_that_of_plink2(tmp_path: Path) -> None:
    codes = draw(40, 12)
    rng = np.random.default_rng(13)
    codes[:, 1] = np.where(rng.random(VARIANTS) < 0.5, codes[:, 0], codes[:, 1])
    codes[rng.random(codes.shape) < 0.02] = NO_CALL
    write_bed(tmp_path / "cohort", codes)
    plink2(tmp_path / "cohort", "--make-king-table", "cols=id,kinship")
    theirs = pl.read_csv(tmp_path / "cohort.kin0", separator="\t")
    ours = kinship_of_all(codes)
    first, second = (theirs[name].str.strip_prefix("p").cast(pl.Int64).to_numpy() for name in ("#IID1", "IID2"))
    np.testing.assert_allclose(ours[first, second], theirs["KINSHIP"].to_numpy(), atol=2e-6)


@pytest.mark.plink2
@pytest.mark.real
def test_components_are_those_of_plink2_on_real_people(tmp_path: Path, shared: Path) -> None:
    stem = shared / "data" / "genotypes" / "eur489"
    options = matrix_options(stem)
    eids = chromosomes.eids_in_all_files(options)
    seen = pruned_panel.read(chromosomes.available(options), partial(chromosomes.open_chromosome, options), eids, build="hg19")
    write_bed(tmp_path / "cohort", seen.codes.unpacked())
    plink2(tmp_path / "cohort", "--pca", "10")
    theirs = pl.read_csv(tmp_path / "cohort.eigenvec", separator="\t").select(pl.col("^PC.*$")).to_numpy()
    ours = genotype_pcs(seen.codes, 10, seed=1)
    for k in range(10):
        assert abs(np.corrcoef(ours[:, k], theirs[:, k])[0, 1]) > 0.999


@pytest.mark.real
def test_real_people_of_five_populations_are_not_removed_en_masse(shared: Path) -> None:
    options = matrix_options(shared / "data" / "genotypes" / "eur489")
    eids = chromosomes.eids_in_all_files(options)
    seen = pruned_panel.read(chromosomes.available(options), partial(chromosomes.open_chromosome, options), eids, build="hg19")
    found = judged(seen)
    assert len(seen.codes) > 2000
    assert len(found.excluded) <= 3
    assert not any("ancestry" in reason or "related" in reason for reason in found.excluded.values())

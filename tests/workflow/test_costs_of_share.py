"""The plan of the stage `share`: one scan without permutations per fold, none if nobody is matched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecgwas.study import Plink2, Study
from ecgwas.workflow import costs
from ecgwas.workflow.costs import StudySize
from ecgwas.workflow.costs_of_share import scans, share
from tests.conftest import ROOT

SIZE = StudySize(recordings=70_000, tested=70_000, variants={str(number): 400_000 for number in range(1, 23)})
COUNT = 384


@pytest.fixture(scope="module")
def example() -> Study:
    return Study.read_file(ROOT / "examples" / "study.yaml")


def without_permutations(study: Study, size: StudySize) -> float:
    other = study.model_copy(update={"scan": study.scan.model_copy(update={"permutations": 0})})
    each = (costs.scan(other, size, COUNT, variants).cpu_seconds for variants in size.variants.values())
    return sum(seconds - costs.CONSTANTS["start"] for seconds in each)


def test_a_biobank_is_scanned_once_more_and_a_small_study_ten_times(example: Study) -> None:
    few = replace(SIZE, recordings=900, tested=900)
    for size, folds in ((SIZE, 1), (few, 10)):
        assert scans(example, size, COUNT).cpu_seconds == pytest.approx(folds * without_permutations(example, size), rel=0.02)


def test_without_matching_there_is_no_scan_and_with_it_memory_includes_one(example: Study) -> None:
    without = example.model_copy(update={"share": example.share.model_copy(update={"matching": False})})
    with_it, spared = share(example, SIZE, COUNT), share(without, SIZE, COUNT)
    assert spared.cpu_seconds < 0.1 * with_it.cpu_seconds
    assert spared.cores == 1
    assert with_it.cores == costs.scan(example, SIZE, COUNT, 400_000).cores
    assert with_it.memory_mib > spared.memory_mib + 8 * SIZE.tested * COUNT / costs.MIB
    tiny = replace(SIZE, recordings=40, tested=40)
    assert share(example, tiny, COUNT) == share(without, tiny, COUNT)


def test_plink_counts_as_the_engine_of_its_own(example: Study) -> None:
    plink = example.model_copy(update={"scan": Plink2(genotypes=example.scan.genotypes)})
    assert scans(plink, SIZE, COUNT).cpu_seconds == pytest.approx(scans(example, SIZE, COUNT).cpu_seconds, rel=0.02)

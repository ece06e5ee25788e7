"""What is read from odd tables that `check` has no word about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgwas import ids
from ecgwas.genes.sources import enrichment
from ecgwas.genotypes import people_lists
from ecgwas.loci import known
from ecgwas.study import Enrichment, TraitOptions
from ecgwas.traits import covariates
from tests.bad_input.harness import put


@pytest.mark.parametrize("words", [("male", "female"), ("Male", "Female"), ("M", "F"), ("m", "f"), ("1", "2")])
def test_sexes_are_understood_in_words(words: tuple[str, str], tmp_path: Path) -> None:
    path = put(tmp_path / "g.fam", "".join(f"f p{i} 0 0 {words[i % 2]} -9\n" for i in range(4)))
    found = people_lists.read_psam(path)
    assert found.sexes.tolist() == [1, 2, 1, 2]
    assert found.unknown_sex_codes == ()


def test_codes_of_sex_that_mean_nothing_are_named(tmp_path: Path) -> None:
    found = people_lists.read_psam(put(tmp_path / "g.psam", "#IID SEX\na Herr\nb 2\nc NA\nd 0\n"))
    assert found.sexes.tolist() == [0, 2, 0, 0]
    assert found.unknown_sex_codes == ("Herr",)


def test_values_that_differ_by_rounding_are_a_constant(tmp_path: Path) -> None:
    rows = [f"{i},{40 + i * i % 31},{10**17 + i},{0.1 + 0.2 if i % 2 else 0.3!r}" for i in range(1000, 1060)]
    options = TraitOptions(covariates=put(tmp_path / "c.csv", "eid,age,big,third\n" + "\n".join(rows) + "\n"))
    table = covariates.read(options)
    coded = covariates.code(table, table.eids, options)
    assert coded.covariates.names == ("age",)
    assert "big, third" in " ".join(coded.notes)


def test_small_values_keep_their_differences(tmp_path: Path) -> None:
    rows = [f"{i},{i}e-40,{1e9 + i}" for i in range(60)]
    options = TraitOptions(
        covariates=put(tmp_path / "c.csv", "eid,small,large\n" + "\n".join(rows[::-1]) + "\n"), use=("large",)
    )
    coded = covariates.code(covariates.read(options), [str(i) for i in range(60)], options)
    assert np.ptp(coded.covariates.values[:, 0]) == 59


def test_chromosomes_of_known_loci_are_named_as_ours(tmp_path: Path) -> None:
    path = put(tmp_path / "k.tsv", "trait\tchr\tbp\nqt\tCHR1\t5\nqt\tchrX\t6\nqt\t23\t7\nqt\t03\t8\nqt\tchr4\t9\n")
    assert known.read(path).frame["chrom"].to_list() == ["1", "X", "X", "3", "4"]


@pytest.mark.parametrize("head", ["term\tdescription\tgenes", "pathway\turl\tGene", "set\t\tsymbols"])
def test_a_header_is_no_term(head: str, tmp_path: Path) -> None:
    path = put(tmp_path / "t.gmt", f"{head}\nheart\tof the heart\tAAA\tBBB\n")
    assert [term.identifier for term in enrichment.read_terms(Enrichment(terms=path))] == ["heart"]


@pytest.mark.parametrize(
    ("columns", "near"),
    [
        (("#FID", "IID", "age"), "IID"), (("FID", "age"), "FID"), (("f.eid", "age"), "f.eid"), (("Participant ID", "age"), "Participant ID"),
        (("participant.eid", "participant.p31"), "participant.eid"), (("age", "sex"), None),
    ],
)  # fmt: skip
def test_the_column_of_ids_is_told_by_its_name(columns: tuple[str, ...], near: str | None) -> None:
    assert ids.likely_eid_column(columns) == near

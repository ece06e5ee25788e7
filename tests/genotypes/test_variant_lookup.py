"""One variant by id, rs number, position or alleles, over several files; ambiguity is an error that names all."""

from __future__ import annotations

import numpy as np
import pytest
from bed_reader import to_bed

from ecgwas.errors import InputError
from ecgwas.genotypes import variant_lookup
from ecgwas.study.scan import Matrix

VARIANTS = {
    "1": [("rs10", 100, "A", "G"), ("rs20;x", 200, "C", "T"), ("two", 300, "A", "C"), ("twice", 300, "A", "T")],
    "X": [("rs30", 155_000_000, "A", "G"), ("two", 400, "G", "A")],
}


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    folder = tmp_path_factory.mktemp("lookup")
    for chrom, rows in VARIANTS.items():
        names, positions, effect, other = zip(*rows, strict=True)
        to_bed(
            folder / f"chr{chrom}.bed", np.ones((4, len(rows)), dtype=np.int8),
            properties={"iid": list("abcd"), "sid": list(names), "chromosome": [chrom] * len(rows),
                        "bp_position": list(positions), "allele_1": list(effect), "allele_2": list(other)},
        )  # fmt: skip
    return Matrix.model_validate({"genotypes": folder / "chr{chrom}", "chromosomes": ["1"]})


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("rs10", ("1", 100)), ("rs20", ("1", 200)), ("rs20;x", ("1", 200)), ("1:100", ("1", 100)), ("chr1:300:C:A", ("1", 300)),
        ("1-300-T-A", ("1", 300)), ("rs30", ("X", 155_000_000)), ("chr23:155000000", ("X", 155_000_000)), ("twice", ("1", 300)),
    ],
)  # fmt: skip
def test_a_variant_is_found_by_any_of_its_names(options: Matrix, name: str, place: tuple[str, int]) -> None:
    found = variant_lookup.find(options, name)
    assert (found.chrom, found.pos) == place
    assert len(found.genotypes) == len(VARIANTS[found.chrom])


def test_a_position_of_two_variants_and_a_name_of_two_are_refused(options: Matrix) -> None:
    with pytest.raises(InputError, match="1:300 means 2 variants: 1:300:C:A, 1:300:T:A"):
        variant_lookup.find(options, "1:300")
    with pytest.raises(InputError, match="two means 2 variants: 1:300:C:A, X:400:A:G"):
        variant_lookup.find(options, "two")
    assert variant_lookup.find(options, "two", ["X"]).pos == 400


def test_a_mistyped_name_gets_similar_ones(options: Matrix) -> None:
    with pytest.raises(InputError) as error:
        variant_lookup.find(options, "RS31")
    assert "rs30" in error.value.fix
    with pytest.raises(InputError, match="no variant with these alleles at 1:100") as other:
        variant_lookup.find(options, "1:100:A:T")
    assert "1:100:G:A (rs10)" in other.value.fix

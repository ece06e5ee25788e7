"""Indexes of variants and genes against a plain search of all rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ecgwas.genes.sources.gene_positions import GeneModel
from ecgwas.report.names import in_address
from ecgwas.serve import addresses
from ecgwas.serve.addresses import Address
from ecgwas.serve.genes import NEAREST_WITHIN_BP, GeneTable
from ecgwas.serve.kept import KeptTests
from ecgwas.serve.variants import VariantTable, in_order
from ecgwas.tables import Associations


@pytest.fixture(scope="module")
def table() -> VariantTable:
    rng = np.random.default_rng(3)
    count = 3_000
    frame = pl.DataFrame({
        "variant": [f"rs{k}" if k % 7 else "." for k in rng.permutation(count)], "chrom": rng.choice(["2", "10", "X"], count),
        "pos": rng.integers(1, 5_000, count), "effect_allele": rng.choice(list("ACGT"), count),
        "other_allele": rng.choice(["A", "CT", "<DEL>"], count),
    }).unique(["chrom", "pos", "effect_allele", "other_allele"])  # fmt: skip
    return VariantTable.of(in_order(frame))


def test_variants_are_in_the_order_of_the_genome(table: VariantTable) -> None:
    assert list(table.spans) == ["2", "10", "X"]
    for chrom, (first, after) in table.spans.items():
        assert set(table.frame["chrom"][first:after]) == {chrom}
        assert table.frame["pos"][first:after].is_sorted()


def test_positions_keys_and_names_are_those_of_a_plain_search(table: VariantTable) -> None:
    numbered = table.frame.with_row_index("at")
    for start, stop in ((1, 10), (700, 720), (4_990, 9_999), (20_000, 30_000), (50, 40)):
        wanted = numbered.filter(pl.col("chrom") == "10", pl.col("pos").is_between(start, stop))["at"].to_list()
        assert list(table.between("10", start, stop)) == wanted
    assert len(table.between("7", 1, 9_999)) == 0
    for number in range(0, len(table), 97):
        row = table.row(number)
        assert table.number_of(row) == number
        assert table.number_of({**row, "pos": row["pos"] + 10_000}) is None
        wanted = [] if row["variant"] == "." else numbered.filter(pl.col("variant") == row["variant"])["at"].to_list()
        assert table.named(str(row["variant"]).upper()) == wanted
    begins = numbered.filter(pl.col("variant").str.starts_with("rs29"))["at"].to_list()
    assert sorted(table.starting_with("RS29", 10_000)) == begins
    assert table.starting_with("nothing", 5) == []


def test_the_nearest_variants_are_the_nearest(table: VariantTable) -> None:
    for pos in (0, 1, 2_500, 4_999, 90_000):
        first, after = table.spans["2"]
        away = np.sort(np.abs(table.positions[first:after] - pos))[:4]
        assert [abs(int(table.positions[number]) - pos) for number in table.nearest("2", pos, 4)] == away.tolist()
    assert table.nearest("7", 5, 4) == []


def test_the_nearest_gene_is_the_nearest() -> None:
    rng = np.random.default_rng(4)
    starts = rng.integers(1, 3_000_000, 60)
    models = [GeneModel(f"G{k}", int(start), int(start + length)) for k, (start, length) in
              enumerate(zip(starts, rng.integers(10, 120_000, 60), strict=True))]  # fmt: skip
    genes = GeneTable.of_models({"1": models}, {})
    for pos in [*rng.integers(1, 4_500_000, 400).tolist(), models[0].start, models[0].stop]:
        away = {one.symbol: max(one.start - pos, pos - one.stop, 0) for one in models}
        least = min(away.values())
        symbol = genes.nearest("1", pos)
        if least > NEAREST_WITHIN_BP:
            assert symbol is None
        else:
            assert symbol is not None
            assert away[symbol] == least
    assert genes.nearest("2", 5) is None
    assert genes.named("g7") == ("G7", "1", models[7].start, models[7].stop)
    assert not GeneTable()


@pytest.mark.parametrize("text", ["a/b,c-d", "a%2Fb", "Ä # ?", "pca.12L.f01", ""])
def test_addresses_are_read_as_they_were_written(text: str) -> None:
    assert addresses.unquote(in_address(text)) == text
    assert Address.parsed(addresses.trait(text, "my/study")) == Address("trait", text, "", "my/study")
    assert Address.parsed(addresses.region("X", 5, 9, text, text)) == Address("region", "X:5-9", text, text)


def test_a_variant_s_address_has_its_alleles() -> None:
    row = {"variant": ".", "chrom": "3", "pos": 7, "effect_allele": "<DEL>", "other_allele": "A"}
    assert Address.parsed(addresses.variant(row, "s")) == Address("variant", "3:7:<DEL>:A", "", "s")
    assert addresses.region_in("chr3:1,000-20") == ("3", 20, 1000)
    assert addresses.region_in("3:1000") is None


def test_a_scan_that_kept_nothing_has_indexes_too() -> None:
    kept = KeptTests.of(Associations.empty().frame, ["a", "b"])
    assert (len(kept), len(kept.table), kept.no_test.height, kept.trait(1).height) == (0, 0, 0, 0)
    assert np.isnan(kept.heights()).all()
    assert kept.table.named("rs1") == []
    assert kept.table.nearest("1", 5, 3) == []
    assert kept.strongest_traits(kept.table.between("1", 1, 9), 3).height == 0
    assert kept.table.frame[[]].height == 0

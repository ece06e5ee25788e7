"""Packed blocks, unpacked again another way, against the tables that they were packed from."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecgwas.report import ReportContents, ScanRows
from ecgwas.report.figures.thinning import genome_of
from ecgwas.report.page import embedded as e
from ecgwas.tables import Associations
from tests.report.example import MEASURED, changed, make_contents, make_empty_contents, rows_of, with_measured_hits


class Unpacked:
    """Reads a block from its start, as the page's script does."""

    def __init__(self, block: str) -> None:
        self.bytes = zlib.decompress(base64.b64decode(block))
        self.at = 0

    def plain(self, count: int) -> NDArray[np.uint32]:
        self.at += 4 * count
        return np.frombuffer(self.bytes[self.at - 4 * count : self.at], "<u4")

    def numbers(self, count: int, kind: str) -> NDArray[np.float64]:
        raw = np.frombuffer(self.bytes[self.at : self.at + 4 * count], np.uint8).reshape(4, count)
        self.at += 4 * count
        return np.frombuffer(np.ascontiguousarray(raw.T).tobytes(), kind).astype(np.float64)

    def rest(self) -> bytes:
        return self.bytes[self.at :]


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents(4)


def variants(packed: e.Embedded) -> list[tuple[str, int, str, int]]:
    """Chromosome, position, id, best trait of each variant."""
    index = json.loads(packed.index)
    block = Unpacked(packed.blocks["variant-places"])
    chrom, steps, best = (block.numbers(index["variants"], "<u4").astype(np.uint32) for _ in range(3))
    positions = np.cumsum(steps, dtype=np.uint32)
    names = zlib.decompress(base64.b64decode(packed.blocks["variant-names"])).decode().splitlines()
    return [(index["genome"][int(c)][0], int(pos), line.split("\t")[0], int(k))
            for c, pos, line, k in zip(chrom, positions, names, best, strict=True)]  # fmt: skip


def points(packed: e.Embedded, k: int) -> list[tuple[str, int, str, float, float]]:
    block = Unpacked(packed.blocks[f"trait-{k}"])
    count, *_, decimals = (int(number) for number in block.plain(5))
    numbers = np.cumsum(block.numbers(count, "<u4")).astype(int)
    neglog10p, beta = block.numbers(count, "<f4"), block.numbers(count, "<i4") / 10.0**decimals
    every = variants(packed)
    return [(*every[i][:3], p, b) for i, p, b in zip(numbers, neglog10p, beta, strict=True)]


def test_every_kept_test_is_there_with_its_numbers(contents: ReportContents) -> None:
    packed = e.embedded(contents, {})
    for k, trait in enumerate(contents.scan.trait_names):
        rows = rows_of(contents).filter(pl.col("trait") == trait)
        wanted = sorted(rows.select("chrom", "pos", "variant", "neglog10p", "beta").iter_rows())
        found = sorted(points(packed, k))
        assert [point[:3] for point in found] == [row[:3] for row in wanted]
        assert np.allclose([point[3] for point in found], [row[3] for row in wanted], rtol=1e-6)
        assert [f"{point[4]:.3f}" for point in found] == [f"{row[4]:.3f}" for row in wanted]


def test_effects_in_natural_units_are_those_of_the_hits(contents: ReportContents) -> None:
    measured = with_measured_hits(contents)
    packed = e.embedded(measured, {})
    blocks = {name for name in packed.blocks if name.startswith("effects-")}
    numbers = {trait: measured.scan.trait_names.index(trait) for trait in MEASURED}
    assert blocks == {f"effects-{k}" for k in numbers.values()}
    for trait, k in numbers.items():
        block = Unpacked(packed.blocks[f"effects-{k}"])
        count = int(block.plain(1)[0])
        places, effect, error = (block.numbers(count, kind) for kind in ("<u4", "<f4", "<f4"))
        every = points(packed, k)
        found = {every[int(place)][2]: (b, s) for place, b, s in zip(places, effect, error, strict=True)}
        hits = measured.loci.hits.frame.filter(trait=trait)
        assert found.keys() == set(hits["variant"])
        for variant, *wanted in hits.select("variant", "effect", "effect_se").iter_rows():
            np.testing.assert_allclose(found[variant], wanted, rtol=1e-6)
        assert json.loads(packed.index)["traits"][k]["unit"] == MEASURED[trait]
    assert not [one for one in json.loads(packed.index)["traits"] if "unit" in one and one["name"] not in MEASURED]


def test_the_best_trait_of_a_variant_is_the_one_with_the_strongest_test(contents: ReportContents) -> None:
    strongest = rows_of(contents).sort("neglog10p", descending=True).group_by("variant").first()
    best = dict(strongest.select("variant", "trait").iter_rows())
    for _, _, variant, k in variants(e.embedded(contents, {})):
        assert contents.scan.trait_names[k] == best[variant]


def test_curves_counts_and_their_order(contents: ReportContents) -> None:
    packed = e.embedded(contents, {})
    k = contents.scan.trait_names.index("ae.V1.f02")
    block = Unpacked(packed.blocks[f"trait-{k}"])
    real, curve, counts, pixels = (int(number) for number in block.plain(5)[:4])
    block.numbers(3 * real, "<u4")
    points_of_curve = contents.scan.qq.filter(pl.col("trait") == "ae.V1.f02")
    for name in ("expected", "observed", "low", "high"):
        assert np.allclose(block.numbers(curve, "<f4"), points_of_curve[name].to_numpy(), rtol=1e-6)
    assert contents.scan.background is not None
    assert block.numbers(counts, "<u4").tolist() == contents.scan.background.counts[k].ravel().tolist()
    assert (pixels, block.rest()) == (0, b"")


def test_too_many_points_become_pixels_and_the_strongest_stay(
    contents: ReportContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(e, "MOST_POINTS", 300)
    packed = e.embedded(contents, {})
    limit = json.loads(packed.index)["points_from"]
    values = rows_of(contents)["neglog10p"].to_numpy()
    assert (values >= limit).sum() <= 300 < (values >= limit - e.STEP).sum()
    genome = genome_of(contents.scan.rows)
    for k, trait in enumerate(contents.scan.trait_names[:20]):
        rows = rows_of(contents).filter(pl.col("trait") == trait)
        assert len(points(packed, k)) == rows.filter(pl.col("neglog10p") >= limit).height
        block = zlib.decompress(base64.b64decode(packed.blocks[f"trait-{k}"]))
        size = int(np.frombuffer(block[:20], "<u4")[3])
        bits = np.unpackbits(np.frombuffer(block[len(block) - size :], np.uint8), bitorder="little").reshape(-1, e.COLUMNS)
        below = rows.filter(pl.col("neglog10p") < limit)
        wanted = {
            (int((value - 3) / e.PIXEL), min(int((genome.starts[chrom] + pos) / genome.end * e.COLUMNS), e.COLUMNS - 1))
            for chrom, pos, value in below.select("chrom", "pos", "neglog10p").iter_rows()
        }
        assert {(int(row), int(column)) for row, column in np.argwhere(bits)} == wanted


def test_names_cannot_end_the_script_that_holds_them(contents: ReportContents) -> None:
    wild = rows_of(contents).with_columns(variant=pl.lit("</script><b>"))
    packed = e.embedded(changed(contents, rows=ScanRows.of(Associations(wild))), {})
    assert "<" not in packed.index
    assert not [name for name, block in packed.blocks.items() if "<" in block]


def test_nothing_found_packs_too() -> None:
    packed = e.embedded(make_empty_contents(), {})
    assert json.loads(packed.index)["variants"] == 0
    assert points(packed, 0) == []


def test_alleles_of_one_position_and_name_are_packed_apart() -> None:
    row = {"trait": "pca.12L.f01", "variant": ".", "chrom": "3", "pos": 5, "effect_allele": "A", "other_allele": "G",
           "eaf": 0.3,
           "n": 74, "beta": 0.5, "se": 0.1, "t": 5.0, "neglog10p": 6.0}  # fmt: skip
    other = row | {"effect_allele": "T", "beta": -0.25, "neglog10p": 4.0}
    packed = e.embedded(changed(make_contents(4), rows=ScanRows.of(Associations.of([row, other]))), {})
    assert json.loads(packed.index)["variants"] == 2
    assert zlib.decompress(base64.b64decode(packed.blocks["variant-names"])).decode() == ".\tA\tG\n.\tT\tG"
    block = Unpacked(packed.blocks["trait-0"])
    assert block.plain(5).tolist()[::4] == [2, 3]
    assert np.cumsum(block.numbers(2, "<u4")).tolist() == [0, 1]
    assert block.numbers(2, "<f4").tolist() == [6.0, 4.0]
    assert block.numbers(2, "<i4").tolist() == [500, -250]


def test_large_effects_keep_fewer_decimals_and_unknown_ones_stay_unknown() -> None:
    decimals, whole = e._whole(np.array([1234567.891, -0.5, np.nan, 30_000_000.25]))
    assert decimals == 1
    assert whole.tolist() == [12345679, -5, e.NOT_KNOWN, 300000002]
    assert e._whole(np.array([1e12]))[0] == 0
    assert e._whole(np.empty(0))[0] == e.BETA_DECIMALS


def test_the_strongest_have_more_digits_than_the_points(contents: ReportContents) -> None:
    packed = e.embedded(contents, {})
    k = contents.scan.trait_names.index("pca.12L.f01")
    rows = rows_of(contents).filter(trait="pca.12L.f01").sort("neglog10p", descending=True).head(e.STRONGEST)
    found = json.loads(zlib.decompress(base64.b64decode(packed.blocks[f"strongest-{k}"])))
    assert [row[1:4] for row in found] == [list(row) for row in rows.select(
        pl.col("beta", "se").round_sig_figs(6), pl.col("eaf").round_sig_figs(6)).iter_rows()]  # fmt: skip

"""However the scan's rows come, the page is the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl
import pytest

from ecgwas.report import ReportContents, ScanRows, all_figures, scan_rows
from ecgwas.report.figures import thinning
from ecgwas.report.page.embedded import embedded
from ecgwas.report.scan_rows import compact
from ecgwas.study import ReportOptions
from ecgwas.tables import Associations
from tests.report.example import changed, make_contents, rows_of

PLACE = ["chrom", "pos"]


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """Variant by variant, as the scan writes them."""
    return rows_of(make_contents(3)).sort("chrom", "pos", "variant", "trait")


def in_pieces(rows: pl.DataFrame, most: int) -> ScanRows:
    def read(columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        yield rows.select(columns).clear()
        yield from rows.select(columns).iter_slices(most)

    return ScanRows(read)


def few_at_once(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(scan_rows, "CHUNK_ROWS", count)
    monkeypatch.setattr(thinning, "CHUNK_ROWS", count)


def contents_of(associations: ScanRows) -> ReportContents:
    return changed(make_contents(3), rows=associations)


@pytest.mark.parametrize(("together", "most", "every"), [(1, 1, 20), (50, 7, 3), (10_000, 97, 1)])
def test_pictures_do_not_depend_on_the_pieces(
    rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, together: int, most: int, every: int
) -> None:  # fmt: skip
    """every: small pieces are slow, so of every 20th row, and of all that share their position."""
    kept = rows.select(PLACE).is_duplicated() | (pl.int_range(rows.height, eager=True) % every == 0)
    options, rows = ReportOptions(max_traits=6), rows.filter(kept)
    assert rows.height > 10 * most
    whole = all_figures(options, contents_of(ScanRows.of(Associations(rows))))
    few_at_once(monkeypatch, together)
    pieces = all_figures(options, contents_of(in_pieces(rows, most)))
    assert pieces == whole
    assert {"all_traits", "miami_pca_ae"} < set(whole)


@pytest.mark.parametrize("most_points", [10_000, 300])
def test_packed_traits_do_not_depend_on_the_pieces(
    rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, most_points: int
) -> None:  # fmt: skip
    monkeypatch.setattr("ecgwas.report.page.embedded.MOST_POINTS", most_points)
    whole = embedded(contents_of(ScanRows.of(Associations(rows))), {})
    few_at_once(monkeypatch, 40)
    assert embedded(contents_of(in_pieces(rows, 31)), {}) == whole


@pytest.mark.parametrize(("together", "most"), [(1, 1), (1, 100), (20, 7), (10_000, 7)])
def test_rows_of_a_position_come_together(
    rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, together: int, most: int
) -> None:
    few_at_once(monkeypatch, together)
    found = list(in_pieces(rows, most).by_position((*PLACE, "t")))
    assert pl.concat(found).equals(rows.select(*PLACE, "t"))
    places = pl.concat([some.select(PLACE).unique() for some in found])
    assert places.is_unique().all()
    assert all(some.height >= together for some in found[:-1])
    assert (len(found) == 1) == (together > rows.height)
    assert rows.select(PLACE).is_duplicated().any(), "else nothing could come apart"


def test_a_survey_is_of_rows_with_a_p_value(rows: pl.DataFrame) -> None:
    without = rows.with_columns(neglog10p=pl.when(pl.int_range(pl.len()) % 5 > 0).then("neglog10p"))
    tested = without.drop_nulls("neglog10p")
    summary = in_pieces(without, 10).summary
    assert summary.rows == tested.height < rows.height
    assert summary.strongest == dict(tested.group_by("trait").agg(pl.col("neglog10p").max()).iter_rows())
    ends = tested.group_by("chrom").agg(low=pl.col("pos").min(), high=pl.col("pos").max())
    assert summary.spans == {chrom: (low, high) for chrom, low, high in ends.iter_rows()}
    assert summary.highest() == tested["neglog10p"].max()
    assert summary.highest("clinical.") == tested.filter(pl.col("trait").str.starts_with("clinical."))["neglog10p"].max()
    assert summary.highest("nothing.") is None


def test_rare_alleles_are_passed_over_whatever_is_asked_for(rows: pl.DataFrame) -> None:
    rare = rows.with_columns(eaf=pl.when(pl.int_range(pl.len()) % 3 == 0).then(1 - 4 / 148).otherwise("eaf"), n=74)
    common = replace(in_pieces(rare, 10), min_people=10)
    wanted = rare.filter(pl.int_range(pl.len()) % 3 > 0)
    for columns in (["trait", "pos"], ["n", "eaf", "trait"], rows.columns):
        assert pl.concat(common.chunks(columns)).equals(wanted.select(columns))
    assert in_pieces(rare, 10).carried_by_few(10) == rare.height - wanted.height
    assert common.carried_by_few(10) == 0
    assert common.summary.rows == wanted.height


def test_text_that_is_copied_is_the_same(rows: pl.DataFrame) -> None:
    some = rows.with_columns(other_allele=pl.lit(None, pl.String))[::7]
    assert compact(some).equals(some)

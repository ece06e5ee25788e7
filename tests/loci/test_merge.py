"""Hits and loci of hand-made rows; known loci of real and hand-made tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.errors import InputError, StudyError
from ecgwas.loci import inflation, known, merge, thresholds
from ecgwas.study import LociOptions
from ecgwas.tables import CHI2_EDGES, Associations, LeftOutVariants, Loci, ScanResult, Thresholds, Traits

TRAITS = ("c.V1.a", "c.V1.b")


def rows(*given: tuple[str, str, str, int, float | None]) -> Associations:
    """(trait, variant, chromosome, position, neglog10p)."""
    records = [
        {
            "trait": trait, "variant": variant, "chrom": chrom, "pos": pos, "effect_allele": "A", "other_allele": "G",
            "eaf": 0.1, "n": 100, "beta": 1.0, "se": 0.1, "t": 10.0, "neglog10p": neglog10p,
        }
        for trait, variant, chrom, pos, neglog10p in given
    ]  # fmt: skip
    return Associations.of(records)


def scan_result(associations: Associations) -> ScanResult:
    counts = np.zeros((2, len(CHI2_EDGES) - 1), dtype=np.int64)
    counts[:, :100] = 1
    return ScanResult(
        associations, LeftOutVariants.empty(), TRAITS, np.array([100, 90]), np.array([100, 100]), np.array([0, 2]), counts
    )


def find(associations: Associations, threshold: float = 1e-8, **more: object) -> merge.LociTables:
    options = LociOptions(threshold=threshold, **more)
    results = [scan_result(associations)]
    values = np.random.default_rng(0).normal(size=(50, 2))
    traits = Traits(tuple(str(i) for i in range(50)), TRAITS, values)
    table = thresholds.table(options, results, traits, 2)
    return merge.find_loci(options, table, associations, results)


def test_hits_of_all_traits_merge_and_the_strongest_leads() -> None:
    found = find(
        rows(
            ("c.V1.b", "v3", "2", 1_400_000, 9.0), ("c.V1.a", "v1", "2", 1_000_000, 10.0),
            ("c.V1.a", "v2", "2", 1_000_500, 30.0), ("c.V1.a", "v4", "2", 2_000_001, 8.5),
            ("c.V1.a", "v5", "10", 1_000_000, 9.0), ("c.V1.a", "weak", "2", 1_700_000, 7.9),
        )
    )  # fmt: skip
    table = found.loci.frame
    assert table["locus"].to_list() == [1, 2, 3]
    first = table.row(0, named=True)
    assert (first["lead_variant"], first["pos"], first["best_trait"], first["neglog10p"]) == ("v2", 1_000_500, "c.V1.a", 30.0)
    assert (first["start"], first["stop"], first["traits"], first["variants"]) == (1_000_000, 1_400_000, 2, 3)
    # 600,001 bp from v3: another locus, because the row between them is not a hit.
    assert table["lead_variant"].to_list()[1:] == ["v4", "v5"]
    assert found.hits.frame["variant"].to_list() == ["v1", "v2", "v3", "v4", "v5"]


def test_chromosomes_run_1_to_22_then_x() -> None:
    found = find(rows(*[("c.V1.a", f"v{chrom}", chrom, 5, 9.0) for chrom in ("X", "10", "2", "1", "22")]))
    assert found.loci.frame["chrom"].to_list() == ["1", "2", "10", "22", "X"]


@pytest.mark.parametrize(("gap", "count"), [(500_000, 1), (500_001, 2)])
def test_the_window_is_inclusive(gap: int, count: int) -> None:
    found = find(rows(("c.V1.a", "v1", "1", 1000, 9.0), ("c.V1.a", "v2", "1", 1000 + gap, 9.0)))
    assert len(found.loci) == count


def test_one_position_with_several_alleles_is_one_locus_even_without_a_window() -> None:
    split = rows(("c.V1.a", "v1", "1", 1000, 9.0), ("c.V1.a", "v1b", "1", 1000, 9.5)).frame
    split = split.with_columns(effect_allele=pl.Series(["A", "T"]))
    found = find(Associations(split), window_bp=0)
    assert found.loci.frame.select("lead_variant", "variants").row(0) == ("v1b", 2)


def test_rows_without_p_value_are_dropped_and_counted() -> None:
    found = find(rows(("c.V1.a", "v1", "1", 1, 9.0), ("c.V1.a", "v2", "1", 2, None), ("c.V1.a", "v3", "1", 3, float("nan"))))
    assert found.not_computed == 2
    assert len(found.hits) == 1


def test_significant_means_below_the_p_value() -> None:
    assert len(find(rows(("c.V1.a", "v1", "1", 1, 8.0)), 1e-8).hits) == 0
    assert len(find(rows(("c.V1.a", "v1", "1", 1, 8.0001)), 1e-8).hits) == 1


def test_without_hits_every_table_has_its_header(tmp_path: Path) -> None:
    found = find(Associations.empty())
    found.loci.write(tmp_path / "loci.csv")
    found.hits.write(tmp_path / "hits.csv")
    assert (tmp_path / "loci.csv").read_text().strip() == ",".join([*Loci.columns, *merge.COLUMNS, *known.COLUMNS])
    assert (tmp_path / "hits.csv").read_text().strip() == ",".join(Associations.columns)
    assert found.summary.frame["significant"].to_list() == [0, 0]


def test_the_summary_has_a_row_per_trait() -> None:
    found = find(rows(("c.V1.b", "v1", "1", 1, 9.0)))
    assert found.summary.frame["trait"].to_list() == list(TRAITS)
    assert found.summary.frame["significant"].to_list() == [0, 1]
    assert found.summary.frame["n"].to_list() == [100, 90]
    assert found.summary.frame["not_computed"].to_list() == [0, 2]


def test_every_threshold_has_counts_or_null_if_rows_were_not_kept() -> None:
    associations = rows(("c.V1.a", "v1", "1", 1, 7.7), ("c.V1.a", "v2", "5", 1, 20.0))
    found = find(associations)
    counted = {row["kind"]: (row["significant"], row["loci"]) for row in found.thresholds.frame.iter_rows(named=True)}
    assert counted["given"] == (1, 1)
    assert counted["published"] == (2, 2)
    options = LociOptions(threshold=1e-8)
    again = merge.find_loci(options, found.thresholds, associations, [scan_result(associations)], keep_neglog10p=7.8)
    kinds = dict(again.thresholds.frame.select("kind", "significant").iter_rows())
    assert kinds["published"] is None
    assert kinds["given"] == 1


def test_a_threshold_of_trait_sets_that_is_not_used_has_no_counts() -> None:
    """Tests of single traits are not compared with it."""
    associations = rows(("c.V1.a", "v1", "1", 1, 20.0))
    blank = dict.fromkeys(Thresholds.columns)
    kinds = ("given", "permutation_empirical", "sets_empirical", "sets_fitted")
    table = Thresholds.of([blank | {"kind": kind, "neglog10p": 9.0, "used": kind == "given"} for kind in kinds])
    found = merge.find_loci(LociOptions(threshold=1e-9), table, associations, [scan_result(associations)])
    assert found.thresholds.frame["significant"].to_list() == [1, 1, None, None]


def test_a_threshold_below_what_the_scan_kept_is_refused() -> None:
    table = Thresholds.of([{name: None for name in Thresholds.columns} | {"kind": "given", "neglog10p": 2.5, "used": True}])
    with pytest.raises(StudyError, match=r"set scan\.keep_neglog10p to 2.5 or less"):
        merge.find_loci(LociOptions(threshold=0.003), table, Associations.empty(), [], keep_neglog10p=3.0)


def test_the_order_of_rows_does_not_matter() -> None:
    given = [("c.V1.a", f"v{i}", str(i % 3 + 1), i * 400_000, 9.0 + i % 4) for i in range(30)]
    forward, backward = find(rows(*given)), find(rows(*given[::-1]))
    assert forward.loci.frame.equals(backward.loci.frame)
    assert forward.hits.frame.equals(backward.hits.frame)


CATALOG = "DATE\tDISEASE/TRAIT\tCHR_ID\tCHR_POS\tMAPPED_GENE\n"


def test_known_loci_of_a_catalog_download(tmp_path: Path) -> None:
    path = tmp_path / "catalog.tsv"
    path.write_text(
        CATALOG + "d\tQT\t1\t162000000\tNOS1AP\nd\tPR\t3\t38600000\tSCN10A\nd\tpair\t1;2\t5;7\tA x B\nd\tnone\t\t\t\n"
    )
    assert known.read(path).skipped == 2
    found = find(
        rows(("c.V1.a", "v1", "1", 162_400_000, 9.0), ("c.V1.a", "v2", "3", 40_000_000, 9.0), ("c.V1.a", "v3", "4", 1, 9.0)),
        known=path,
    )
    table = found.loci.frame
    assert table["known"].to_list() == ["known", "new", "new"]
    assert table["known_distance_bp"].to_list() == [400_000, 1_400_000, None]
    assert table["known_genes"].to_list() == ["NOS1AP", None, None]
    assert "2 without one position skipped" in found.notes[0]


def test_a_table_without_positions_is_refused_with_the_names_wanted(tmp_path: Path) -> None:
    path = tmp_path / "known.tsv"
    path.write_text("gene\tp\nA\t1\n")
    with pytest.raises(InputError, match="chr_pos"):
        known.read(path)
    with pytest.raises(InputError, match="missing"):
        known.read(tmp_path / "absent.tsv")


@pytest.mark.real
def test_published_tables_are_read(shared: Path) -> None:
    folder = shared / "data" / "known"
    published = known.read(folder / "ecgenetics_tableS13.tsv")
    assert published.frame.height == 699
    assert published.frame.filter(pl.col("gene").str.contains("NOS1AP"))["chrom"].unique().to_list() == ["1"]
    assert known.read(folder / "ecgenetics_tableS1.tsv").frame.height > 5000


def test_totals_add_up_over_parts() -> None:
    one = scan_result(Associations.empty())
    whole = inflation.totals([one, one])
    assert whole.tests.tolist() == [200, 200]
    assert whole.people.tolist() == [100, 90]

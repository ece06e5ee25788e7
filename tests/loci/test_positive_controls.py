"""Positive controls: orientation of alleles, recovery of planted directions, shares compared with the binomial distribution."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.genotypes import alleles
from ecgwas.genotypes import chromosomes as genotypes
from ecgwas.genotypes.alleles import OTHERS, PALINDROMIC, SAME, SWAPPED, orientation
from ecgwas.loci import known, positive_controls, positive_controls_null
from ecgwas.loci.individual_data import Chromosome
from ecgwas.study import LociOptions
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.loci import KnownTested
from tests.genotypes import fileset
from tests.loci.test_fine_mapping import CAUSE, NOBODY, linked, made, ordinary


def table(*rows: dict[str, Any]) -> known.Known:
    empty = {name: None for name in known.SCHEMA}
    return known.Known(pl.DataFrame([empty | row for row in rows], schema=known.SCHEMA), 0)


def test_alleles_match_on_either_strand() -> None:
    assert orientation(("A", "G"), ("A", "G")) == SAME
    assert orientation(("A", "G"), ("G", "A")) == SWAPPED
    assert orientation(("A", "G"), ("T", "C")) == SAME
    assert orientation(("A", "G"), ("C", "T")) == SWAPPED
    assert orientation(("A", "G"), ("A", "C")) == OTHERS
    assert orientation(("AT", "A"), ("AT", "A")) == SAME
    assert orientation(("AC", "A"), ("T", "GT")) == SWAPPED


def test_palindromic_alleles_are_resolved_by_frequency() -> None:
    assert orientation(("A", "T"), ("A", "T"), 0.2, 0.25) == SAME
    assert orientation(("A", "T"), ("A", "T"), 0.2, 0.75) == SWAPPED
    assert orientation(("A", "T"), ("T", "A"), 0.2, 0.25) == SAME
    assert orientation(("C", "G"), ("C", "G"), 0.45, 0.45) == PALINDROMIC
    assert orientation(("C", "G"), ("G", "C"), 0.2, None) == PALINDROMIC


def test_every_pair_of_alleles_has_a_partner_that_counts_the_same() -> None:
    for first, second in itertools.permutations("ACGT", 2):
        turned = alleles.complement(first), alleles.complement(second)
        expected = SAME if first != alleles.complement(second) else PALINDROMIC
        assert orientation((first, second), turned) == expected


def test_a_published_trait_matches_ours_by_name() -> None:
    names = ["pca.12L.pc01", "clinical.I.r_uv", "clinical.12L.qt_ms", "clinical.12L.qtc_framingham_ms", "clinical.12L.pr_ms"]
    assert positive_controls.same_trait("QT-Interval", names, {}) == "clinical.12L.qtc_framingham_ms"
    assert positive_controls.same_trait("QT interval", names[:3], {}) == "clinical.12L.qt_ms"
    assert positive_controls.same_trait("PR-Interval", names, {}) == "clinical.12L.pr_ms"
    assert positive_controls.same_trait("Atrial fibrillation", names, {}) is None
    assert positive_controls.same_trait("R of lead I", names, {"R of lead I": "clinical.I.r_uv"}) == "clinical.I.r_uv"
    assert positive_controls.same_trait("QT-Interval", names, {"QT-Interval": "qt_ms"}) == "clinical.12L.qt_ms"


def test_known_variants_are_positive_controls(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1))
    place = 3_000_000 + CAUSE
    rows = [{"trait": "QT", "chrom": "1", "pos": place, "gene": "A"}, {"trait": "PR", "chrom": "1", "pos": 3_000_055}]
    found = positive_controls.known_tested(table(*rows, {"trait": "QT", "chrom": "2", "pos": 5}), [chromosome], NOBODY).frame
    assert found["variant"].to_list() == [f"v{CAUSE}", "v55"]
    assert found["neglog10p_acat"][0] > 5
    theirs, last = ordinary(chromosome, 0, [CAUSE])
    assert found["neglog10p"][0] == pytest.approx(-np.log10(theirs.pvalues[last]), rel=0.05)
    assert found["same_direction"].to_list() == [None, None]


def test_effects_are_compared_for_the_same_allele(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1))
    ours = chromosome.names[0]
    shared = {"chrom": "1", "pos": 3_000_000 + CAUSE, "beta": 2.0}
    rows = [
        {"trait": "as ours", "effect_allele": "G", "other_allele": "A"},
        {"trait": "swapped", "effect_allele": "A", "other_allele": "G"},
        {"trait": "other strand", "effect_allele": "C", "other_allele": "T"},
        {"trait": "others", "effect_allele": "C", "other_allele": "A"},
        {"trait": "no alleles"},
    ]
    given = {row["trait"]: ours for row in rows}
    found = positive_controls.known_tested(table(*(shared | row for row in rows)), [chromosome], NOBODY, given).frame
    assert found["known_trait"].to_list() == [row["trait"] for row in rows]
    assert found["alleles"].to_list() == [SAME, SWAPPED, SAME, OTHERS, None]
    assert found["known_beta"].to_list() == [2.0, -2.0, 2.0, None, None]
    assert found["same_direction"].to_list() == [True, False, True, None, None]
    theirs, last = ordinary(chromosome, 0, [CAUSE])
    np.testing.assert_allclose(found["beta"], theirs.params[last], rtol=1e-6)
    np.testing.assert_allclose(found["neglog10p_trait"], -np.log10(theirs.pvalues[last]), rtol=1e-6)


def test_of_several_variants_at_a_position_the_named_one_is_used_or_a_warning_given(tmp_path: Path) -> None:
    bim = tmp_path / "g.bim"
    fileset.write(tmp_path / "g", fileset.draw(80, 6, 1))
    lines = [line.split("\t") for line in bim.read_text().splitlines()]
    for line, allele in zip(lines[2:5], "GTC", strict=True):
        line[3], line[4] = "3000002", allele
    bim.write_text("".join("\t".join(line) + "\n" for line in lines))
    opened = fileset.opened(fileset.matrix_options(tmp_path / "g"))
    traits, more = fileset.tables(opened.eids, 1, 1, 1)
    chromosome = Chromosome.of(opened, traits, more)
    here = {"chrom": "1", "pos": 3_000_002}
    rows = [
        here | {"trait": "alleles", "effect_allele": "A", "other_allele": "T"},
        here | {"trait": "pair", "first": "A", "second": "C"},
        here | {"trait": "neither"}, {"trait": "alone", "chrom": "1", "pos": 3_000_001},
    ]  # fmt: skip
    found = positive_controls.known_tested(table(*rows), [chromosome], NOBODY)
    taken = dict(found.frame.select("known_trait", "effect_allele").iter_rows())
    assert taken == {"alleles": "T", "pair": "C", "neither": "G", "alone": "G"}
    assert dict(found.frame.select("known_trait", "alleles").iter_rows())["neither"] == positive_controls.SEVERAL
    words = str(positive_controls.ambiguous(found))
    assert words.startswith("1 of 4 known variants may be another one: several variants are at their position (1:3000002)")
    assert "chrom:pos:ref:alt" in words
    assert positive_controls.ambiguous(positive_controls.known_tested(table(*rows[:2]), [chromosome], NOBODY)) is None


def test_a_locus_in_ld_with_a_known_variant_is_known(tmp_path: Path) -> None:
    chromosome = made(tmp_path, linked(1))
    copies = chromosome.region(np.arange(60)).mean_imputed
    near = int(np.argmax([np.corrcoef(copies[CAUSE], copies[j])[0, 1] ** 2 * (j != CAUSE) for j in range(60)]))
    far = int(np.argmin([np.corrcoef(copies[CAUSE], copies[j])[0, 1] ** 2 for j in range(60)]))
    locus = {
        "locus": 1, "lead_variant": f"v{CAUSE}", "chrom": "1", "pos": 3_000_000 + CAUSE, "start": 3_000_000 + CAUSE,
        "stop": 3_000_000 + CAUSE, "effect_allele": "G", "other_allele": "A", "known": "new",
        "known_distance_bp": 9, "known_traits": None,
        "known_genes": None,
    }  # fmt: skip
    schema = {"known_traits": pl.String, "known_genes": pl.String}
    loci = pl.DataFrame([locus, locus | {"known": "known", "known_traits": "HR"}], schema_overrides=schema)

    def judged(place: int, **options: Any) -> pl.DataFrame:
        site = {"trait": "QT", "chrom": "1", "pos": 3_000_000 + place, "gene": "A"}
        given = LociOptions.model_validate({"window_bp": 0, **options})
        return positive_controls.known_by_ld(given, loci, table(site), lambda _: chromosome, NOBODY)

    assert judged(near)["known"].to_list() == ["known", "known"]
    assert judged(near)["known_traits"].to_list() == ["QT", "HR"]
    assert judged(near)["known_genes"].to_list() == ["A", None]
    assert judged(far)["known"].to_list() == ["new", "known"]
    assert judged(near, clump_window_bp=0)["known"].to_list() == ["new", "known"]
    assert judged(near, clump_r2=1.0)["known"].to_list() == ["new", "known"]


def row_of(pos: int, trait: str, p_any: float, same: bool | None, p: float) -> dict[str, Any]:
    empty = {name: None for name in KnownTested.columns}
    logs = {"neglog10p_acat": -np.log10(p_any), "neglog10p_trait": -np.log10(p)}
    return empty | logs | {"chrom": "1", "pos": pos, "known_trait": trait, "same_direction": same}


def judged(
    rows: list[dict[str, Any]], null: float, monkeypatch: pytest.MonkeyPatch
) -> dict[str, positive_controls.ReplicatedShare]:
    """Shares of rows compared with permutations in which each row replicates with probability `null`, independently."""

    def permuted(table: KnownTested, chosen: Any, chromosomes: Any, *, seed: int) -> positive_controls_null.Permuted:
        rng = np.random.default_rng(seed)
        return positive_controls_null.Permuted(*(rng.random((int(chosen.sum()), 3000)) < null for _ in range(3)))

    monkeypatch.setattr(positive_controls, "permuted", permuted)
    return positive_controls.replicated_shares(KnownTested.of(rows), [], seed=1)


def test_shares_count_neighbours_once_and_are_ranked_among_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row_of(1_000_000 * i, "QT", 0.01 if i < 9 else 0.5, i < 10, 0.01 if i < 6 else 0.5) for i in range(12)]
    rows += [row_of(1_000_000 * 11 + 1000, "QT", 0.01, True, 0.01), row_of(1_000_000 * 11 + 2000, "PR", 0.01, True, 0.01)]
    found = judged(rows, 0.5, monkeypatch)
    assert (found["any_trait"].replicated, found["any_trait"].variants) == (9, 12)
    assert (found["same_direction"].replicated, found["same_direction"].variants) == (11, 13)
    assert (found["confirmed"].replicated, found["confirmed"].variants) == (7, 13)
    # For independent rows the rank among permutations is the binomial p.
    for share in found.values():
        assert share.expected == pytest.approx(0.5, abs=0.02)
        assert share.p == pytest.approx(
            stats.binomtest(share.replicated, share.variants, 0.5, alternative="greater").pvalue, abs=0.03
        )
    status = {row["guard"]: row["status"] for row in positive_controls.guard_rows(found)}
    assert status == {"known_any_trait": "warn", "known_same_direction": "pass", "known_confirmed": "warn"}
    statuses = {row["status"] for row in positive_controls.guard_rows(judged(rows, 0.05, monkeypatch))}
    assert statuses == {"pass"}
    row = positive_controls.guard_rows(judged(rows, 0.05, monkeypatch))[0]
    assert row["limit"] == pytest.approx(0.05, abs=0.01)
    assert "in 300 permutations of the participants" in row["note"]
    assert {row["status"] for row in positive_controls.guard_rows(judged(rows[:3], 0.05, monkeypatch))} == {"not judged"}
    assert positive_controls.guard_rows(positive_controls.replicated_shares(KnownTested.empty(), [], seed=1)) == []


def test_rows_without_direction_or_alleles_do_not_count_for_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row_of(1_000_000 * i, "QT", 0.5, None, 0.5) | {"neglog10p_trait": None} for i in range(12)]
    found = judged(rows, 0.05, monkeypatch)
    assert (found["any_trait"].variants, found["same_direction"].variants, found["confirmed"].variants) == (12, 0, 0)
    assert [row["status"] for row in positive_controls.guard_rows(found)] == ["warn", "not judged", "not judged"]


@pytest.mark.real
def test_published_directions_planted_in_real_genotypes_are_recovered(shared: Path) -> None:
    """Six variants of table S13 in 489 participants; a trait for each, with its published effect alone."""
    published = known.read(shared / "data" / "known" / "ecgenetics_tableS13.tsv").frame
    assert published["effect_allele"].null_count() == 0
    options = fileset.matrix_options(shared / "data" / "genotypes" / "eur489")
    rng = np.random.default_rng(1)
    seen = {}
    for chrom in ("4", "9", "11", "12"):
        part = genotypes.open_chromosome(options, chrom)
        for site in published.filter(chrom=chrom).iter_rows(named=True):
            for place in np.flatnonzero(part.positions == site["pos"]).tolist():
                pair = (str(part.effect_alleles[place]), str(part.other_alleles[place]))
                copies = np.nan_to_num(part.dosages(place, place + 1)[0], nan=1.0)
                # Strand is that of hg19 in both files, so that names tell, palindromic or not.
                sign = np.sign(site["beta"]) * (1 if site["effect_allele"] == pair[0] else -1)
                values = sign * copies + 0.1 * rng.normal(size=len(copies))
                traits = Traits(part.eids, ("made.12L.x",), values[:, None])
                chromosome = Chromosome.of(part, traits, Covariates(part.eids, (), np.empty((len(part.eids), 0))))
                found = positive_controls.known_tested(table(site), [chromosome], NOBODY, {site["trait"]: "x"}).frame
                assert found["same_direction"].to_list() == [True]
                seen[found["variant"].item()] = found["alleles"].item()
    assert seen == {
        "rs1344852": SWAPPED, "rs4977397": SWAPPED, "rs1822273": SAME, "rs10741807": SAME, "rs1372797": SAME,
        "rs10841486": SAME,
    }  # fmt: skip

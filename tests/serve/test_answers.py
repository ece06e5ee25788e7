"""Numbers of the served views are those of the tables, for any variant, trait and region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

from ecgwas.scan.engine import all_tests
from ecgwas.serve import addresses
from ecgwas.serve.study import Source
from ecgwas.stages import scan
from ecgwas.study import Study
from ecgwas.tables import VARIANT_KEY, files
from tests.serve.conftest import KEPT_FROM

HEADINGS = {"−log10 p": "neglog10p", "beta": "beta", "standard error": "se", "frequency": "eaf", "participants": "n"}


def view(client: httpx.Client, address: str) -> dict[str, Any]:
    answer = client.get("/api/view", params={"at": address.removeprefix("#")})
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def blocks_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All blocks, those of groups too."""
    listed = []
    for block in content["blocks"]:
        listed.append(block)
        listed += [own for group in block.get("groups", []) for own in group]
    return listed


def block(content: Mapping[str, Any], kind: str, name: str = "") -> dict[str, Any]:
    chosen = [one for one in blocks_of(content) if one["kind"] == kind and name in (one.get("name"), "")]
    assert chosen, f"no {kind} {name}"
    return chosen[0]


def rows_of(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows by heading: the numbers with all their digits, text as it is."""
    names = [words for words, _ in table["headings"]]
    return [dict(zip(names, (cell["key"] for cell in row), strict=True)) for row in table["rows"]]


def words_of(content: Mapping[str, Any]) -> str:
    pieces = [piece["words"] for one in blocks_of(content) if one["kind"] == "text" for piece in one["pieces"]]
    figures = [one["caption"] for one in blocks_of(content) if one["kind"] == "figure"]
    return " ".join([*pieces, *figures])


@pytest.fixture(scope="module")
def kept(strong: Study) -> pl.DataFrame:
    return scan.rows(strong).collect()


@pytest.fixture(scope="module")
def locus(strong: Study) -> dict[str, Any]:
    return files.LOCI.read(strong.results).frame.sort("neglog10p", descending=True).row(0, named=True)


def lead(locus: Mapping[str, Any]) -> dict[str, Any]:
    return {"variant": locus["lead_variant"], **{name: locus[name] for name in VARIANT_KEY}}


def same(shown: list[dict[str, Any]], table: pl.DataFrame, key: str, column: str) -> None:
    """Every number of every row equals the table's."""
    by_name = {row[column]: row for row in table.iter_rows(named=True)}
    assert len(shown) == len(by_name)
    for row in shown:
        for heading, name in HEADINGS.items():
            assert row[heading] == by_name[row[key]][name], (row[key], heading)


def test_a_variant_has_every_kept_test(client: httpx.Client, kept: pl.DataFrame, locus: dict[str, Any]) -> None:
    own = kept.filter(pl.all_horizontal(pl.col(name) == locus[name] for name in VARIANT_KEY))
    assert own.height > 3
    content = view(client, addresses.variant(lead(locus), "strong"))
    shown = rows_of(block(content, "table", "tests-strong"))
    same(shown, own, "trait", "trait")
    assert [row["−log10 p"] for row in shown] == sorted((row["−log10 p"] for row in shown), reverse=True)
    assert f"The scan kept tests with −log10 p of {KEPT_FROM:g} or more: {own.height} of " in words_of(content)


def test_every_variant_has_its_kept_tests(sources: dict[str, Source], kept: pl.DataFrame) -> None:
    """Not only the one looked at: the whole index against the files."""
    served = sources["strong"].current()
    columns = ["eaf", "n", "beta", "se", "t", "neglog10p"]
    for (variant, *key), own in kept.group_by("variant", *VARIANT_KEY):
        number = served.kept.table.number_of(dict(zip(VARIANT_KEY, key, strict=True)))
        assert number is not None
        assert served.kept.table.row(number)["variant"] == variant
        tests = served.kept.variant(number).sort("trait")
        assert tests.equals(own.sort("trait").select("trait", *columns))
    for (trait,), own in kept.group_by("trait"):
        tests = served.kept.trait(served.trait_number(str(trait)))
        assert tests.sort(VARIANT_KEY).select(own.columns).equals(own.sort(VARIANT_KEY))


def test_with_every_test_on_disk_all_traits_are_there(
    client: httpx.Client, sources: dict[str, Source], every: Study, locus: dict[str, Any]
) -> None:
    content = view(client, addresses.variant(lead(locus), "every"))
    shown = {row["trait"]: row for row in rows_of(block(content, "table", "tests-every"))}
    (folder,) = [one for one in scan.dense_folders(every) if one.name == locus["chrom"]]
    names = all_tests.traits(folder)
    assert len(shown) == len(names) == len(sources["every"].current().kept.traits)
    for trait in names:
        here = all_tests.rows(folder, trait).frame.filter(pl.col("pos") == locus["pos"])
        np.testing.assert_allclose(shown[trait]["beta"], here["beta"].item(), rtol=1e-6)
        np.testing.assert_allclose(shown[trait]["−log10 p"], here["neglog10p"].item(), rtol=2e-5, atol=1e-5)
    assert f"Every test is there: {len(names)} of {len(names)} traits" in words_of(content)


def test_a_trait_has_its_strongest_variants(client: httpx.Client, kept: pl.DataFrame, locus: dict[str, Any]) -> None:
    trait = locus["best_trait"]
    content = view(client, addresses.trait(trait, "strong"))
    shown = rows_of(block(content, "table", "strongest"))
    own = kept.filter(pl.col("trait") == trait)
    by_variant = {row["variant"]: row for row in own.iter_rows(named=True)}
    assert shown[0]["variant"] == locus["lead_variant"]
    for row in shown:
        assert all(row[heading] == by_variant[row["variant"]][name] for heading, name in HEADINGS.items())
    places = [(row["chromosome"], row["position"]) for row in shown]
    for k, (chrom, pos) in enumerate(places):
        assert all(chrom != other or abs(pos - at) > 250_000 for other, at in places[:k])
    assert {one["name"] for one in content["blocks"] if one["kind"] == "figure"} == {"manhattan", "qq"}
    assert "weaker ones were counted" in words_of(content)


def test_a_region_has_every_variant_around_a_locus(client: httpx.Client, strong: Study, locus: dict[str, Any]) -> None:
    """Those kept are there wherever they lie; around a locus stage `loci` tested every variant again."""
    start, stop, trait = locus["pos"] - 200_000, locus["pos"] + 200_000, locus["best_trait"]
    content = view(client, addresses.region(locus["chrom"], start, stop, trait, "strong"))
    table = files.NEIGHBOURHOODS.read(strong.results).frame.filter(
        pl.col("locus") == locus["locus"], pl.col("trait") == trait, pl.col("pos").is_between(start, stop)
    )
    figure = block(content, "figure", "region")
    assert table.height > 10
    assert f"all variants tested within 250 kb of locus {locus['locus']}" in figure["caption"]
    assert "genes lie here" in figure["caption"]
    shown = rows_of(block(content, "table", "variants"))
    by_variant = {row["variant"]: row for row in table.iter_rows(named=True)}
    assert len(shown) == min(table.height, 50)
    for row in shown:
        assert row["r²"] == by_variant[row["variant"]]["r2_with_lead"]
        np.testing.assert_allclose(row["−log10 p"], by_variant[row["variant"]]["neglog10p"], rtol=1e-9)


def test_a_region_of_the_study_with_every_test_has_every_variant(
    client: httpx.Client, every: Study, locus: dict[str, Any]
) -> None:
    start, stop, trait = locus["pos"] - 40_000, locus["pos"] + 40_000, "clinical.I.t_uv"
    content = view(client, addresses.region(locus["chrom"], start, stop, trait, "every"))
    (folder,) = [one for one in scan.dense_folders(every) if one.name == locus["chrom"]]
    here = all_tests.rows(folder, trait).frame.filter(pl.col("pos").is_between(start, stop))
    shown = rows_of(block(content, "table", "variants"))
    assert {row["variant"] for row in shown} == set(here["variant"])
    assert f"against all {here.height} variants tested here" in block(content, "figure", "region")["caption"]


def test_studies_are_next_to_each_other(client: httpx.Client, locus: dict[str, Any]) -> None:
    content = view(client, addresses.variant(lead(locus), "every"))
    compared = rows_of(block(content, "table", "compared"))
    assert [row["study"] for row in compared] == ["every", "strong"] or len({row["study"] for row in compared}) == 2
    assert {row["−log10 p"] for row in compared} == {locus["neglog10p"]}
    assert {"tests-strong", "tests-every"} <= {one.get("name") for one in blocks_of(content)}


def test_any_name_of_a_variant_will_do(client: httpx.Client, locus: dict[str, Any]) -> None:
    place = f"{locus['chrom']}:{locus['pos']}"
    alleles = (locus["other_allele"], locus["effect_allele"])
    for text in (locus["lead_variant"], place, f"chr{place}", ":".join((place, *alleles)), ":".join((place, *alleles[::-1]))):
        assert view(client, f"variant-{text}/strong")["title"] == locus["lead_variant"], text


def test_an_unknown_variant_is_answered_with_the_nearest(
    client: httpx.Client, kept: pl.DataFrame, locus: dict[str, Any]
) -> None:
    content = view(client, f"variant-{locus['chrom']}:{locus['pos'] + 1}/strong")
    assert f"or all of its tests have −log10 p below {KEPT_FROM:g}" in words_of(content)
    near = next(one for one in blocks_of(content) if one["kind"] == "links")["links"]
    own = kept.filter(pl.col("chrom") == locus["chrom"]).select("variant", "pos").unique()
    nearest = own.sort((pl.col("pos") - locus["pos"] - 1).abs())["variant"][0]
    assert nearest == locus["lead_variant"]
    assert near[0]["words"].startswith(nearest)
    assert "it was not tested." in words_of(view(client, f"variant-{locus['chrom']}:{locus['pos'] + 1}/every"))


def test_an_unknown_trait_study_page_and_region_say_what_to_do(client: httpx.Client, locus: dict[str, Any]) -> None:
    cases = {
        "trait-clinical.12L.pr_mss/strong": "did you mean clinical.12L.pr_ms",
        "start/another": "studies: ", "nothing": "search for", "region-1:5/strong": "chrom:start-stop",
        "region-1:1-900000000/strong": "shorter",
    }  # fmt: skip
    for address, fix in cases.items():
        answer = client.get("/api/view", params={"at": address})
        assert answer.status_code == 404, address
        assert fix in answer.json()["fix"], address


def test_the_search_finds_variants_genes_traits_and_regions(
    client: httpx.Client, sources: dict[str, Source], locus: dict[str, Any]
) -> None:
    def entries(text: str) -> list[list[str]]:
        return list(client.get("/api/search", params={"study": "strong", "text": text}).json()["entries"])

    assert entries(locus["lead_variant"])[0][:1] == [locus["lead_variant"]]
    gene = sources["strong"].current().genes.nearest(locus["chrom"], locus["pos"])
    assert gene is not None
    found = entries(gene.lower()[:4])
    assert any(words == gene and what.startswith("gene at ") and to.startswith("#region-") for words, what, to in found)
    assert ["clinical.12L.pr_ms", "trait", "#trait-clinical.12L.pr_ms/strong"] in entries("pr_ms")
    assert entries("3:1,000-2,000")[0][1] == "region"
    assert entries(f"{locus['chrom']}:{locus['pos'] + 1}")[0][1].startswith("nearest: variant at ")
    assert entries("x") == []


def test_points_lead_from_all_traits_to_the_region(client: httpx.Client, locus: dict[str, Any]) -> None:
    figure = block(view(client, addresses.variant(lead(locus), "strong")), "figure", "phewas-strong")
    wanted = addresses.region(
        locus["chrom"], max(1, locus["pos"] - 250_000), locus["pos"] + 250_000, locus["best_trait"], "strong"
    )
    assert wanted in figure["plot"]


def test_the_start_page_lists_loci_and_studies(client: httpx.Client, strong: Study) -> None:
    content = view(client, "start/strong")
    loci = files.LOCI.read(strong.results).frame
    shown = {row["locus"]: row for row in rows_of(block(content, "table", "loci"))}
    assert set(shown) == set(loci["locus"])
    for row in loci.iter_rows(named=True):
        assert shown[row["locus"]]["−log10 p"] == row["neglog10p"]
        assert shown[row["locus"]]["position"] == row["pos"]
    assert len(rows_of(block(content, "table", "studies"))) == 2
    assert content["genome"][0][0] == "1"


def test_traits_are_those_of_the_summary(client: httpx.Client, strong: Study, kept: pl.DataFrame) -> None:
    shown = {row["trait"]: row for row in rows_of(block(view(client, "traits/strong"), "table", "traits"))}
    best = dict(kept.group_by("trait").agg(pl.col("neglog10p").max()).iter_rows())
    summary = files.SUMMARY.read(strong.results).frame
    assert set(shown) == set(summary["trait"])
    for row in summary.iter_rows(named=True):
        assert shown[row["trait"]]["λ"] == row["lambda_gc"]
        assert shown[row["trait"]]["tests"] == row["tests"]
        assert shown[row["trait"]]["strongest −log10 p"] == best.get(row["trait"], "")

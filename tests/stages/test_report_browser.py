"""The report of a finished study in Chromium, with the network off, against the files that it was made from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from ecgwas.study import Study
from tests.stages.test_report import finished_study

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

TEXT = {"chrom": pl.String}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return finished_study(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def page(finished: Study) -> Iterator[playwright.Page]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    complaints: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=quiet)
        page = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((finished.results / "report" / "report.html").as_uri())
        yield page
        browser.close()
    assert complaints == []


def table(study: Study, name: str) -> pl.DataFrame:
    return pl.read_csv(study.results / name, schema_overrides=TEXT, infer_schema_length=None)


def test_the_search_finds_a_planted_locus_with_its_ecg_by_genotype(finished: Study, page: playwright.Page) -> None:
    truth = pl.read_csv(finished.folder / "truth.tsv", separator="\t", schema_overrides=TEXT)
    loci, genes = table(finished, "loci/loci.csv"), table(finished, "genes/genes.csv")
    found = [
        (int(locus["locus"]), gene)
        for locus in loci.sort("neglog10p", descending=True).iter_rows(named=True)
        for gene in genes.filter(pl.col("variant") == locus["lead_variant"])["gene"].drop_nulls()
        if truth.filter(pl.col("chrom") == locus["chrom"], (pl.col("pos") - locus["pos"]).abs() < 500_000).height
    ]
    assert found, "no planted locus was found"
    locus, gene = found[0]
    page.fill("#search", gene)
    page.locator("#search-results li", has_text=f"gene, locus {locus}").first.click()
    page.locator(f"#figure-locus_{locus} svg").wait_for()
    assert page.locator(f"#figure-region_{locus} svg").is_visible()
    assert page.locator("article:visible").count() == 1


def test_the_page_of_a_trait_has_the_scan_s_numbers(finished: Study, page: playwright.Page) -> None:
    scan = pl.concat([pl.read_parquet(path) for path in sorted((finished.results / "scan").glob("*.parquet"))])
    summary = table(finished, "loci/summary.csv")
    for row in summary.iter_rows(named=True):
        trait = row["trait"]
        wanted = scan.filter(pl.col("trait") == trait).sort("neglog10p", descending=True).head(25)
        page.evaluate(f"location.hash = 'trait-{trait}'")
        page.locator(f"body[data-drawn='{trait}']").wait_for(state="attached")
        rows = page.locator("#table-strongest tbody tr")
        if wanted.height:
            playwright.expect(rows.first.locator("td").first).to_have_text(wanted["variant"][0])
        shown = [row.locator("td").all_inner_texts() for row in rows.all()]
        assert [cells[9] for cells in shown] == [f"{value:.2f}" for value in wanted["neglog10p"]]
        effects = {cells[0]: (cells[3], cells[4], cells[7].replace("−", "-")) for cells in shown}
        assert effects == {
            variant: (f"{pos:,}", allele, f"{beta:.3f}")
            for variant, pos, allele, beta in wanted.select("variant", "pos", "effect_allele", "beta").iter_rows()
        }
        facts = page.locator("#trait-facts").inner_text()
        assert f"{row['n']:,} participants, {row['tests']:,} tests, λ {row['lambda_gc']:.3f}" in facts


def test_the_words_name_the_floor_and_a_plot_can_be_saved(finished: Study, page: playwright.Page, tmp_path: Path) -> None:
    trait = table(finished, "loci/summary.csv")["trait"][0]
    page.evaluate(f"location.hash = 'trait-{trait}'")
    page.locator(f"body[data-drawn='{trait}']").wait_for(state="attached")
    assert f"Tests below {finished.scan.keep_neglog10p:g} were counted" in page.locator("#trait-manhattan-words").inner_text()
    with page.expect_download() as download:
        page.locator("[data-save=trait-qq]").click()
    download.value.save_as(tmp_path / "qq.svg")
    assert "QQ plot of" in (tmp_path / "qq.svg").read_text()

"""The page: whole, self-contained, naming nobody, the same twice, its numbers those of the tables."""

from __future__ import annotations

import itertools
import re

import polars as pl
import pytest
from lxml import etree, html

from ecgwas.report import Page, ReportContents, render
from ecgwas.report.figures.svg import SERIES
from ecgwas.study import ReportOptions
from ecgwas.tables import VARIANT_KEY, Loci, People, Recordings, files
from tests.report.example import changed, make_contents, make_empty_contents, page_of

SECTIONS = ("found", "loci", "trust", "people", "recordings", "traits", "genes", "methods")
PUBLIC_BROWSERS = {
    "grch37.ensembl.org", "gnomad.broadinstitute.org", "genome.ucsc.edu", "www.ebi.ac.uk", "www.ncbi.nlm.nih.gov",
}  # fmt: skip
KINDS = ("full", "without hits", "empty")


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents()


@pytest.fixture(scope="module")
def page() -> Page:
    return page_of("full")


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return {kind: page_of(kind) for kind in KINDS}


@pytest.fixture
def words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without figures, which take most of the time, where a test reads words."""
    monkeypatch.setattr("ecgwas.report.page.render.all_figures", lambda *_: {})


def text_of(page: Page, identity: str) -> str:
    (element,) = html.document_fromstring(page.html).xpath(f"//*[@id='{identity}']")
    return re.sub(r"\s+", " ", " ".join(element.itertext()))


@pytest.mark.parametrize("kind", KINDS)
def test_page_is_well_formed_with_unique_ids_and_links_that_lead_somewhere(pages: dict[str, Page], kind: str) -> None:
    page = pages[kind]
    assert page.html.startswith("<!DOCTYPE html>")
    tree = html.document_fromstring(page.html)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(SECTIONS) <= set(ids)
    traits = {f"#trait-{name}" for name in make_contents().scan.trait_names}
    for link in tree.xpath("//a/@href"):
        if link.startswith("#"):
            assert link[1:] in ids or link in traits, link
        elif not link.startswith("https://"):
            folder, name = link.split("/")
            stem, ending = name.rsplit(".", 1)
            assert (folder, ending in ("svg", "csv"), stem in page.figures) == ("figures", True, True)
    levels = [int(str(heading.tag)[1]) for heading in tree.xpath("//h1|//h2|//h3|//h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("kind", KINDS)
def test_page_reaches_for_nothing_outside(pages: dict[str, Page], kind: str) -> None:
    text = pages[kind].html.replace("http://www.w3.org/2000/svg", "")
    # Links that a reader may follow are no requests of the page.
    for address in html.document_fromstring(text).xpath("//a[starts-with(@href, 'http')]/@href"):
        assert address.split("/")[2] in PUBLIC_BROWSERS
    text = re.sub(r'<a href="https://[^"]+" target="_blank" rel="noopener noreferrer">', "<a>", text)
    assert not re.search(r"https?://|//cdn|@import|url\((?!#)", text)
    assert "default-src 'none'" in text
    assert not html.document_fromstring(text).xpath("//*[@style]|//@onclick|//iframe|//object")


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_named(pages: dict[str, Page], kind: str) -> None:
    contents = make_contents()
    page = pages[kind]
    everything = page.html + "".join(figure.svg + figure.csv for figure in page.figures.values())
    numbers = set(re.findall(r"(?<![\d.])\d{7}(?!\d)", everything))
    assert numbers.isdisjoint(contents.cohort.people.frame["eid"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_findings_give_the_same_bytes(kind: str, pages: dict[str, Page]) -> None:
    makers = {"full": make_contents, "without hits": lambda: make_contents(hits=False), "empty": make_empty_contents}
    make_contents.cache_clear()
    again = render(ReportOptions(), makers[kind]())
    assert again.html == pages[kind].html
    assert again.figures == pages[kind].figures


def test_every_picture_is_a_whole_svg_with_numbers_beside_it(page: Page) -> None:
    for name, figure in page.figures.items():
        root = etree.fromstring(figure.svg.encode())
        assert root.tag == "{http://www.w3.org/2000/svg}svg", name
        assert root[0].text, f"{name} says nothing in words"
        assert "NaN" not in figure.svg, name
        assert "var(--" not in figure.svg, name
        table = pl.read_csv(figure.csv.encode(), infer_schema_length=None)
        assert table.height > 0, name
        assert "eid" not in table.columns


def test_everything_asked_for_is_on_the_page(page: Page, contents: ReportContents) -> None:
    wanted = {
        "all_traits", "null_study", "strip", "steps", "reconstruction", "error_ae", "error_pca", "training_ae", "genes",
        "per_feature",
        "per_lead", "gene_by_lead", "network", "grid_ae", "inflation", "locus_1", "locus_2", "locus_3",
    }  # fmt: skip
    with_hits = contents.loci.hits.frame["trait"].unique().to_list()
    wanted |= {f"{kind}_{trait}" for trait in with_hits for kind in ("manhattan", "qq")}
    assert wanted <= set(page.figures)
    ids = html.document_fromstring(page.html).xpath("//figure/@id")
    inline = {name for name in page.figures if not name.startswith(("manhattan_", "qq_", "meaning_"))}
    assert {f"figure-{name}" for name in inline} <= set(ids)
    assert {"region_1", "miami_pca_ae", "miami_pca_clinical", "enrichment", "chance_genes"} <= inline
    assert {f"meaning_pca_f{k:02d}" for k in range(1, 9)} <= set(page.figures)
    assert "32 principal components" in text_of(page, "table-errors")
    assert "cardiac conduction" in text_of(page, "table-enrichment")
    assert "numpy 2.3.0" in text_of(page, "methods")


def test_numbers_of_the_headline_are_those_of_the_tables(page: Page, contents: ReportContents) -> None:
    found = text_of(page, "found")
    assert f"{len(contents.loci.loci)} loci pass the study's threshold of −log10 p 8.40" in found
    variants = contents.loci.hits.frame.select(VARIANT_KEY).n_unique()
    assert variants < len(contents.loci.hits)
    assert f"with {variants} significant variants ({len(contents.loci.hits)} variant–trait pairs)" in found
    beyond = int((contents.scan.permutation_max > 8.4).sum())
    assert f"{beyond} of 500 permutations of the participants had a test beyond it" in found
    assert "3 of 4 planted effects are found; 0 of the loci are not planted" in found
    assert "2 of the 3 are known and 1 new" in found


def test_loci_table_holds_every_locus_and_its_numbers(page: Page, contents: ReportContents) -> None:
    (table,) = html.document_fromstring(page.html).xpath("//table[@id='table-loci']")
    rows = [[cell.text_content() for cell in row] for row in table.xpath("./tbody/tr")]
    for row, locus in zip(rows, contents.loci.loci.frame.iter_rows(named=True), strict=True):
        assert locus["lead_variant"] in row
        assert f"{locus['pos']:,}" in row
        assert f"{locus['neglog10p']:.2f}" in row
        assert locus["best_trait"] in row
    assert [row[1] for row in rows] == ["NOS1AP", "TTN", "SCN5A"]


@pytest.mark.usefixtures("words_only")
def test_a_locus_that_is_not_planted_is_counted(contents: ReportContents) -> None:
    assert contents.loci.planted is not None
    fewer = changed(contents, planted=contents.loci.planted.head(2))
    assert "2 of 2 planted effects are found; 1 of the loci are not planted" in text_of(render(ReportOptions(), fewer), "found")


def test_flow_adds_up(page: Page) -> None:
    people = text_of(page, "people")
    assert re.search(
        r"85 recording files found.* 80 people with a usable recording .*−4 flat lead V3 −1 duplicate of …", people
    )
    assert re.search(r"74 people with recording, genotypes and covariates .*−6 no genotypes", people)


@pytest.mark.usefixtures("words_only")
def test_measured_values_in_reasons_do_not_make_reasons_of_their_own(contents: ReportContents) -> None:
    frame = contents.cohort.people.frame
    many = frame.with_columns(
        status=pl.lit("dropped"), reason=pl.format("heterozygosity {} SD", 3.0 + pl.int_range(pl.len()).cast(pl.Float64) / 7)
    )
    text = text_of(render(ReportOptions(), changed(contents, people=People(many))), "people")
    assert f"−{frame.height} heterozygosity … SD" in text


@pytest.mark.usefixtures("words_only")
def test_rare_reasons_are_counted_together(contents: ReportContents) -> None:
    frame = contents.cohort.people.frame
    many = frame.with_columns(status=pl.lit("dropped"), reason=pl.format("reason {}", pl.int_range(pl.len())))
    text = text_of(render(ReportOptions(), changed(contents, people=People(many))), "people")
    assert f"−{frame.height - 20} other reasons" in text


def test_reasons_never_name_a_person_even_across_reasons(contents: ReportContents) -> None:
    frame = contents.cohort.recordings.frame
    eid = frame["eid"][3]
    named = frame.with_columns(reason=pl.when(pl.col("status") != "kept").then(pl.lit(f"same as ECG-{eid}.xml")))
    assert eid not in render(ReportOptions(), changed(contents, recordings=Recordings(named))).html


@pytest.mark.usefixtures("words_only")
def test_a_name_in_the_study_file_cannot_become_markup(contents: ReportContents) -> None:
    wild = render(ReportOptions(title="<script>alert(1)</script>"), changed(contents, notes=("<b>&",)))
    assert "<script>alert(1)" not in wild.html
    assert "&lt;script&gt;alert(1)" in wild.html
    assert "&lt;b&gt;&amp;" in wild.html


def test_max_traits_limits_the_pictures_and_the_page_says_so(contents: ReportContents) -> None:
    page = render(ReportOptions(max_traits=2), contents)
    assert sum(name.startswith("manhattan_") for name in page.figures) == 2
    assert "those of the 2 strongest traits are also in figures/" in text_of(page, "traits")
    strongest = contents.loci.hits.frame.sort("neglog10p", descending=True)["trait"][0]
    assert f"manhattan_{strongest}" in page.figures


def test_without_hits_the_page_says_so_and_shows_what_null_looks_like(pages: dict[str, Page]) -> None:
    page = pages["without hits"]
    assert "No locus passes the study's threshold" in text_of(page, "found")
    assert "No trait has a hit" in text_of(page, "traits")
    assert "there are no genes to show" in text_of(page, "genes")
    assert sum(name.startswith("manhattan_") for name in page.figures) == 3
    assert "null_study" in page.figures
    assert "genes" not in page.figures


def test_an_empty_study_gives_a_page_without_pictures(pages: dict[str, Page]) -> None:
    page = pages["empty"]
    assert page.figures == {}
    assert "The scan made no permutations" in text_of(page, "trust")
    assert "these features are measured" in text_of(page, "recordings")


def test_page_stays_small(page: Page) -> None:
    assert len(page.html.encode()) < 8_000_000


def rows_of(page: Page, table: str) -> list[list[str]]:
    rows = html.document_fromstring(page.html).xpath(f"//table[@id='table-{table}']/tbody/tr")
    return [[cell.text_content() for cell in row] for row in rows]


def test_clusters_have_colour_number_count_description_and_genes(page: Page, contents: ReportContents) -> None:
    rows = rows_of(page, "clusters")
    members = contents.genes.clusters.frame.filter(pl.col("degree") > 0).sort("cluster", "gene").group_by("cluster").agg("gene")
    expected = {str(number): ", ".join(genes) for number, genes in members.iter_rows()}
    assert {row[1]: row[5] for row in rows[:-1]} == expected
    assert [int(row[2]) for row in rows[:-1]] == [len(expected[row[1]].split(", ")) for row in rows[:-1]]
    assert rows[0][0].strip() == SERIES[0]
    assert rows[0][3:5] == ["cardiac conduction", "term of Process, FDR 0.0001"]
    alone = contents.genes.clusters.frame.filter(degree=0)["gene"].sort().to_list()
    assert rows[-1][1:] == ["–", str(len(alone)), "hit genes without an edge", "–", ", ".join(alone)]
    table = html.document_fromstring(page.html).xpath("//table[@id='table-clusters']")[0]
    assert table.xpath(".//svg/rect/@fill") == [row[0].strip() for row in rows if row[0].strip() != "–"]
    assert {"cluster_1", "cluster_2"} <= set(page.figures)
    assert "figure-cluster_1" in page.html


def test_terms_have_their_group_and_the_reason(page: Page) -> None:
    heart = next(row for row in rows_of(page, "enrichment") if "cardiac conduction" in row)
    assert heart[-3:-1] == ["cardiovascular", "word: cardi"]


def test_a_locus_has_its_traits_its_checks_and_its_credible_set(page: Page, contents: ReportContents) -> None:
    for locus in contents.loci.loci.frame.iter_rows(named=True):
        inside = contents.loci.hits.frame.filter(
            pl.col("chrom") == locus["chrom"], pl.col("pos").is_between(locus["start"], locus["stop"])
        )
        best = inside.group_by("trait").agg(pl.col("neglog10p").max()).sort("neglog10p", "trait", descending=[True, False])
        shown = [(row[0], row[1]) for row in rows_of(page, f"traits-of-{locus['locus']}")]
        assert shown == [(trait, f"{value:.2f}") for trait, value in best.iter_rows()]
        flags = "one person" if locus["locus"] == 2 else "none"
        assert [(row[0], row[-1]) for row in rows_of(page, f"audit-{locus['locus']}")] == [(locus["best_trait"], flags)]
        assert [row[1:4] for row in rows_of(page, f"credible-{locus['locus']}")] == [
            [locus["lead_variant"], f"{locus['pos']:,}", "0.910"]
        ]
    assert "checks: warn" in text_of(page, "locus-2")
    assert "checks: pass" in text_of(page, "locus-3")
    assert "new" in text_of(page, "h-locus-2")


def test_a_locus_states_its_strongest_measured_effect_first() -> None:
    page = page_of("measured")
    assert "Effects on measured traits are also given in their unit (beats/min, ms)" in text_of(page, "methods")
    words = "A allele of rs12143842: −3.12 beats/min (SE 0.44) of clinical.12L.heart_rate_bpm per copy, the strongest of 2 "
    words += "measured traits with a hit here; corrected for the winner's curse −2.34 beats/min (−3.52 to −0.78)."
    assert words in text_of(page, "locus-1")
    assert "A allele of rs6801957: +0.100 SD (SE 0.020) of pca.12L.f01 per copy." in text_of(page, "locus-3")
    headings, *_ = html.document_fromstring(page.html).xpath("//table[@id='table-traits-of-1']//tr")
    named = [heading.text_content() for heading in headings]
    row = next(row for row in rows_of(page, "traits-of-1") if row[0] == "clinical.12L.qt_ms")
    shown = dict(zip(named, row, strict=True))
    assert shown["beta (SD per allele)"] == "−0.400"
    assert [shown[name] for name in ("effect per allele in the trait's unit", "its standard error", "unit")] == [
        "−6.25", "0.87", "ms",
    ]  # fmt: skip
    assert [row[1] for row in rows_of(page, "traits") if row[0] == "clinical.12L.qt_ms"] == ["ms"]


@pytest.mark.usefixtures("words_only")
def test_loci_and_planted_effects_are_listed_with_the_effect_in_its_unit(contents: ReportContents) -> None:
    natural = {"effect": 12.3, "effect_se": 1.24, "unit": "µV"}
    loci = Loci(contents.loci.loci.frame.with_columns(pl.lit(value).alias(name) for name, value in natural.items()))
    page = render(ReportOptions(), changed(contents, loci=loci))
    assert "+12.3 µV (SE 1.2)" in rows_of(page, "loci")[0]
    assert "+12.3 µV (SE 1.2)" in rows_of(page, "planted")[0]


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(("transform", "unit"), [("rank_normal", "SD per allele"), ("none", "feature's unit per allele")])
def test_effects_are_headed_by_the_unit_that_the_transformation_gave_them(
    contents: ReportContents, transform: str, unit: str
) -> None:
    settings = {**contents.run.settings, "traits": {**contents.run.settings["traits"], "transform": transform}}
    page = render(ReportOptions(), changed(contents, settings=settings)).html
    headings = html.document_fromstring(page).xpath("//th")
    found = [heading.text_content() for heading in headings if heading.text_content().startswith("beta")]
    assert f"beta ({unit})" in found
    assert f"beta corrected for the winner's curse ({unit})" in found
    assert all(unit in heading for heading in found if "known" not in heading)
    assert f'"effect_unit":"{unit}"' in page
    assert "90 % in those with two or three" in page


@pytest.mark.usefixtures("words_only")
def test_a_locus_that_leans_on_another_is_not_passed(contents: ReportContents) -> None:
    beside = pl.Series("neglog10p_conditional", [contents.loci.threshold["neglog10p"] - 0.1] * contents.loci.loci.frame.height)
    page = render(ReportOptions(), changed(contents, loci=Loci(contents.loci.loci.frame.with_columns(beside))))
    assert "checks: warn" in text_of(page, "locus-3")
    assert "conditional on the other loci" in page.html


def test_tables_without_a_place_of_their_own_are_shown_and_empty_ones_named(page: Page) -> None:
    for folder in ("traits", "loci"):
        assert rows_of(page, f"{folder}-guards") == [["kinship", "pass", "0.02", "0.0884", "3"]]
    assert rows_of(page, "loci-heritability")[0][0] == "ae.V3.f02"
    assert rows_of(page, "flags") == [["none", "2"], ["one person", "1"]]
    assert "Tables without rows: multitrait" in text_of(page, "trust")


@pytest.mark.usefixtures("words_only")
def test_a_table_that_names_people_in_words_is_blotted(contents: ReportContents) -> None:
    eid = contents.cohort.people.frame["eid"][0]
    more = {files.SAMPLE_GUARDS: pl.DataFrame({"guard": ["relatedness"], "note": [f"largest between {eid} and another"]})}
    page = render(ReportOptions(), changed(contents, tables=more))
    assert eid not in page.html
    assert "largest between … and another" in text_of(page, "trust")


def test_counts_stand_beside_those_of_the_null_twin(page: Page, contents: ReportContents) -> None:
    rows = {row[0]: row[1:] for row in rows_of(page, "null_counts")}
    assert rows["loci"] == [str(len(contents.loci.loci)), "1"]
    assert rows["genes hit"] == [str(contents.genes.genes.frame["gene"].n_unique()), "1"]
    assert rows["significant variant–trait pairs"] == [str(len(contents.loci.hits)), "1"]
    assert "chance_network" not in page.figures
    assert "With permuted participants there is nothing to draw." in text_of(page, "genes")


def test_every_trait_is_in_the_table_of_traits(page: Page, contents: ReportContents) -> None:
    shown = {row[0]: row for row in rows_of(page, "traits")}
    assert set(shown) == set(contents.scan.trait_names)
    for row in contents.scan.summary.frame.iter_rows(named=True):
        assert shown[row["trait"]][2] == f"{row['lambda_gc']:.3f}".replace("-", "−")
        assert shown[row["trait"]][4] == f"{row['significant']:,}"


def test_methods_cite_what_was_used_and_nothing_else(page: Page, contents: ReportContents) -> None:
    text = text_of(page, "methods-text")
    assert "Westfall" in text
    assert "He K, Zhang X" in text
    assert "Kingma" not in text
    assert f"{len(contents.scan.trait_names)} traits were tested against 51,234 variants" in text
    assert "ecgwas 0.1.0" in text
    assert "found by SuSiE" in text
    assert "Wang G, Sarkar A" in text
    # No table of sets of traits was left, so none were tested.
    assert "ACAT" not in text
    assert "resampled" not in text


@pytest.mark.usefixtures("words_only")
def test_methods_tell_of_other_rates_and_lengths(contents: ReportContents) -> None:
    frame = contents.cohort.recordings.frame.with_columns(rate_hz=pl.lit(1000.0), seconds=pl.lit(11.0))
    text = render(ReportOptions(), changed(contents, recordings=Recordings(frame))).html
    assert (
        "Recordings of other rates were resampled by polyphase filtering. Of longer recordings the first 10 s were used."
        in text
    )


def test_strega_leaves_to_the_authors_what_only_they_know(page: Page) -> None:
    items = {row[0]: row[2] for row in rows_of(page, "strega")}
    assert items["22"] == "–"
    assert items["6"].startswith("74 participants")
    assert items["12j"] == "pass: kinship; excluded 3"
    assert items["12i"].startswith("permutation")
    assert len(items) > 22


@pytest.mark.usefixtures("words_only")
def test_a_locus_that_only_a_set_of_traits_finds_says_so(contents: ReportContents) -> None:
    plain = contents.loci.loci.frame
    assert "set of traits" not in text_of(page_of("full"), "table-loci")
    found = plain.with_columns(
        test=pl.when(pl.col("locus") == 2).then(pl.lit("acat")).otherwise(pl.lit("single")),
        set=pl.when(pl.col("locus") == 2).then(pl.lit("ae.V3")),
    )
    page = render(ReportOptions(), changed(contents, loci=Loci(found)))
    assert "set of traits" in text_of(page, "table-loci")
    assert "found by the acat test of the trait set ae.V3" in text_of(page, "locus-2")
    assert "trait set" not in text_of(page, "locus-1")

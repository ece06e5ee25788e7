"""Where else a variant can be looked up: addresses by rs number or position, of the study's build."""

from __future__ import annotations

import pytest
from lxml import html

from ecgwas.report.text.look_up import look_up
from tests.report.example import make_contents, page_of

LOCUS = {"lead_variant": "rs6801957", "chrom": "3", "pos": 38_767_315, "effect_allele": "T", "other_allele": "C",
         "start": 38_600_000, "stop": 38_800_000}  # fmt: skip


@pytest.mark.parametrize(
    ("build", "server", "data"), [("hg19", "grch37.ensembl.org", "gnomad_r2_1"), ("hg38", "www.ensembl.org", "gnomad_r4")]
)
def test_an_rs_number_is_looked_up_by_it(build: str, server: str, data: str) -> None:
    found = look_up(LOCUS, build)
    assert found.place == "3:38767315:C:T"
    assert dict(found.browsers) == {
        "Ensembl": f"https://{server}/Homo_sapiens/Variation/Explore?v=rs6801957",
        "gnomAD": f"https://gnomad.broadinstitute.org/variant/rs6801957?dataset={data}",
        "UCSC": f"https://genome.ucsc.edu/cgi-bin/hgTracks?db={build}&position=chr3:38600000-38800000",
        "GWAS Catalog": "https://www.ebi.ac.uk/gwas/variants/rs6801957",
        "dbSNP": "https://www.ncbi.nlm.nih.gov/snp/rs6801957",
    }


def test_other_names_are_looked_up_by_position() -> None:
    found = dict(look_up(LOCUS | {"lead_variant": "3:38767315:C:T", "pos": 20}, "hg19").browsers)
    assert set(found) == {"Ensembl", "gnomAD", "UCSC"}
    assert found["Ensembl"].endswith("Location/View?r=3:1-70")
    assert found["gnomAD"].endswith("/region/3-1-70?dataset=gnomad_r2_1")


def test_positions_of_another_build_lead_nowhere() -> None:
    assert [name for name, _ in look_up(LOCUS, "other").browsers] == ["GWAS Catalog", "dbSNP"]
    assert look_up(LOCUS | {"lead_variant": "."}, "other").browsers == ()


def test_each_locus_of_the_page_says_where() -> None:
    tree = html.document_fromstring(page_of("full").html)
    for row in make_contents().loci.loci.frame.iter_rows(named=True):
        (paragraph,) = tree.xpath(f"//article[@id='locus-{row['locus']}']/p[contains(@class, 'look-up')]")
        assert [(link.text, link.get("href")) for link in paragraph.iter("a")] == list(look_up(row, "hg19").browsers)
        assert paragraph.xpath(".//button/@data-copy") == [look_up(row, "hg19").place]

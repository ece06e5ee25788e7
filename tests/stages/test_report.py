"""The stage report on a small simulated cohort, checked against the user's files read another way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed
from lxml import etree
from lxml.html import document_fromstring

from ecgwas import stages
from ecgwas.commands import figures
from ecgwas.errors import InputError, StudyError
from ecgwas.report import ReportContents
from ecgwas.report.text import labels
from ecgwas.stages import report
from ecgwas.study import Study
from tests.cohorts import copied_once, make_cohort

PCA_ONLY = "represent:\n  - {kind: pca, name: pca, features: 6}\n\ntraits:"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return finished_study(tmp_path_factory.mktemp("finished"))


def finished_study(folder: Path) -> Study:
    """A cohort run to its end, once for all modules that ask; a threshold that some tests pass, so that there are loci."""

    def made(folder: Path) -> None:
        stages.run(with_pca_only(make_cohort(folder, people=100, variants=120, permutations=0)))

    copied_once("finished", "pca", folder, made)
    return Study.read_file(folder / "study.yaml")


def with_pca_only(path: Path) -> Study:
    """The study with one quick representation and a threshold that some tests pass."""
    text = re.sub(r"represent:.*?\ntraits:", PCA_ONLY, path.read_text(), flags=re.DOTALL)
    text = re.sub(r"threshold: permutation", "threshold: 1.0e-4", text)
    path.write_text(text.replace("\nreport:\n", "\nreport:\n  planted: truth.tsv\n"))
    return Study.read_file(path)


@pytest.fixture(scope="module")
def contents(finished: Study) -> ReportContents:
    return report.gather(finished)


def test_the_example_is_the_first_kept_recording(finished: Study, contents: ReportContents) -> None:
    kept = pl.read_parquet(finished.results / "read" / "recordings.parquet").filter(pl.col("row") == 0)
    tree = etree.parse(str(finished.folder / "ecg" / kept["path"][0]), etree.XMLParser(resolve_entities=False))
    strips = tree.xpath("//StripData/WaveformData[@lead='V2']/text()")
    recorded = np.array(strips[0].replace(",", " ").split(), dtype=float)
    assert contents.cohort.example is not None
    drawn = contents.cohort.example.raw_uv[7].astype(float)
    assert np.corrcoef(recorded, drawn)[0, 1] == pytest.approx(1.0, abs=1e-6)


def test_the_example_is_rebuilt_from_its_features(contents: ReportContents) -> None:
    (pca,) = contents.representations
    assert pca.reconstruction is not None
    assert contents.cohort.example is not None
    assert np.corrcoef(pca.reconstruction.ravel(), contents.cohort.example.beat_uv.ravel())[0, 1] > 0.9


def test_beats_by_genotype_count_the_people_of_the_bed_file(finished: Study, contents: ReportContents) -> None:
    assert contents.loci.genotype_beats
    bed = open_bed(finished.scan.genotypes.with_name(finished.scan.genotypes.name + ".bed"))
    tested = set(contents.cohort.people.frame.filter(pl.col("status") == "kept")["eid"])
    rows = np.array([eid in tested for eid in bed.iid])
    for beats in contents.loci.genotype_beats:
        column = int(np.flatnonzero(bed.sid == beats.variant)[0])
        copies = bed.read(index=np.s_[:, column], dtype="float32")[rows, 0]
        if bed.allele_1[column] != beats.effect_allele:
            copies = 2 - copies
        assert [int((copies == k).sum()) for k in range(3)] == beats.people.tolist()


def test_the_page_names_nobody_and_no_place(finished: Study) -> None:
    eids = set(pl.read_parquet(finished.results / "read" / "recordings.parquet")["eid"])
    folder = finished.results / "report"
    for path in [folder / "report.html", *(folder / "figures").iterdir()]:
        text = path.read_text()
        assert eids.isdisjoint(re.findall(r"[A-Za-z0-9]+", text)), path
        assert str(finished.folder) not in text, path


def test_the_page_holds_the_numbers_of_the_tables(finished: Study) -> None:
    html = (finished.results / "report" / "report.html").read_text()
    loci = pl.read_csv(finished.results / "loci" / "loci.csv", schema_overrides={"chrom": pl.String})
    hits = pl.read_csv(finished.results / "loci" / "hits.csv", schema_overrides={"chrom": pl.String})
    assert f"<b>{loci.height}</b>loci" in html
    assert f"with {hits.height:,} significant" in html
    for lead, strength in loci.select("lead_variant", "neglog10p").iter_rows():
        assert lead in html
        assert f">{strength:.2f}<" in html
    truth = pl.read_csv(finished.folder / "truth.tsv", separator="\t")
    assert f"of {truth.height} planted effects are found" in html


def table_of(html: str, name: str) -> list[list[str]]:
    rows = document_fromstring(html).xpath(f"//table[@id='table-{name}']/tbody/tr")
    return [[cell.text_content().replace("−", "-") for cell in row] for row in rows]


def columns_of(html: str, name: str, headings: Sequence[str]) -> list[tuple[str, ...]]:
    """Cells of a table of the page below these headings."""
    words = [cell.text_content() for cell in document_fromstring(html).xpath(f"//table[@id='table-{name}']/thead/tr/th")]
    places = [words.index(heading) for heading in headings]
    return [tuple(row[place] for place in places) for row in table_of(html, name)]


def test_every_table_of_the_page_is_that_of_the_results(finished: Study) -> None:
    html = (finished.results / "report" / "report.html").read_text()
    folder = finished.results / "loci"
    text = {"chrom": pl.String}
    loci = pl.read_csv(folder / "loci.csv", schema_overrides=text)
    hits = pl.read_csv(folder / "hits.csv", schema_overrides=text)
    shown = columns_of(
        html, "loci", ("locus", "lead variant", "position", "−log10 p", "strongest trait", "effect allele frequency")
    )
    columns = ("locus", "lead_variant", "pos", "neglog10p", "best_trait", "eaf")
    assert shown == [
        (str(locus), lead, f"{pos:,}", f"{strength:.2f}", trait, f"{eaf:.3f}")
        for locus, lead, pos, strength, trait, eaf in loci.select(columns).iter_rows()
    ]
    thresholds = pl.read_csv(folder / "thresholds.csv")
    assert [row[:2] for row in table_of(html, "thresholds")] == [
        [labels.words(kind), f"{value:.2f}"] for kind, value in thresholds.select("kind", "neglog10p").iter_rows()
    ]
    power = pl.read_csv(folder / "power.csv", infer_schema_length=None)
    assert [row[2] for row in table_of(html, "power")] == [f"{share:.2%}" for share in power["share_at_power_80"]]
    summary = {row["trait"]: row for row in pl.read_csv(folder / "summary.csv").iter_rows(named=True)}
    strongest = dict(pl.read_csv(folder / "qq.csv").group_by("trait").agg(pl.col("observed").max()).iter_rows())
    traits = {row[0]: row for row in table_of(html, "traits")}
    assert set(traits) == set(summary)
    for name, row in traits.items():
        wanted = summary[name]
        assert row[1] == f"{strongest[name]:.2f}"
        assert row[2] == f"{wanted['lambda_gc']:.3f}"
        assert row[4:7] == [f"{wanted[what]:,}" for what in ("significant", "n", "tests")]
    for locus in loci.iter_rows(named=True):
        here = hits.filter(pl.col("chrom") == locus["chrom"], pl.col("pos").is_between(locus["start"], locus["stop"]))
        best = here.sort("neglog10p", "trait", "variant", descending=[True, False, False]).unique("trait", maintain_order=True)
        rows = table_of(html, f"traits-of-{locus['locus']}")
        assert [(row[0], row[1], row[5], row[6]) for row in rows] == [
            (trait, f"{p:.2f}", f"{beta:.3f}", f"{se:.3f}")
            for trait, p, beta, se in best.select("trait", "neglog10p", "beta", "se").iter_rows()
        ]


def test_pictures_hold_the_numbers_of_the_results(finished: Study) -> None:
    figures = finished.results / "report" / "figures"
    hits = pl.read_csv(finished.results / "loci" / "hits.csv", schema_overrides={"chrom": pl.String})
    for trait in hits["trait"].unique():
        drawn = pl.read_csv(figures / f"manhattan_{trait}.csv", schema_overrides={"chrom": pl.String})
        limit = hits["neglog10p"].min()
        beyond = drawn.filter(pl.col("neglog10p") >= limit).select("variant", "neglog10p").sort("variant")
        assert beyond.equals(hits.filter(pl.col("trait") == trait).select("variant", "neglog10p").sort("variant"))
    genes = pl.read_csv(finished.results / "genes" / "genes.csv", schema_overrides={"chrom": pl.String}).drop_nulls("gene")
    pairs = genes.select("variant", "chrom", "pos", "gene").unique().join(hits, on=["variant", "chrom", "pos"])
    counted = dict(pairs.group_by("gene").len().iter_rows())
    drawn = pl.read_csv(figures / "genes.csv")
    assert dict(drawn.select("gene", "pairs").iter_rows()) == counted
    variants = dict(pl.read_csv(finished.results / "genes" / "gene_counts.csv").select("gene", "variants").iter_rows())
    assert dict(drawn.select("gene", "variants").iter_rows()) == variants
    heat = pl.read_csv(figures / "gene_by_lead.csv").unpivot(index="gene", variable_name="lead", value_name="variants")
    cells = pl.read_csv(finished.results / "genes" / "gene_leads.csv").select("gene", "lead", "variants")
    assert heat.filter(pl.col("variants") > 0).sort("gene", "lead").equals(cells.sort("gene", "lead"))


def test_the_same_bytes_again(finished: Study) -> None:
    folder = finished.results / "report"
    before = {path.name: path.read_bytes() for path in sorted(folder.rglob("*.*"))}
    assert stages.run_part(finished, "report", "all", force=True)
    assert {path.name: path.read_bytes() for path in sorted(folder.rglob("*.*"))} == before


def test_what_is_about_the_run_is_not_about_the_study(finished: Study) -> None:
    settings = report.settings(finished)
    assert "results" not in settings
    assert "threads" not in settings["scan"]
    assert settings["scan"]["genotypes"] == "genotypes/cohort"
    elsewhere = finished.scan.model_copy(update={"genotypes": Path("/home/someone/secret/chr")})
    assert report.settings(finished.model_copy(update={"scan": elsewhere}))["scan"]["genotypes"] == "chr"


def test_pictures_for_print_are_those_of_the_report_and_any_trait_asked_for(finished: Study) -> None:
    trait = "pca.12L.pc06"
    names = ["manhattan_*6", "locus_*"]
    files = figures.write(finished, names=names, traits=[trait], formats=["svg", "pdf"])
    loci = pl.read_csv(finished.results / "loci" / "loci.csv")["locus"]
    wanted = {f"locus_{locus}{more}.{kind}" for locus in loci for more in ("", "_difference") for kind in ("svg", "pdf")}
    wanted |= {f"manhattan_{trait}.{kind}" for kind in ("svg", "pdf")}
    assert {path.name for path in files} == wanted
    assert {path.name for path in (finished.results / "figures").iterdir()} == wanted
    with pytest.raises(StudyError, match=r"no trait pca\.12L\.pc66"):
        figures.write(finished, names=[], traits=["pca.12L.pc66"], formats=["svg"])
    with pytest.raises(InputError, match="no figure is named lucos_1"):
        figures.write(finished, names=["lucos_1"], traits=[], formats=["svg"])


@pytest.mark.parametrize(
    ("text", "said"),
    [("variant chrom pos\nrs1 1 5\n", "no column parameter, effect, unit"),
     ("variant chrom pos parameter effect unit\nrs1 1 five qt 2 ms\n", "is not a number")],
)  # fmt: skip
def test_a_wrong_table_of_planted_effects_is_told(finished: Study, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "truth.txt"
    path.write_text(text)
    wrong = finished.model_copy(update={"report": finished.report.model_copy(update={"planted": path})})
    with pytest.raises(InputError, match=said):
        report.STAGE.check(wrong)

"""The page of `ecgwas compare --page`: one threshold for all, loci side by side, the numbers of the tables, clear errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from lxml import html

from ecgwas import stages
from ecgwas.commands import compare, compare_page, terminal
from ecgwas.errors import MissingStageError, StudyError
from ecgwas.loci.thresholds import family_wise, joint_maxima
from ecgwas.stages import scan
from tests.cohorts import make_cohort
from tests.commands.compared_studies import BOTH, ONLY_B, scanned, two_studies
from tests.commands.test_compare import NETWORK, represented, run, study_file

MAXIMA = np.arange(1.0, 7.0, 0.01)


def made(*paths: Path) -> compare_page.ComparisonPage:
    return compare_page.page(compare.read_studies(paths), None)


def texts(page: compare_page.ComparisonPage, table: str) -> list[list[str]]:
    """Cells of a table of the page, with its heading as the first row."""
    document = html.document_fromstring(page.html)
    (found,) = document.xpath(f"//table[@id='table-{table}']")
    return [[re.sub(r"\s+", " ", cell.text_content()).strip() for cell in row] for row in found.iter("tr")]


def said(page: compare_page.ComparisonPage) -> str:
    return re.sub(r"\s+", " ", html.document_fromstring(page.html).find("body/main").text_content())


def columns(rows: list[list[str]]) -> Mapping[str, list[str]]:
    head, *body = rows
    return {name: [row[i] for row in body] for i, name in enumerate(head)}


def test_one_threshold_for_all_and_who_finds_what(tmp_path: Path) -> None:
    page = made(*two_studies(tmp_path))
    frame = page.table.frame
    assert set(frame["threshold"]) == {family_wise(MAXIMA, 0.05).value}
    assert frame.filter("found").select("lead_variant", "study", "representation").rows() == [
        ("rs1", "alpha", "ae"), ("rs1", "alpha", "clinical"), ("rs1", "beta", "ae"), ("rs2", "alpha", "clinical"),
        ("rs3", "beta", "clinical"),
    ]  # fmt: skip
    text = said(page)
    assert "3 loci in all: 1 found by both, 1 found by alpha only, 1 found by beta only." in text
    assert "alpha and beta permute the same participants in the same orders" in text
    assert "family-wise over all 6 traits compared" in text
    cards = html.document_fromstring(page.html).xpath("//ul[@class='cards']/li")
    assert [card.text_content() for card in cards] == ["1alpha: ae", "2alpha: clinical", "1beta: ae", "1beta: clinical"]


def test_the_effects_stand_side_by_side_for_the_same_allele(tmp_path: Path) -> None:
    page = made(*two_studies(tmp_path))
    shown = columns(texts(page, "shared_loci"))
    assert shown["lead variant"] == ["rs1", "rs2", "rs3"]
    assert shown["alpha: −log10 p"] == ["12.00", "9.50", "–"]
    assert shown["beta: −log10 p"] == ["10.00", "3.50", "8.00"]
    assert shown["effect allele"] == ["A", "A", "A"]
    assert shown["alpha: effect per allele"] == ["+0.50 SD (SE 0.10)", "−4.50 ms (SE 0.75)", "–"]
    assert shown["alpha: beta"] == ["+0.50 SD (SE 0.10)", "−0.25 SD (SE 0.10)", "–"]
    assert shown["beta: effect per allele"] == ["+0.45 SD (SE 0.10)", "−0.10 SD (SE 0.10)", "+0.50 SD (SE 0.10)"]
    assert shown["alpha: of trait"] == ["ae.V1.f1", "clinical.12L.qt_ms", "–"]


def test_every_number_of_the_page_is_that_of_the_tables(tmp_path: Path) -> None:
    paths = two_studies(tmp_path)
    page = made(*paths)
    printed = terminal.comparison_output(paths).printed
    for name, frame in zip(("settings", "results"), printed, strict=True):
        by_column = zip(*texts(page, name)[1:], strict=True), zip(*terminal.cells(frame), strict=True)
        for column, cells, values in zip(frame.columns, *by_column, strict=True):
            if frame[column].dtype.is_numeric():
                assert cells == tuple(value.replace("-", "−") or "–" for value in values), column
    compared = page.table.frame
    for number, own in compared.group_by("locus"):
        shown = columns(texts(page, f"tests-of-{number[0]}"))
        own = own.sort("study", "representation")
        assert list(zip(shown["study"], shown["representation"], strict=True)) == own.select("study", "representation").rows()
        for heading, column in (("−log10 p", "best_neglog10p"), ("−log10 p there", "neglog10p")):
            assert shown[heading] == ["–" if value is None else f"{value:.2f}" for value in own[column]]
        betas = ["–" if value is None else f"{value:+.2f} SD (SE 0.10)".replace("-", "−") for value in own["beta"]]
        assert shown["beta per effect allele"] == betas
        assert shown["found"] == ["yes" if value else "no" for value in own["found"]]


def test_the_null_study_stands_beside_what_was_found(tmp_path: Path) -> None:
    page = made(*two_studies(tmp_path))
    assert texts(page, "null")[1:] == [
        ["alpha", "ae", "1", "1", "1", "1"], ["alpha", "clinical", "2", "0", "2", "0"],
        ["beta", "ae", "1", "0", "1", "0"], ["beta", "clinical", "1", "0", "1", "0"],
    ]  # fmt: skip
    assert "Without a null study" not in said(page)
    for folder in ("alpha", "beta"):
        (tmp_path / "results" / folder / "null" / "scan" / "1.parquet").unlink()
    without = made(tmp_path / "alpha.yaml", tmp_path / "beta.yaml")
    assert "Without a null study: alpha and beta." in said(without)
    assert [row[3] for row in texts(without, "null")[1:]] == ["–"] * 4


def test_studies_of_other_participants_have_permutations_of_their_own(tmp_path: Path) -> None:
    a = scanned(tmp_path, "alpha", [BOTH])
    for name, more in (("people", {"eids": ("1", "3", "2")}), ("seed", {"more": "seed: 7\n"}), ("files", {})):
        b = scanned(tmp_path, name, [BOTH], **more)
        if name == "files":
            b.write_text(b.read_text().replace("genotypes: g", "genotypes: h"))
        page = made(a, b)
        threshold = page.table.frame["threshold"][0]
        assert threshold > family_wise(MAXIMA, 0.05).value
        beyond = (threshold < MAXIMA).sum() + 1
        assert 2 * beyond / (len(MAXIMA) + 1) <= 0.05 < 2 * (beyond + 1) / (len(MAXIMA) + 1)
        assert f"alpha ({len(MAXIMA)}); {name} ({len(MAXIMA)})" in said(page)


def test_without_permutations_all_traits_share_the_genome_wide_error(tmp_path: Path) -> None:
    page = made(scanned(tmp_path, "alpha", [BOTH]), scanned(tmp_path, "beta", [BOTH], maxima=()))
    assert page.table.frame["threshold"][0] == pytest.approx(-np.log10(5e-8 / 6))
    assert "the common threshold is 5e-8 / 6 traits: no permutations in beta" in page.warnings


def test_of_one_study_the_representations_stand_side_by_side(tmp_path: Path) -> None:
    scanned(tmp_path, "alpha", [BOTH, ONLY_B])
    ended = run("compare", tmp_path / "alpha.yaml", "--page", tmp_path / "out" / "page.html")
    assert ended.exit_code == 0, ended.output
    text = (tmp_path / "out" / "page.html").read_text()
    sentence = "2 loci in all: 1 found by ae only, 1 found by clinical only; none by both."
    assert sentence in text
    assert sentence in ended.output
    assert f"one threshold for all: -log10 p > {family_wise(MAXIMA, 0.05).value:.2f} (permutation)" in ended.output
    table = pl.read_csv(tmp_path / "out" / "compared_loci.csv", schema_overrides={"chrom": pl.String})
    assert table["representation"].to_list() == ["ae", "clinical"] * 2
    assert 'id="table-compared"' in text
    one = scanned(tmp_path, "single", [BOTH], network=NETWORK)
    with pytest.raises(StudyError, match="one study with one representation"):
        made(one)


def test_the_command_writes_page_and_table_and_the_same_bytes_again(tmp_path: Path) -> None:
    paths = two_studies(tmp_path)
    contents = []
    for _ in range(2):
        ended = run("compare", *paths, "--page", tmp_path / "page.html")
        assert ended.exit_code == 0, ended.output
        assert f"Wrote {tmp_path / 'page.html'}" in ended.output
        contents.append([(tmp_path / name).read_bytes() for name in ("page.html", "compared_loci.csv")])
    assert contents[0] == contents[1]
    assert run("compare", *paths, "--page", tmp_path / "page.pdf").exit_code == 2


def test_nothing_of_a_participant_is_on_the_page(tmp_path: Path) -> None:
    eids = ("7340011", "7340012", "7340013")
    paths = [scanned(tmp_path, name, [BOTH], eids=eids) for name in ("alpha", "beta")]
    page = made(*paths)
    written = page.html + page.table.frame.write_csv()
    assert not [eid for eid in eids if eid in written]
    assert "eid" not in page.table.frame.columns


def test_studies_that_cannot_be_compared_are_refused_with_the_cure(tmp_path: Path) -> None:
    a = scanned(tmp_path, "alpha", [BOTH])
    not_run = study_file(tmp_path, "early")
    represented(not_run)
    with pytest.raises(MissingStageError, match="no results of stages traits to loci: early") as error:
        made(a, not_run)
    assert "run --until loci" in error.value.fix
    ended = run("compare", a, not_run, "--page", tmp_path / "page.html")
    assert ended.exit_code == 6
    assert not (tmp_path / "page.html").exists()
    build = scanned(tmp_path, "other_build", [BOTH])
    build.write_text(build.read_text().replace("genotypes: g}", "genotypes: g, build: hg38}"))
    with pytest.raises(StudyError, match=r"different genome builds: hg19 \(alpha\), hg38 \(other_build\)"):
        made(a, build)
    apart = scanned(tmp_path, "apart", [BOTH | {"chrom": "2"}], chrom="2")
    with pytest.raises(StudyError, match=r"no chromosome was tested in all of the studies: alpha: 1, apart: 2"):
        made(a, apart)
    kept = scanned(tmp_path, "kept", [BOTH])
    kept.write_text(kept.read_text().replace("genotypes: g}", "genotypes: g, keep_neglog10p: 6.9}"))
    with pytest.raises(StudyError, match=r"kept: the common threshold .* lies below scan.keep_neglog10p"):
        made(a, kept)


def test_no_locus_is_said_and_not_drawn(tmp_path: Path) -> None:
    weak = {"trait": "ae.V1.f1", "neglog10p": 4.0}
    page = made(*(scanned(tmp_path, name, [weak]) for name in ("alpha", "beta")))
    assert len(page.table) == 0
    assert "No locus passes the common threshold." in said(page)
    assert "nothing passes the common threshold" in said(page)
    assert 'id="figure-found_by"' not in page.html


def test_the_page_is_one_file_with_a_strict_policy(tmp_path: Path) -> None:
    text = made(*two_studies(tmp_path)).html
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:|//|figures/)", text)
    document = html.document_fromstring(text)
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids))
    targets = {link.removeprefix("#") for link in document.xpath("//a/@href") if link.startswith("#")}
    assert targets <= set(ids)


def test_names_that_look_like_html_are_text(tmp_path: Path) -> None:
    paths = two_studies(tmp_path)
    paths[0].write_text(paths[0].read_text().replace("name: alpha", "name: '<img src=x> & \"quoted\"'"))
    document = html.document_fromstring(made(*paths).html)
    assert document.xpath("//img") == []
    assert document.find("body/header/h1").text_content() == 'Comparison of <img src=x> & "quoted" and beta'


@pytest.mark.slow
def test_one_seed_and_one_cohort_give_the_same_permutations(tmp_path: Path) -> None:
    """Run for real: the traits of one study are among those of the other, so no permutation has a smaller maximum there."""
    clinical = "  - {kind: intervals, name: clinical}\n"
    first = make_cohort(tmp_path / "cohort", people=80, variants=60, permutations=50, represent=clinical)
    second = first.with_name("second.yaml")
    text = first.read_text().replace(clinical, clinical + "  - {kind: pca, name: pca, features: 3}\n")
    text = re.sub(r"(?m)^results: .*$", "results: other_results", text)
    second.write_text(re.sub(r"(?m)^name: .*$", "name: second", text))
    studies = compare.read_studies([first, second])
    for study in studies.values():
        stages.run(study, until="loci")
    small, large = (joint_maxima(scan.stored_counts(study.results)) for study in studies.values())
    assert len(small) == 50
    assert (large >= small).all()
    assert (large == small).any()
    assert (large > small).any()
    page = compare_page.page(studies, None)
    assert "permute the same participants in the same orders" in said(page)
    assert page.table.frame["threshold"].unique().to_list() in ([], [family_wise(large, 0.05).value])
    assert page.warnings == ()


def test_chromosomes_of_one_study_alone_are_warned_of(tmp_path: Path) -> None:
    a, b = two_studies(tmp_path)
    counts = tmp_path / "results" / "alpha" / "loci" / "variants.csv"
    counts.write_text(counts.read_text() + "X,tested,9,9\n")
    assert any(words.startswith("chromosome X was tested in alpha") for words in made(a, b).warnings)

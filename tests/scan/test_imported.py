"""Imported results: every format gives the rows of the engine that made them, whichever allele it counts; nothing is lost."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import scan
from ecgwas.errors import InputError
from ecgwas.genotypes.chromosome_codes import NOT_LISTED
from ecgwas.scan import imported, summary_statistics
from ecgwas.study.scan import Imported, files_like, trait_column, trait_columns
from ecgwas.tables import Covariates, ScanResult, Traits
from tests.genotypes import fileset

PEOPLE, VARIANTS = 120, 40
NAMES = ("made.I.f0", "made.II.f 1")
"""The second has a blank, which becomes _ in the columns of files handed over."""

Writer = Callable[[pl.DataFrame], str]


def plink2(rows: pl.DataFrame) -> str:
    """Every second variant with the other allele as A1, p as a logarithm, and lines of another test."""
    lines = ["#CHROM\tPOS\tID\tREF\tALT\tA1\tA1_FREQ\tTEST\tOBS_CT\tBETA\tSE\tT_STAT\tLOG10_P\tERRCODE"]
    for i, row in enumerate(rows.iter_rows(named=True)):
        a, other = row["effect_allele"], row["other_allele"]
        beta, eaf, counted = (row["beta"], row["eaf"], a) if i % 2 else (-row["beta"], 1 - row["eaf"], other)
        numbers = f"{row['n']}\t{beta!r}\t{row['se']!r}\t{beta / row['se']!r}\t{row['neglog10p']!r}"
        lines.append(f"chr1\t{row['pos']}\t{row['variant']}\t{other}\t{a}\t{counted}\t{eaf!r}\tADD\t{numbers}\t.")
        lines.append(f"chr1\t{row['pos']}\t{row['variant']}\t{other}\t{a}\t{counted}\t{eaf!r}\tDOMDEV\t{numbers}\t.")
    return "\n".join(lines) + "\n"


def regenie(rows: pl.DataFrame) -> str:
    lines = ["CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE CHISQ LOG10P EXTRA"]
    lines += [
        f"1 {r['pos']} {r['variant']} {r['other_allele']} {r['effect_allele']} {r['eaf']!r} {r['n']} ADD {r['beta']!r} "
        f"{r['se']!r} {r['t'] ** 2!r} {r['neglog10p']!r} NA"
        for r in rows.iter_rows(named=True)
    ]
    return "\n".join(lines) + "\n"


def saige(rows: pl.DataFrame) -> str:
    lines = ["CHR\tPOS\tMarkerID\tAllele1\tAllele2\tAC_Allele2\tAF_Allele2\tMissingRate\tBETA\tSE\tTstat\tvar\tp.value\tN"]
    lines += [
        f"01\t{r['pos']}\t1:{r['pos']}_x\t{r['other_allele']}\t{r['effect_allele']}\t9\t{r['eaf']!r}\t0\t{r['beta']!r}"
        f"\t{r['se']!r}\t1\t1\t{10 ** -r['neglog10p']!r}\t{r['n']}"
        for r in rows.iter_rows(named=True)
    ]
    return "\n".join(lines) + "\n"


def bolt(rows: pl.DataFrame) -> str:
    """BOLT-LMM states no number of participants."""
    lines = ["SNP\tCHR\tBP\tGENPOS\tALLELE1\tALLELE0\tA1FREQ\tF_MISS\tBETA\tSE\tCHISQ_BOLT_LMM_INF\tP_BOLT_LMM_INF"]
    lines += [
        f"{r['variant']}\t1\t{r['pos']}\t0\t{r['effect_allele']}\t{r['other_allele']}\t{r['eaf']!r}\t0\t{r['beta']!r}\t{r['se']!r}"
        f"\t{r['t'] ** 2!r}\t{10 ** -r['neglog10p']!r}"
        for r in rows.iter_rows(named=True)
    ]
    return "\n".join(lines) + "\n"


def gwas_ssf(rows: pl.DataFrame) -> str:
    """In lower case, without frequencies."""
    lines = [
        "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\tstandard_error\teffect_allele_frequency\tp_value\tn"
    ]
    lines += [
        f"1\t{r['pos']}\t{r['effect_allele'].lower()}\t{r['other_allele'].lower()}\t{r['beta']!r}\t{r['se']!r}\t#NA"
        f"\t{10 ** -r['neglog10p']!r}\t{r['n']}"
        for r in rows.iter_rows(named=True)
    ]
    return "\n".join(lines) + "\n"


WRITERS: dict[str, Writer] = {"plink2": plink2, "regenie": regenie, "saige": saige, "bolt": bolt, "gwas_ssf": gwas_ssf}


@pytest.fixture(scope="module")
def stem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("genotypes") / "cohort"
    drawn = fileset.draw(PEOPLE, VARIANTS, 3, missing=0.02)
    drawn[:, 4] = 0
    drawn[1, 4] = 1
    fileset.write(place, drawn)
    return place


@pytest.fixture(scope="module")
def tables() -> tuple[Traits, Covariates]:
    traits, covariates = fileset.tables(tuple(f"p{i}" for i in range(PEOPLE)), len(NAMES), 2, 4)
    return Traits(traits.eids, NAMES, traits.values), covariates


@pytest.fixture(scope="module")
def whole(stem: Path, tables: tuple[Traits, Covariates]) -> ScanResult:
    """Every test by the built-in engine, with a filter that excludes variant 4."""
    options = fileset.matrix_options(stem, min_mac=5)
    return scan.scan(options, *tables, fileset.opened(options), seed=1)


def options_of(stem: Path, files: Path, **more: object) -> Imported:
    given = {"genotypes": stem, "files": files, **fileset.UNFILTERED, "min_mac": 5, **more}
    return Imported.model_validate(given)


def scanned(options: Imported, tables: tuple[Traits, Covariates]) -> ScanResult:
    return scan.scan(options, *tables, fileset.opened(options), seed=1)


def write(folder: Path, whole: ScanResult, writer: Writer, ending: str = ".txt", change: Callable[[str], str] = str) -> Path:
    """One file per trait; gives the pattern."""
    for name in NAMES:
        text = change(writer(whole.associations.frame.filter(pl.col("trait") == name)))
        path = folder / f"out_{trait_column(name)}{ending}"
        path.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
    return folder / f"out_{{trait}}{ending}"


@pytest.mark.parametrize("name", WRITERS)
def test_rows_of_every_format_are_those_of_the_engine(
    name: str, stem: Path, tables: tuple[Traits, Covariates], whole: ScanResult, tmp_path: Path
) -> None:
    pattern = write(tmp_path, whole, WRITERS[name], ".tsv.gz" if name == "gwas_ssf" else ".txt")
    assert summary_statistics.opened(next(tmp_path.iterdir())).format.name == name
    result = scanned(options_of(stem, pattern), tables)
    ours, theirs = whole.associations.frame, result.associations.frame
    same = ["trait", "variant", "chrom", "pos", "effect_allele", "other_allele", "n"]
    assert theirs.select(same).equals(ours.select(same).with_columns(n=theirs["n"] if name == "bolt" else ours["n"]))
    for column in ("beta", "se", "t", "neglog10p", "eaf"):
        np.testing.assert_allclose(theirs[column], ours[column], rtol=1e-7, atol=1e-9, err_msg=column)
    assert result.tests.tolist() == whole.tests.tolist()
    assert result.people.tolist() == whole.people.tolist()
    assert np.abs(result.chi2_counts - whole.chi2_counts).sum() <= 4
    key = ["variant", "reason"]
    assert result.left_out.frame.select(key).equals(whole.left_out.frame.select(key))
    assert result.permutation_max.size == 0


def test_what_does_not_match_is_counted_and_listed(
    stem: Path, tables: tuple[Traits, Covariates], whole: ScanResult, tmp_path: Path
) -> None:
    """A variant that the genotypes lack, one of other alleles, one twice, one that the results lack, one without result."""

    def change(text: str) -> str:
        lines = text.splitlines()
        cells = lines[1].split(" ")
        foreign = " ".join([cells[0], "3000009", "new", *cells[3:]])
        other = " ".join([cells[0], cells[1], "odd", "A", "T", *cells[5:]])
        lines[3] = " ".join([*lines[3].split(" ")[:8], "NA", "NA", "NA", "NA", "TEST_FAIL"])
        return "\n".join([*lines[:2], *lines[3:], lines[4], foreign, other]) + "\n"

    options = options_of(stem, write(tmp_path, whole, regenie, ".regenie", change))
    shifted = fileset.opened(options).positions
    assert 3_000_009 in shifted
    result = scanned(options, tables)
    counts = dict(result.left_out.frame["reason"].value_counts().iter_rows())
    assert counts[imported.NOT_IN_FILES] == 1
    assert counts[imported.REPEATED] == 2
    assert counts[imported.OTHER_ALLELES] == 1
    assert counts[summary_statistics.NO_RESULT] == len(NAMES)
    assert counts["mac"] == whole.left_out.frame.height > 0
    assert (result.tests == whole.tests - 2).all()
    assert result.not_computed.tolist() == [1, 1]
    outcomes = dict(result.counts.select("outcome", "variants").iter_rows())
    assert sum(outcomes.values()) == VARIANTS


def test_a_tiny_p_is_not_infinite(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text(
        "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\tstandard_error\teffect_allele_frequency\tp_value\n"
        "X\t5\tA\tG\t1\t0.025\t0.5\t3.7e-351\n23\t6\tA\tG\t1\t0.025\t0.5\t0\n2\t7\tA\tG\t1\t0.1\t0.5\t0.1\n"
    )
    rows = summary_statistics.read(summary_statistics.opened(path), "X")
    assert rows["pos"].to_list() == [5, 6]
    np.testing.assert_allclose(rows["neglog10p"], [350.4318, 349.1360], atol=1e-3)


def test_results_of_another_build_are_refused(
    stem: Path, tables: tuple[Traits, Covariates], whole: ScanResult, tmp_path: Path
) -> None:
    """By positions that have nothing in common with the genotypes', or by what GWAS-SSF's metadata say."""
    pattern = write(tmp_path, whole, regenie, change=lambda text: text.replace(" 30000", " 31000"))
    with pytest.raises(InputError, match=r"only 0 of \d+ variants on chromosome 1 are among the genotypes") as error:
        scanned(options_of(stem, pattern), tables)
    assert "another build than scan.build (hg19)" in error.value.fix
    (tmp_path / "out_made.I.f0.txt-meta.yaml").write_text("genome_assembly: GRCh38\n")
    with pytest.raises(InputError, match="of hg38, those of the study of hg19"):
        scan.check(options_of(stem, pattern))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"), ("a b c\n1 2 3\n", "not recognised"), ("CHROM GENPOS ID ALLELE0 ALLELE1 BETA.Y1 SE.Y1\n", "--no-split"),
        ("#CHROM\tPOS\tID\tREF\tALT\tA1\tTEST\tOBS_CT\tOR\tSE\tP\n", "lacks column BETA"),
        ("#CHROM\tPOS\tID\tA1\tTEST\tOBS_CT\tBETA\tSE\tP\n", "lacks column REF, ALT"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_say_why(stem: Path, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x_f0.txt").write_text(text)
    with pytest.raises(InputError) as error:
        scan.check(options_of(stem, tmp_path / "x_{trait}.txt"))
    assert words in str(error.value)


@pytest.mark.parametrize("cells", ["5\tx\t0.1\t0.5", "5\t1\tx\t0.5", "5\t1\t0.1\tnp.float64(0.5)", "y\t1\t0.1\t0.5"])
def test_a_cell_that_is_no_number_is_an_error(tmp_path: Path, cells: str) -> None:
    path = tmp_path / "x.tsv"
    header = "base_pair_location\tbeta\tstandard_error\tp_value\tchromosome\teffect_allele\tother_allele"
    path.write_text(f"{header}\n4\t1\t0.1\t1e-9\t1\tA\tG\n{cells}\t1\tA\tG\n")
    with pytest.raises(InputError, match="1 rows with a cell that is not a number"):
        summary_statistics.read(summary_statistics.opened(path), "1")


def test_traits_without_a_file_are_warned_of_and_none_at_all_is_refused(
    stem: Path, tables: tuple[Traits, Covariates], whole: ScanResult, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pattern = write(tmp_path, whole, regenie)
    next(tmp_path.glob("*f_1*")).unlink()
    with caplog.at_level(logging.WARNING, logger="ecgwas"):
        result = scanned(options_of(stem, pattern), tables)
    assert "1 of 2 traits have no file of results and are not tested: made.II.f 1" in caplog.text
    assert result.tests[1] == 0 < result.tests[0]
    (tmp_path / "out_other.txt").write_text((tmp_path / "out_made.I.f0.txt").read_text())
    (tmp_path / "out_made.I.f0.txt").unlink()
    with pytest.raises(InputError, match="none of the 2 traits has a file"):
        scanned(options_of(stem, pattern), tables)
    with pytest.raises(InputError, match="no file of results matches"):
        scan.check(options_of(stem, tmp_path / "nothing_{trait}.txt"))
    with pytest.raises(InputError, match="for each trait"):
        scan.check(options_of(stem, tmp_path / "all.txt"))


def test_one_file_per_chromosome_and_an_ambiguous_pattern(
    stem: Path, tables: tuple[Traits, Covariates], whole: ScanResult, tmp_path: Path
) -> None:
    write(tmp_path, whole, regenie, ".chr1.txt")
    result = scanned(options_of(stem, tmp_path / "out_{trait}.chr{chrom}.txt"), tables)
    assert result.tests.tolist() == whole.tests.tolist()
    (tmp_path / "out_x_made.I.f0.chr1.txt").write_text("CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE CHISQ LOG10P\n")
    again = scanned(options_of(stem, tmp_path / "out_*{trait}.chr1.txt"), tables)
    assert again.tests.tolist() == whole.tests.tolist()


def test_chromosome_25_is_mt_in_gwas_ssf_and_xy_in_plink(tmp_path: Path) -> None:
    ssf, plink = tmp_path / "x.tsv", tmp_path / "x.glm.linear"
    ssf.write_text(
        "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\tstandard_error\tp_value\n"
        "25\t5\tA\tG\t1\t0.1\t0.5\n23\t6\tA\tG\t1\t0.1\t0.5\n"
    )
    plink.write_text("#CHROM\tPOS\tID\tREF\tALT\tA1\tTEST\tOBS_CT\tBETA\tSE\tP\n25\t7\tv\tA\tG\tG\tADD\t9\t1\t0.1\t0.5\n")
    places = {
        (path.name, chrom): summary_statistics.read(summary_statistics.opened(path), chrom)["pos"].to_list()
        for path in (ssf, plink)
        for chrom in ("X", "MT")
    }
    assert places == {("x.tsv", "X"): [6], ("x.tsv", "MT"): [5], ("x.glm.linear", "X"): [7], ("x.glm.linear", "MT"): []}


REGENIE = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE CHISQ LOG10P EXTRA\n"


def test_rows_of_other_tests_are_counted_and_a_file_without_additive_ones_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.regenie"
    rows = [f"1 5 v A G 0.5 9 {test} 1 0.1 100 23 NA\n" for test in ("DOM", "ADD", "REC", "DOM")]
    path.write_text(REGENIE + "".join(rows))
    with caplog.at_level(logging.INFO, logger="ecgwas"):
        assert summary_statistics.read(summary_statistics.opened(path), "1").height == 1
    assert "scan 1: x.regenie: 3 rows of other tests than ADD are not read: 2 of DOM, 1 of REC" in caplog.text
    path.write_text(REGENIE + rows[0] + rows[2])
    with pytest.raises(InputError, match=r"no row is of an additive test .*; there are DOM, REC"):
        summary_statistics.read(summary_statistics.opened(path), "1")


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("last", "words"),
    [("2 6 v A G 0.5", "line 3 has 6 cells, the header 13"), ("1 6 v A G 0.5 9 ADD 1", "line 3 has 9 cells, the header 13"),
     ("1 6 v A G 0.5 9 NA 1 0.1 100 23 NA", r"1 rows name no test \(column TEST\)")],
)  # fmt: skip
def test_a_file_that_ends_within_a_line_is_incomplete(tmp_path: Path, last: str, words: str, ending: str) -> None:
    path = tmp_path / f"x.regenie{ending}"
    text = (REGENIE + "1 5 v A G 0.5 9 ADD 1 0.1 100 23 NA\n" + last).encode()
    path.write_bytes(gzip.compress(text) if ending else text)
    with pytest.raises(InputError, match=words) as error:
        summary_statistics.read(summary_statistics.opened(path), "1")
    assert "may be incomplete" in error.value.fix


def test_rows_outside_the_genotypes_and_rows_of_unlisted_variants_have_their_own_reasons(
    stem: Path, tables: tuple[Traits, Covariates], whole: ScanResult, tmp_path: Path
) -> None:
    def change(text: str) -> str:
        cells = text.splitlines()[1].split(" ")
        return text + "".join(" ".join([cells[0], pos, "new", *cells[3:]]) + "\n" for pos in ("7", "240000000"))

    pattern = write(tmp_path, whole, regenie, ".regenie", change)
    result = scanned(options_of(stem, pattern), tables)
    counts = dict(result.left_out.frame["reason"].value_counts().iter_rows())
    assert counts == {imported.OUTSIDE: 2, "mac": 1}
    tested = whole.associations.frame["variant"].unique(maintain_order=True).to_list()
    (tmp_path / "listed.txt").write_text("\n".join(tested[2:5]) + "\n")
    listed = scanned(options_of(stem, pattern, variants=tmp_path / "listed.txt"), tables)
    assert listed.tests.tolist() == [3, 3]
    counts = dict(listed.left_out.frame["reason"].value_counts().iter_rows())
    assert counts == {imported.OUTSIDE: 2, NOT_LISTED: len(tested) - 3}
    alone = fileset.opened(options_of(stem, pattern)).select(np.array([7]))
    of_one = scan.scan(options_of(stem, pattern), *tables, alone, seed=1)
    assert of_one.tests.tolist() == [1, 1]
    assert of_one.left_out.frame.height == 0


def test_traits_whose_names_differ_by_characters_or_capitals_have_a_column_and_files_each(stem: Path, tmp_path: Path) -> None:
    names = ("a b", "a-b", "a_b_2", "QT", "qt", "2d", "x2d")
    columns = trait_columns(names)
    assert list(columns) == list(names)
    assert len({column.lower() for column in columns.values()}) == len(names)
    assert [columns[name] for name in ("a_b_2", "QT", "qt", "x2d")] == ["a_b_2", "QT", "qt_2", "x2d"]
    for column in columns.values():
        (tmp_path / f"y_{column}.txt").write_text("")
    found = imported.files_of(options_of(stem, tmp_path / "y_{trait}.txt"), names, "1")
    assert {name: [path.name for path in paths] for name, paths in found.items()} == {
        name: [f"y_{column}.txt"] for name, column in columns.items()
    }


def test_some_of_the_traits_have_the_files_that_they_have_among_all(
    stem: Path, tables: tuple[Traits, Covariates], whole: ScanResult, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`a b` alone would have the column of `a_b`, and took its file."""
    traits, covariates = tables
    both = Traits(traits.eids, ("a_b", "a b", "c"), np.column_stack([traits.values, traits.values[:, 0]]))
    for name, column in (("made.I.f0", "a_b"), ("made.II.f 1", "a_b_2")):
        rows = whole.associations.frame.filter(pl.col("trait") == name)
        (tmp_path / f"out_{column}.txt").write_text(regenie(rows))
    options = options_of(stem, tmp_path / "out_{trait}.txt")
    with caplog.at_level(logging.WARNING, logger="ecgwas"):
        alone = scanned(options, (both.select(["a b"]), covariates)).associations.frame
    expected = whole.associations.frame.filter(pl.col("trait") == "made.II.f 1")
    np.testing.assert_allclose(alone["beta"], expected["beta"], rtol=1e-9)
    assert scanned(options, (both.select(["c"]), covariates)).tests.tolist() == [0]
    assert "have no file" not in caplog.text
    assert imported.programs_of(options, both.names, ["1"]) == {"a_b": ("regenie",), "a b": ("regenie",)}


def test_the_program_is_that_of_the_format_or_of_the_metadata(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\tstandard_error\tp_value\n")
    assert summary_statistics.program_of(path) is None
    (tmp_path / "x.tsv-meta.yaml").write_text("analysis_software: SAIGE 1.3\n")
    assert summary_statistics.program_of(path) == "SAIGE 1.3"


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("is_sorted", [True, False])
def test_a_file_is_passed_over_once_for_all_chromosomes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, is_sorted: bool
) -> None:
    path = tmp_path / f"x.regenie{ending}"
    chroms = [str(1 + k // 50) if is_sorted else str(1 + k % 3) for k in range(150)]
    lines = [f"{chrom} {k} v{k} A G 0.5 9 ADD {k}.5 0.1 1 2 NA\n" for k, chrom in enumerate(chroms, start=1)]

    def write_lines() -> None:
        text = (REGENIE + "".join(lines)).encode()
        path.write_bytes(gzip.compress(text) if ending else text)

    write_lines()
    read_whole: list[list[str]] = []
    cells = summary_statistics._cells

    def counted(table: summary_statistics.Table, columns: list[str], stretch: tuple[int, int] | None = None) -> pl.DataFrame:
        read_whole.extend([columns] if stretch is None else [])
        return cells(table, columns, stretch)

    monkeypatch.setattr(summary_statistics, "_cells", counted)

    def positions(chrom: str) -> list[int]:
        return summary_statistics.read(summary_statistics.opened(path), chrom)["pos"].to_list()

    for chrom in ("1", "2", "3", "4"):
        assert positions(chrom) == [k for k, own in enumerate(chroms, start=1) if own == chrom]
    assert len(read_whole) == (1 if is_sorted else 4)
    assert read_whole[0] == ["chrom", "test", summary_statistics.LAST]
    lines.append("3 999 v999 A G 0.5 9 ADD 1.5 0.1 1 2 NA\n")
    write_lines()
    assert positions("3")[-1] == 999


def test_brackets_in_the_folder_of_the_study_are_no_pattern(stem: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study [2026]" / "out"
    folder.mkdir(parents=True)
    for name in ("y_a.chr1.txt", "y_b.chr1.txt"):
        (folder / name).write_text("")
    options = options_of(stem, folder / "y_{trait}.chr{chrom}.txt")
    assert [path.name for path in options.further_inputs] == ["y_a.chr1.txt", "y_b.chr1.txt"]
    assert imported.files_of(options, ("a",), "1") == {"a": (folder / "y_a.chr1.txt",)}
    assert files_like(str(folder.parent / "*" / "y_[b].*")) == (folder / "y_b.chr1.txt",)

"""`ecgwas check-engine`: programs agree, absent ones are named, one with other results ends with an error, nothing stays."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from ecgwas import stages
from ecgwas.commands import check_engine
from ecgwas.commands.cli import main
from ecgwas.scan.peers import PEERS, agreement, ours
from ecgwas.scan.peers.agreement import Agreement
from ecgwas.study import Study
from ecgwas.tables.comparison import EngineAgreement
from tests.mixed import families, gemma

PEOPLE, VARIANTS = 140, 1200
STUDY = """\
name: beside
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv, components: 0, min_people: 50}
scan:
  genotypes: cohort
  chromosomes: [1, 2, 3, 4]
  min_call_rate: 0.5
  min_hwe_p: 0
  permutations: 0
  relatives: RELATIVES
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Families with missing calls, four traits of which some people lack one, covariates of different scales; two studies."""
    made = tmp_path_factory.mktemp("beside")
    cohort = families.draw(PEOPLE, VARIANTS, related=0.7, seed=2)
    values = families.polygenic(cohort.copies, np.array([0.0, 0.3, 0.5, 0.8]), 1)
    values[5:17, 3] = np.nan
    rng, copies = np.random.default_rng(3), cohort.copies.copy()
    copies[rng.random(copies.shape) < 0.01] = -127
    chromosome = np.where((cohort.chromosome == 1) & (rng.random(VARIANTS) < 0.4), 2, cohort.chromosome)
    order = np.argsort(chromosome, kind="stable")
    gemma.fileset(made / "cohort", np.ascontiguousarray(copies[:, order]), values, chromosome[order])
    lines = ["eid\ta\tb\tc\td", *("\t".join([f"p{i}", *map(_cell, row)]) for i, row in enumerate(values))]
    (made / "mine.tsv").write_text("\n".join(lines) + "\n")
    ages = ["eid\tage\tincome", *(f"p{i}\t{rng.integers(40, 70)}\t{rng.normal(3e4, 1e4):.0f}" for i in range(PEOPLE))]
    (made / "covariates.tsv").write_text("\n".join(ages) + "\n")
    for kind in ("polygenic", "drop"):
        path = made / f"{kind}.yaml"
        path.write_text(STUDY.replace("RELATIVES", kind) + f"results: results_{kind}\n")
        stages.run(Study.read_file(path), until="traits")
    return made


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6f}"


def run(*arguments: object) -> Result:
    """The command, after which the folder of temporary files must be as it was."""
    before = set(Path(tempfile.gettempdir()).iterdir())
    result = CliRunner().invoke(main, ["check-engine", *map(str, arguments)])
    left = {path.name for path in set(Path(tempfile.gettempdir()).iterdir()) - before if "check-engine" in path.name}
    assert left == set()
    return result


@pytest.mark.plink2
def test_plink2_agrees_without_relatives(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    done = run(folder / "drop.yaml", "--out", out)
    assert done.exit_code == 0, done.output
    (row,) = EngineAgreement.read(out).frame.iter_rows(named=True)
    assert (row["engine"], row["verdict"], row["chrom"], row["traits"]) == ("plink2", "agrees", "1", 3)
    assert row["version"].startswith("2.")
    assert 300 < row["rows"] <= 3 * row["variants"]
    assert row["missing"] == 0
    assert row["max_rel_chi2"] < 2e-5  # six digits of t
    assert row["max_diff_neglog10p"] < 1e-4
    assert row["lambda_ours"] == pytest.approx(row["lambda_theirs"], rel=1e-4)
    assert row["ratio"] == pytest.approx(row["seconds_per_trait"] * 4 / row["seconds_ours"])
    assert "gemma is not run: it tests as scan.relatives: polygenic, and the study has drop" in done.output


@pytest.mark.plink2
def test_a_study_scanned_by_plink2_is_compared_with_the_built_in_engine(folder: Path) -> None:
    text = STUDY.replace("  permutations: 0\n  relatives: RELATIVES\n", "  kind: plink2\nresults: results_drop\n")
    (folder / "plink2.yaml").write_text(text)
    done = run(folder / "plink2.yaml", "--trait", "mine.12L.a", "--engines", "plink2", "--chromosome", "4")
    assert done.exit_code == 0, done.output
    assert "agrees" in done.output


@pytest.mark.gemma
def test_gemma_agrees_with_relatives(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    done = run(folder / "polygenic.yaml", "--engines", "gemma,plink2", "--trait", "mine.12L.d", "--trait", "mine.12L.b",
               "--chromosome", "chr2", "--out", out)  # fmt: skip
    assert done.exit_code == 0, done.output
    (row,) = EngineAgreement.read(out).frame.iter_rows(named=True)
    assert (row["engine"], row["verdict"], row["chrom"], row["traits"], row["people"]) == ("gemma", "agrees", "2", 2, PEOPLE)
    assert row["missing"] == 0
    assert 600 < row["rows"] <= 2 * row["variants"]
    assert row["max_rel_chi2"] < 3e-5
    assert row["correlation"] > 0.999999
    assert row["seconds_per_trait"] > 0
    assert "plink2 is not run: it tests as scan.relatives: drop, and the study has polygenic" in done.output


@pytest.mark.gemma
def test_a_part_of_the_people_gives_a_comparison_of_its_own(folder: Path) -> None:
    done = run(folder / "polygenic.yaml", "--engines", "gemma", "--people", 100)
    assert done.exit_code == 0, done.output
    assert f"note: 100 of {PEOPLE} participants are tested" in done.output
    assert " 100 " in done.output.splitlines()[-2]


def fake(folder: Path, name: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of this name, in Python, that is found before any other."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, re, stat, sys\nfrom pathlib import Path\na = sys.argv[1:]\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


GEMMA = """
if a == ["-h"]:
    print("GEMMA 9.9 (a fake)"); sys.exit()
stem = Path(a[a.index("-bfile") + 1])
Path(os.environ["SEEN"]).write_text(str(stat.S_IMODE(stem.parent.stat().st_mode)) + " " + stem.with_suffix(".fam").read_text())
names = [line.split()[1] for line in stem.with_suffix(".bim").read_text().splitlines()]
rows = ["rs\\tbeta\\tse\\tp_wald", *(f"{name}\\t0.1\\t0.1\\t0.3" for name in names)]
out = Path(a[a.index("-outdir") + 1]) / (a[a.index("-o") + 1] + ".assoc.txt")
out.write_text("\\n".join(rows) + "\\n")
"""


def test_a_program_with_other_results_gives_the_exit_status(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What programs read is in a folder of the user's alone, and names nobody."""
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    fake(tmp_path / "bin", "gemma", GEMMA, monkeypatch)
    done = run(folder / "polygenic.yaml", "--engines", "gemma", "--out", tmp_path / "table.csv")
    assert done.exit_code == 4
    assert "gemma 9.9 has other results: chi-squares differ by up to" in done.output
    assert EngineAgreement.read(tmp_path / "table.csv").frame["verdict"].to_list() == ["disagrees"]
    mode, people = (tmp_path / "seen").read_text().split(" ", 1)
    assert int(mode) == stat.S_IRWXU
    assert people.splitlines()[:2] == ["p0 p0 0 0 0 1", "p1 p1 0 0 0 1"]


def test_tests_that_a_program_lacks_are_a_disagreement(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    fake(tmp_path / "bin", "gemma", GEMMA.replace("for name in names)]", "for name in names[:0])]"), monkeypatch)
    done = run(folder / "polygenic.yaml", "--engines", "gemma")
    assert done.exit_code == 4
    assert "of ours are not among its tests" in done.output


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("print('GEMMA 9.9') if a == ['-h'] else sys.exit('error: no memory for this')", "gemma failed: error: no memory"),
        ("print('GEMMA 9.9')", "gemma wrote no gemma0.assoc.txt"),
        ("print('hello')", "gemma is not GEMMA: it says hello"),
    ],
)
def test_a_program_that_fails_is_named_with_its_words(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    fake(tmp_path / "bin", "gemma", body, monkeypatch)
    done = run(folder / "polygenic.yaml", "--engines", "gemma")
    assert done.exit_code == 4
    assert words in done.output


def test_absent_programs_are_named_with_how_to_install_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = run(folder / "polygenic.yaml")
    assert done.exit_code == 4
    for name in ("gemma", "bolt", "jamma", "fastlmm"):
        assert f"note: {name} is not installed: {PEERS[name].install}" in done.output
    assert "no program to compare with" in done.output


def test_with_many_people_cubic_programs_wait_to_be_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_engine, "MAX_PEOPLE", PEOPLE - 1)
    fake(tmp_path / "bin", "gemma", "sys.exit(3)", monkeypatch)
    done = run(folder / "polygenic.yaml", "--engines", "gemma")
    assert done.exit_code == 4
    assert f"gemma is not run: its time grows with the cube of the participants, and there are {PEOPLE}" in done.output


def test_more_people_than_the_model_allows_are_refused_before_anything_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_engine, "MAX_RELATED", PEOPLE - 1)
    done = run(folder / "polygenic.yaml")
    assert done.exit_code == 3
    assert f"a relationship of {PEOPLE} participants is too large" in done.output
    assert "fix: test fewer: --people" in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--engines", "gemma,regenie"], 2, "--engines regenie: choose from plink2, gemma, bolt, jamma, fastlmm"),
        (["--out", "table.txt"], 2, "name a .csv file"),
        (["--trait", "mine.12L.z"], 2, "the study has no trait mine.12L.z"),
        (["--chromosome", "9"], 2, "--chromosome 9 is not an autosome of the study"),
    ],
)
def test_what_cannot_be_compared_is_refused(folder: Path, arguments: list[str], code: int, words: str) -> None:
    done = run(folder / "drop.yaml", *arguments)
    assert done.exit_code == code
    assert words in done.output


def test_agreement_is_that_of_the_worst_trait() -> None:
    mine = pl.DataFrame({"variant": [0, 1, 2, 3], "chi2": [0.1, 1.0, 4.0, 20.0], "neglog10p": [0.1, 0.5, 1.3, 5.1]})
    other = mine.with_columns(chi2=mine["chi2"] * pl.Series([1.0, 1.0, 1.0, 1.1]), neglog10p=mine["neglog10p"] + 0.25)
    same, apart = agreement.of_trait(mine, mine), agreement.of_trait(mine, other.head(3))
    assert same.is_within(0.0)
    assert (apart.rows, apart.missing) == (3, 1)
    assert not apart.is_within(1.0)
    far = agreement.of_trait(mine, other)
    assert far.max_rel_chi2 == pytest.approx(2.0 / 22.0)
    assert not far.is_within(0.09)
    assert far.is_within(0.1)
    whole = agreement.of_all([same, far])
    assert (whole.rows, whole.missing, whole.max_rel_chi2) == (8, 0, far.max_rel_chi2)
    assert whole.max_diff_neglog10p == pytest.approx(0.25)
    assert same.lambda_ours == pytest.approx(2.5 / 0.454936)
    assert agreement.of_trait(mine, other.head(0)).rows == 0
    assert isinstance(agreement.of_all([]), Agreement)


def test_the_screen_is_that_of_the_scan(folder: Path) -> None:
    """Compared in bins of the histogram that a scan of the same traits keeps."""
    study = Study.read_file(folder / "polygenic.yaml")
    inputs = check_engine.inputs_of(study, ("mine.12L.b", "mine.12L.d"), "3", None)
    result = check_engine._scanned(inputs, inputs.compared, 0.0)
    own = ours.rows(result.associations, inputs.genotypes, inputs.compared.names)
    with tempfile.TemporaryDirectory() as name:
        material = check_engine._material(inputs, own, Path(name), background=False)
        frames = check_engine._screen(inputs, material, own)
    for k, frame in enumerate(frames):
        assert frame.height == result.tests[k] == own.of_trait[k].height
        counts = np.histogram(frame["chi2"], np.arange(0.0, 40.01, 0.01))[0]
        assert np.abs(counts - result.chi2_counts[k][: len(counts)]).sum() <= 4  # float32 at the edges of bins

"""`ecgwas export regenie | saige | bolt | plink2-pheno`: files in those programs' formats, and a command that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.commands import export
from ecgwas.commands import hand_over as command
from ecgwas.errors import InputError, MissingStageError, StudyError
from ecgwas.exchange import hand_over, other_programs
from ecgwas.stages import traits
from ecgwas.study import Study
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset

CHOSEN = ["clinical.12L.qt_ms", "clinical.I.q_uv"]
"""One trait of everybody, and one that some lack."""

PROGRAMS = {"regenie": ["regenie"], "saige": ["step1_fitNULLGLMM.R", "step2_SPAtests.R"], "bolt": ["bolt"]}
RECORDER = (
    '#!/bin/sh\nprintf "%s" "$(basename "$0")" >> calls\nfor a in "$@"; do printf "\\t%s" "$a" >> calls; done\necho >> calls\n'
)
"""A program that only notes how it was called."""


def run(folder: Path, programs: Path | None = None) -> None:
    """Runs the exported commands as the page says."""
    path = os.environ["PATH"] if programs is None else f"{programs}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "BOLT_TABLES": "/opt/bolt/tables"}
    done = subprocess.run(
        ["bash", "command.txt"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.plink2
def test_plink2_by_the_exported_command_gives_the_numbers_of_the_scan(finished: Study, tmp_path: Path) -> None:
    said = "\n".join(export.export(finished, "plink2-pheno", tmp_path, CHOSEN))
    assert "2 traits (1 with missing values, NA) of 150 participants" in said
    run(tmp_path)
    for trait, tests in export.whole_scan(finished, CHOSEN):
        theirs = pl.read_csv(
            tmp_path / f"plink2.{trait}.glm.linear", separator="\t", null_values="NA", infer_schema_length=None
        )
        both = tests.join(theirs.rename({"ID": "variant"}), on="variant")
        assert both.height == tests.height > 300
        # Of a trait that some lack, variants too rare among the others are excluded by the scan, and tested by PLINK.
        assert (theirs.drop_nulls("BETA").height == tests.height) == (trait == CHOSEN[0])
        assert (both["effect_allele"] == both["A1"]).all()
        assert (both["n"] == both["OBS_CT"]).all()
        for ours, printed in (("beta", "BETA"), ("se", "SE"), ("neglog10p", "LOG10_P"), ("eaf", "A1_FREQ")):
            np.testing.assert_allclose(both[ours], both[printed], rtol=6e-6, atol=1e-9, err_msg=f"{trait} {ours}")


@pytest.mark.plink2
@pytest.mark.parametrize("kind", PROGRAMS)
def test_every_file_and_column_of_the_command_is_there(finished: Study, tmp_path: Path, kind: str) -> None:
    """PLINK 2's part runs; the program itself is replaced by one that notes its arguments."""
    study = finished.model_copy(update={"scan": finished.scan.model_copy(update={"chromosomes": ("1", "3"), "min_mac": 5})})
    programs, folder = tmp_path / "programs", tmp_path / "out"
    programs.mkdir()
    for name in PROGRAMS[kind]:
        (programs / name).write_text(RECORDER)
        (programs / name).chmod(0o755)
    list(export.export(study, kind, folder, CHOSEN))
    text = (folder / "command.txt").read_text().replace("--mac 100", "--mac 20")
    (folder / "command.txt").write_text(text)
    run(folder, programs)
    calls = [line.split("\t") for line in (folder / "calls").read_text().splitlines()]
    assert len(calls) == {"regenie": 2, "saige": 2 + 2 * 2, "bolt": 2}[kind]
    table = pl.read_csv(folder / ("traits_and_covariates.tsv" if kind == "saige" else "traits.tsv"), separator="\t")
    more = table if kind == "saige" else pl.read_csv(folder / "covariates.tsv", separator="\t")
    for call in calls:
        given = "=".join(call).split("=")
        for flag in ("--phenoFile", "--covarFile", "--bedFile", "--bimFile", "--fam", "--bed", "--modelSnps", "--plinkFile"):
            for value in [after for name, after in pairwise(given) if name == flag]:
                exists = any((folder / f"{value}{ending}").is_file() for ending in ("", ".bed"))
                assert exists, f"{flag} {value}"
        named = [word for word in given for word in word.split(",")]
        assert {"age", "pc1", "center"} <= set(named) or "step2" in call[0]
    assert set(CHOSEN) <= set(table.columns)
    assert set(more["center"].unique()) == {"reference", *(str(k) for k in range(11002, 11007))}
    assert table.columns[:2] == more.columns[:2] == ["FID", "IID"]


def test_values_are_those_of_the_scan_and_missing_is_na(finished: Study, tmp_path: Path) -> None:
    list(export.export(finished, "regenie", tmp_path, CHOSEN))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "columns.csv", "command.txt", "covariates.tsv", "people.txt", "traits.tsv"
    ]  # fmt: skip
    table = pl.read_csv(tmp_path / "traits.tsv", separator="\t", null_values="NA", infer_schema_length=None)
    tested = traits.load_traits(finished)
    assert [str(eid) for eid in table["IID"]] == list(tested.eids)
    for name in CHOSEN:
        expected = tested.values[:, tested.names.index(name)]
        np.testing.assert_array_equal(table[name].fill_null(np.nan).to_numpy(), expected)
    assert table[CHOSEN[1]].null_count() > 0
    assert "kind: imported, files: FOLDER/step2_{trait}.regenie" in (tmp_path / "command.txt").read_text()


def test_names_that_no_program_accepts_are_replaced_and_listed(tmp_path: Path) -> None:
    eids = ("a", "b", "c", "d")
    tested = Traits(eids, ("my-ae.V1.f1", "my ae.V1.f1"), np.array([[-9.0, 1], [2, 3], [np.nan, 4], [5, 6]]))
    values = np.array([[0.5, 1, 0], [1, 0, 1], [2, 0, 0], [3, 0, 0]])
    covariates = Covariates(eids, ("22009-0.1", "site=1 a", "site=reference"), values)
    handed = hand_over.hand_over(tested, covariates, dict.fromkeys(eids, "f"), tested.names, ("site",))
    assert list(handed.traits) == ["my_ae.V1.f1", "my_ae.V1.f1_2"]
    assert list(handed.numbers) == ["x22009_0.1"]
    assert handed.categories == {"site": ("1_a", "level_reference", "reference", "reference")}
    assert handed.names["my_ae.V1.f1_2"] == "my ae.V1.f1"
    text = hand_over.table(handed.ids, {"y": hand_over.without_missing_code(handed.traits["my_ae.V1.f1"])})
    assert text.splitlines()[1] != "f\ta\t-9.0"
    assert float(text.splitlines()[1].split("\t")[2]) == pytest.approx(-9.0, rel=1e-12)
    assert text.splitlines()[3] == "f\tc\tNA"
    with pytest.raises(InputError, match="ids with blanks: a"):
        hand_over.hand_over(tested, covariates, {**dict.fromkeys(eids, "f"), "a": "f 1"}, tested.names, ())


def test_the_column_of_a_trait_does_not_depend_on_the_traits_chosen_and_no_covariate_takes_it() -> None:
    eids = ("a", "b", "c")
    tested = Traits(eids, ("a b", "a-b", "a_b_2"), np.arange(9.0).reshape(3, 3))
    covariates = Covariates(eids, ("a_b", "a_b_3"), np.arange(6.0).reshape(3, 2))
    families = dict.fromkeys(eids, "f")
    whole = hand_over.hand_over(tested, covariates, families, tested.names, ())
    assert {whole.names[column]: values.tolist() for column, values in whole.traits.items()} == {
        "a b": [0, 3, 6], "a-b": [1, 4, 7], "a_b_2": [2, 5, 8]
    }  # fmt: skip
    assert len({*whole.traits, *whole.numbers}) == 5
    one = hand_over.hand_over(tested, covariates, families, ["a-b"], ())
    assert list(one.traits) == [column for column in whole.traits if whole.names[column] == "a-b"]


@pytest.mark.parametrize(("men", "chrom"), [(1, "X"), (2, "X"), (1, "1")])
def test_plink2_is_told_how_men_count_on_x(tmp_path: Path, men: int, chrom: str) -> None:
    fileset.write(tmp_path / "cohort", fileset.draw(20, 5, 1), chrom=chrom)
    opened = fileset.opened(fileset.matrix_options(tmp_path / "cohort", chromosomes=(chrom,)))
    genotypes = other_programs.GenotypeFiles({chrom: opened.fileset}, None, sex_given=True, listed=False)
    handed: Any = SimpleNamespace(numbers=("age",), dummies=())
    (line,) = other_programs.plink2(handed, genotypes, other_programs.Filters(0.01, 5, 0.98, 1e-6, men))
    assert ("--xchr-model 1" in line) == (men == 1 and chrom == "X")


def test_a_path_with_a_blank_is_quoted_and_a_mark_is_not() -> None:
    words = other_programs.line(["plink2", "--bed", "/my data/chr1.bed", f"--phenoCol={other_programs.TRAIT}"])
    assert words == "plink2 --bed '/my data/chr1.bed' --phenoCol=\"$trait\""


def test_an_unknown_trait_and_a_study_without_traits_are_refused(finished: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as error:
        list(export.export(finished, "saige", tmp_path, ["clinical.12L.qtms"]))
    assert "did you mean clinical.12L.qt_ms" in error.value.fix
    shutil.rmtree(tmp_path)
    nothing = finished.model_copy(update={"results": tmp_path / "nothing"})
    with pytest.raises(MissingStageError, match="stage traits"):
        list(export.export(nothing, "bolt", tmp_path))


@pytest.mark.parametrize("kind", ["regenie", "gwas_ssf"])
def test_stale_traits_are_not_handed_over(finished: Study, tmp_path: Path, kind: str) -> None:
    changed = finished.model_copy(update={"traits": finished.traits.model_copy(update={"transform": "none"})})
    with pytest.raises(MissingStageError, match="results of stage traits are absent or stale") as error:
        list(export.export(changed, kind, tmp_path / "out", CHOSEN))
    assert "ecgwas run" in error.value.fix
    assert not (tmp_path / "out").exists()


def test_traits_of_stale_recordings_are_not_handed_over(finished: Study, tmp_path: Path) -> None:
    """Stage traits reads the same files as before, but those were made with other options."""
    assert finished.read is not None
    read = finished.read.model_copy(update={"repeat_visits": not finished.read.repeat_visits})
    changed = finished.model_copy(update={"read": read})
    assert stages.is_fresh(changed, "traits", "all")
    with pytest.raises(MissingStageError, match="results of stage read are absent or stale"):
        list(export.export(changed, "regenie", tmp_path / "out", CHOSEN))


def test_listed_variants_without_a_name_are_refused_where_the_program_reads_the_genotypes(tmp_path: Path) -> None:
    fileset.write(tmp_path / "cohort", fileset.draw(6, 4, 1))
    lines = [line.split() for line in (tmp_path / "cohort.bim").read_text().splitlines()]
    lines[1][1] = "."
    (tmp_path / "cohort.bim").write_text("".join("\t".join(cells) + "\n" for cells in lines))
    (tmp_path / "listed.txt").write_text(f"1:{lines[1][3]}\n{lines[2][1]}\n")
    study: Any = SimpleNamespace(scan=fileset.matrix_options(tmp_path / "cohort", variants=tmp_path / "listed.txt"))
    made = f"1:{lines[1][3]}:{lines[1][5]}:{lines[1][4]}"
    assert command._variants(study, as_in_file=False).splitlines() == [made, lines[2][1]]
    with pytest.raises(InputError, match=f"1 variants of scan.variants have no name, .*: {made}"):
        command._variants(study, as_in_file=True)
    (tmp_path / "listed.txt").write_text(f"{lines[2][1]}\n")
    assert command._variants(study, as_in_file=True).splitlines() == [lines[2][1]]

"""Results of a finished study as tables and plots; results that cannot be used are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed
from scipy import stats

import ecgwas
from ecgwas.errors import InputError, MissingStageError, StudyError
from ecgwas.stages import read
from ecgwas.store import Note
from ecgwas.study import Study
from ecgwas.tables import files


@pytest.fixture(scope="module")
def results(study_file: Path) -> ecgwas.Results:
    """Of the results folder, without the study file."""
    return ecgwas.open(study_file.parent / "results")


@pytest.fixture
def copied(study_file: Path, tmp_path: Path) -> Path:
    """A copy of the study that a test may damage."""
    shutil.copytree(study_file.parent, tmp_path / "cohort")
    return tmp_path / "cohort"


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


def test_tables_are_those_of_the_files(results: ecgwas.Results, study_file: Path) -> None:
    folder = study_file.parent / "results"
    assert results.loci.equals(files.LOCI.read(folder).frame)
    assert results.loci.height > 0
    assert results.hits().equals(files.HITS.read(folder).frame)
    trait = results.hits()["trait"][0]
    assert set(results.hits(trait)["trait"]) == {trait}
    assert results.trait_names == files.SUMMARY.read(folder).frame["trait"].to_list()
    assert results.threshold == pytest.approx(3)
    assert list(results.features) == ["clinical", "pca"]
    assert results.features["pca"].equals(files.FEATURES.read(folder, representation="pca").frame)
    traits = pl.read_parquet(folder / "traits" / "traits.parquet")
    assert results.traits.equals(traits)
    assert results.covariates.height == traits.height
    assert results.table("loci/credible.csv").equals(files.CREDIBLE.read(folder).frame)
    assert {"loci/loci.csv", "represent/pca/features.parquet", "traits/traits.parquet"} <= set(results.tables)
    for name in results.tables:
        assert isinstance(results.table(name), pl.DataFrame)


def test_a_study_file_and_its_folder_open_the_same(results: ecgwas.Results, study_file: Path) -> None:
    for path in (study_file, str(study_file), study_file.parent):
        opened = ecgwas.open(path)
        assert opened.study is not None
        assert opened.loci.equals(results.loci)


def test_associations_of_a_trait_are_the_scan_s(results: ecgwas.Results, study_file: Path) -> None:
    rows = pl.concat(pl.read_parquet(path) for path in (study_file.parent / "results" / "scan").glob("*.parquet"))
    assert results.associations().height == rows.height
    trait = results.hits()["trait"][0]
    assert results.associations(trait).height == rows.filter(trait=trait).height > 0


def test_qq_band_is_that_of_uniform_order_statistics(results: ecgwas.Results) -> None:
    """Against scipy: the i-th smallest of m uniform p-values is Beta(i, m + 1 - i); kept rows are exact."""
    trait = results.hits()["trait"][0]
    points, tests = results.qq(trait), results.summary.filter(trait=trait)["tests"].item()
    ranks = np.rint(10.0 ** -points["expected"].to_numpy() * tests + 0.5)
    np.testing.assert_allclose(points["low"], -np.log10(stats.beta.ppf(0.975, ranks, tests + 1 - ranks)), atol=1e-6)
    np.testing.assert_allclose(points["high"], -np.log10(stats.beta.ppf(0.025, ranks, tests + 1 - ranks)), atol=1e-6)
    strongest = results.associations(trait)["neglog10p"].max()
    assert points["observed"].max() == pytest.approx(strongest)


def test_unknown_names_get_one_clear_error(results: ecgwas.Results) -> None:
    with pytest.raises(InputError, match=r"no trait pca\.12L\.c99.*\n.*\n.*did you mean"):
        results.hits("pca.12L.c99")
    with pytest.raises(InputError, match="no trait x"):
        results.qq("x")
    with pytest.raises(InputError, match="no locus 99"):
        results.plot_locus(99)
    with pytest.raises(InputError, match=r"no table is named loci/x\.csv"):
        results.table("loci/x.csv")
    with pytest.raises(InputError, match="no features of a representation vae"):
        results.features["vae"]
    assert results.features.get("vae") is None
    with pytest.raises(InputError, match="rs0"):
        results.plot_ecg_by_genotype("rs0")


def test_what_has_not_run_is_named(study_file: Path, tmp_path: Path) -> None:
    results = ecgwas.open(study_file)
    with pytest.raises(MissingStageError, match="stage genes has not run"):
        results._read(files.GENES)
    with pytest.raises(MissingStageError, match=r"no file clinical/stability\.csv; it is written: with `other_seeds`"):
        results.table("represent/clinical/stability.csv")
    for nothing in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="there are no results"):
            ecgwas.open(nothing)
    (tmp_path / "study.yaml").write_text("name: 1")
    with pytest.raises(StudyError):
        ecgwas.open(tmp_path)


def test_changed_results_are_refused(copied: Path) -> None:
    loci = copied / "results" / "loci" / "loci.csv"
    loci.write_text(loci.read_text() + "\n")
    with pytest.raises(MissingStageError, match=r"loci/loci.csv is missing or was changed after it was written"):
        _ = ecgwas.open(copied / "results").loci
    loci.unlink()
    with pytest.raises(MissingStageError, match=r"loci/loci.csv is missing"):
        _ = ecgwas.open(copied / "results").loci


def test_results_of_other_earlier_results_are_refused(copied: Path) -> None:
    note = copied / "results" / "notes" / "traits" / "all.json"
    content = json.loads(note.read_text())
    content["outputs"]["traits.parquet"]["sha256"] = "0" * 64
    note.write_text(json.dumps(content))
    results = ecgwas.open(copied / "results")
    with pytest.raises(MissingStageError, match=r"loci/loci.csv is outdated: stage traits \(part all\) has run again since"):
        _ = results.loci
    assert results.features["pca"].height > 0


def test_results_of_another_version_are_refused(copied: Path) -> None:
    note = copied / "results" / "notes" / "loci" / "all.json"
    assert Note.read(note) is not None
    content = json.loads(note.read_text())
    content["made"]["stage_versions"]["Hits"] = 99
    note.write_text(json.dumps(content))
    with pytest.raises(MissingStageError, match=r"another version of ecgwas ran stage loci \(Hits\)"):
        ecgwas.open(copied / "results").hits()


def test_results_that_do_not_match_the_study_file_are_refused_there_only(copied: Path) -> None:
    path = copied / "study.yaml"
    path.write_text(path.read_text().replace("min_mac: 10", "min_mac: 11"))
    with pytest.raises(MissingStageError, match=r"results of stage scan are absent or stale \(part"):
        _ = ecgwas.open(path).loci
    assert ecgwas.open(path).features["pca"].height > 0
    assert ecgwas.open(copied / "results").loci.height > 0


def test_results_can_be_moved_without_their_inputs(copied: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(copied / "results", tmp_path / "elsewhere")
    shutil.rmtree(copied)
    results = ecgwas.open(moved)
    assert results.loci.height > 0
    assert results.associations().height > 0
    with pytest.raises(InputError, match="does not say where the genotypes are"):
        results.plot_ecg_by_genotype(results.loci["lead_variant"][0])


def test_nothing_about_participants_is_read_unasked(results: ecgwas.Results, monkeypatch: pytest.MonkeyPatch) -> None:
    read_files: list[files.ResultFile] = []
    unchecked = ecgwas.Results._checked

    def noted(self: ecgwas.Results, file: files.TableFile[Any], name: str) -> pl.DataFrame:
        read_files.append(file)
        return unchecked(self, file, name)

    monkeypatch.setattr(ecgwas.Results, "_checked", noted)
    trait = results.trait_names[0]
    uses = (
        lambda: (results.loci, results.features, results.tables, repr(results)), results.hits, results.associations,
        lambda: (results.qq(trait), results.plot_qq(trait)), results.plot_manhattan, lambda: results.plot_locus(1),
    )  # fmt: skip
    for use in uses:
        use()
    assert read_files
    assert not [file.place for file in read_files if file.about_people]
    _ = results.traits
    assert read_files[-1].about_people


def test_manhattan_draws_each_variant_at_its_height(results: ecgwas.Results) -> None:
    axes = results.plot_manhattan()
    heights = np.concatenate([points.get_offsets()[:, 1] for points in axes.collections])
    strongest = results.associations().group_by("chrom", "pos", "effect_allele", "other_allele").agg(pl.col("neglog10p").max())
    np.testing.assert_allclose(np.sort(heights), strongest["neglog10p"].sort())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3", "5", "6", "11"]
    trait = results.hits()["trait"][0]
    _, given = plt.subplots()
    assert results.plot_manhattan(trait, ax=given) is given
    assert given.get_title(loc="left") == trait


def test_qq_and_locus_draw_their_points(results: ecgwas.Results) -> None:
    trait = results.hits()["trait"][0]
    axes = results.plot_qq(trait)
    np.testing.assert_allclose(axes.collections[-1].get_offsets()[:, 1], results.qq(trait)["observed"])
    axes = results.plot_locus(1)
    of_best = (pl.col("locus") == 1) & (pl.col("trait") == results.loci["best_trait"][0])
    tests = results.table("loci/neighbourhoods.parquet").filter(of_best, pl.col("neglog10p").is_finite())
    drawn = sum(len(points.get_offsets()) for points in axes.collections)
    assert drawn == tests.height + 1
    assert results.loci["lead_variant"][0] in [text.get_text() for text in axes.get_legend().get_texts()]


def test_ecg_by_genotype_is_the_mean_beat_of_the_participants_tested(results: ecgwas.Results, study_file: Path) -> None:
    """Against means over genotypes that bed-reader reads."""
    locus = results.loci.row(0, named=True)
    by_lead = results.plot_ecg_by_genotype(locus["lead_variant"])
    assert next(iter(by_lead)) == "I"
    assert len(by_lead) == 12
    signals = read.load_signals(Study.read_file(study_file))
    with open_bed(study_file.parent / "genotypes" / "cohort.bed") as bed:
        copies = dict(zip(bed.iid, bed.read()[:, list(bed.sid).index(locus["lead_variant"])], strict=True))
    tested = [eid for eid in results.traits["eid"] if np.isfinite(copies[eid])]
    groups = [[signals.eids.index(eid) for eid in tested if copies[eid] == k] for k in range(3)]
    expected = [np.asarray(signals.beats[np.array(rows)])[:, 0].mean(axis=0) for rows in groups if len(rows) >= 5]
    lines = by_lead["I"].get_lines()
    assert len(lines) == len(expected) >= 2
    for line, beat in zip(lines, expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), beat, atol=0.01)
    place = f"{locus['chrom']}:{locus['pos']}:{locus['other_allele']}:{locus['effect_allele']}"
    again = results.plot_ecg_by_genotype(place)["I"].get_lines()
    np.testing.assert_array_equal(again[0].get_ydata(), lines[0].get_ydata())

"""Several studies in one table: what their files and results say, and clear errors where they cannot be compared."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from ecgwas.commands import compare, terminal
from ecgwas.commands.cli import main
from ecgwas.errors import MissingStageError, StudyError
from ecgwas.tables import Features, Loci, Summary
from ecgwas.tables.loci import Hits

NETWORK = "kind: residual_autoencoder, name: ae, features: 2, epochs: 9"
HIT = {
    "trait": "ae.V1.f1", "variant": "rs1", "chrom": "1", "pos": 100, "effect_allele": "A", "other_allele": "G",
    "neglog10p": 9.0,
}  # fmt: skip


def study_file(folder: Path, name: str, network: str = NETWORK, read: str = "") -> Path:
    """A study of one network, not run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(
        f"name: {name}\nresults: results/{name}\nread: {{recordings: ecg{read}}}\nrepresent: [{{{network}}}]\n"
        "traits: {covariates: covariates.tsv}\nscan: {kind: matrix, genotypes: g}\n"
    )
    return path


def represented(
    path: Path, losses: tuple[float, ...] = (3.0, 1.0, 2.0), mse: tuple[float | None, ...] = (0.1, 0.5, None)
) -> None:
    """The results of stage represent, as far as the comparison reads them."""
    folder = path.parent / "results" / path.stem / "represent" / "ae"
    folder.mkdir(parents=True)
    pl.DataFrame(
        {"epoch": range(1, len(losses) + 1), "train_loss": losses, "validation_loss": losses, "learning_rate": 0.001}
    ).write_csv(folder / "history.csv")
    (folder / "errors.csv").write_text(
        "method,mse,pearson_r,mae_uv,loss\nself,0.5,0.75,12.0,0.625\npca_32,0.25,0.9,6.0,\nmean,0.9,,20.0,\n"
    )
    table = pl.DataFrame({"eid": ["1", "1", "2"], "lead": ["I", "V1", "I"], "f1": 0.0, "f2": 1.0, "mse": mse})
    Features(table).write(folder / "features.parquet")


def with_loci(path: Path, hits: list[dict[str, object]]) -> None:
    """The results of stage loci, as far as the comparison reads them."""
    folder = path.parent / "results" / path.stem / "loci"
    folder.mkdir(parents=True)
    blank = dict.fromkeys(Hits.columns)
    Hits.of([blank | hit for hit in hits]).write(folder / "hits.csv")
    traits = {"ae.V1.f1": 1.0, "ae.V1.f2": 1.1, "other.V1.f1": 1.0}
    blank = dict.fromkeys(Summary.columns)
    Summary.of([blank | {"trait": trait, "lambda_gc": value} for trait, value in traits.items()]).write(folder / "summary.csv")
    places = [(1, "1", 50, 150), (2, "1", 1000, 1100), (3, "X", 50, 150)]
    blank, names = dict.fromkeys(Loci.columns), ("locus", "chrom", "start", "stop")
    Loci.of([blank | dict(zip(names, place, strict=True)) for place in places]).write(folder / "loci.csv")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def rows(*paths: Path) -> list[dict[str, object]]:
    return list(compare.compared(compare.read_studies(paths)).frame.iter_rows(named=True))


def test_settings_training_errors_and_hits_stand_in_one_row(tmp_path: Path) -> None:
    fourier = study_file(
        tmp_path, "fourier", NETWORK + ", max_mse: 0.4, kernels: [5], channels: [8, 4], skip: none, l2: 1.0e-3",
        ", baseline: {kind: moving_average}, denoise: {kind: fourier}",
    )  # fmt: skip
    wavelet = study_file(tmp_path, "wavelet", NETWORK + ", normalisation: none, leads: each, dropout: 0.0")
    for path in (fourier, wavelet):
        represented(path)
    two_traits = [HIT, HIT | {"trait": "ae.V1.f2"}]
    others = [
        HIT | {"other_allele": "T"}, HIT | {"pos": 1050, "variant": "."}, HIT | {"pos": 5000, "variant": "."},
        HIT | {"trait": "other.V1.f1", "pos": 77},
    ]  # fmt: skip
    with_loci(fourier, [*two_traits, *others])
    first, second = rows(fourier, wavelet)
    assert first == {
        "study": "fourier", "representation": "ae", "kind": "residual_autoencoder", "cleaning": "moving_average, fourier",
        "input": "beat", "leads": "each", "features": 2, "normalisation": "global", "skip": "none",
        "activation": "leaky_relu", "blocks": "2 residual", "kernels": "5,5", "channels": "8,4", "dropout": 0.2, "l2": 1e-3,
        "epochs_at_most": 9, "epochs": 3, "best_epoch": 2, "validation_loss": 1.0, "test_loss": 0.625, "test_mse": 0.5,
        "pearson_r": 0.75, "people": 2, "max_mse": 0.4, "beyond_max_mse": 0.5, "traits": 2, "snps": 4, "pairs": 5, "loci": 2,
    }  # fmt: skip
    assert (second["study"], second["normalisation"], second["skip"]) == ("wavelet", "none", "encoder, add")
    assert [second[name] for name in ("max_mse", "beyond_max_mse", "traits", "snps", "pairs", "loci")] == [None] * 6


def test_a_study_with_loci_and_no_hits_has_none_instead_of_nothing(tmp_path: Path) -> None:
    paths = [study_file(tmp_path, "one"), study_file(tmp_path, "two")]
    for path in paths:
        represented(path)
    with_loci(paths[0], [])
    assert [rows(*paths)[0][name] for name in ("traits", "snps", "pairs", "loci")] == [2, 0, 0, 0]


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("kind: intervals, name: ae", {"kind": "intervals", "skip": None, "epochs_at_most": None, "input": None}),
        ("kind: pca, name: ae, features: 2", {"kind": "pca", "kernels": None, "epochs_at_most": None, "leads": "together"}),
        ("kind: vae, name: ae, features: 2, epochs: 4", {"kind": "vae", "activation": None, "epochs_at_most": 4}),
        ("kind: beat_points, name: ae", {"kind": "beat_points", "normalisation": None, "dropout": None}),
    ],
)
def test_kinds_without_these_choices_have_empty_cells(tmp_path: Path, network: str, expected: dict[str, object]) -> None:
    paths = [study_file(tmp_path, "one", network), study_file(tmp_path, "two")]
    for path in paths:
        represented(path)
    row = rows(*paths)[0]
    assert {name: row[name] for name in expected} == expected


def test_nothing_trained_and_nothing_reconstructed_is_empty(tmp_path: Path) -> None:
    paths = [study_file(tmp_path, "one", "kind: intervals, name: ae"), study_file(tmp_path, "two")]
    for path in paths:
        represented(path)
    folder = tmp_path / "results" / "one" / "represent" / "ae"
    (folder / "history.csv").write_text("epoch,train_loss,validation_loss,learning_rate\n")
    (folder / "errors.csv").write_text("method,mse,pearson_r,mae_uv,loss\n")
    row = rows(*paths)[0]
    assert [row[name] for name in ("epochs", "best_epoch", "test_loss", "test_mse", "pearson_r")] == [None] * 5


def test_studies_that_have_not_run_are_all_named_with_the_cure(tmp_path: Path) -> None:
    there, empty, part = (study_file(tmp_path, name) for name in ("there", "empty", "part"))
    for path in (there, part):
        represented(path)
    (tmp_path / "results" / "part" / "represent" / "ae" / "errors.csv").unlink()
    with pytest.raises(MissingStageError, match=r"empty: ae, part: ae") as error:
        rows(there, empty, part)
    assert "there" not in str(error.value)
    ended = run("compare", there, empty)
    assert ended.exit_code == 6
    assert "run --until represent" in ended.output


def test_a_file_given_twice_and_a_shared_results_folder_are_refused(tmp_path: Path) -> None:
    one, two = study_file(tmp_path, "one"), study_file(tmp_path, "two")
    with pytest.raises(StudyError, match=r"given more than once: .*one\.yaml"):
        compare.read_studies([one, two, tmp_path / "x" / ".." / "one.yaml"])
    two.write_text(two.read_text().replace("results/two", "results/one"))
    with pytest.raises(StudyError, match="same results folder"):
        compare.read_studies([one, two])


def test_studies_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    paths = [study_file(tmp_path / folder, "study") for folder in ("a", "b")] + [study_file(tmp_path, "other")]
    for path in paths:
        represented(path)
    assert [row["study"] for row in rows(*paths)] == [str(paths[0]), str(paths[1]), "other"]


def test_the_command_prints_both_tables_and_writes_one(tmp_path: Path) -> None:
    paths = [study_file(tmp_path, "one"), study_file(tmp_path, "two")]
    for path in paths:
        represented(path)
    ended = run("compare", *paths, "--out", tmp_path / "both.csv")
    assert ended.exit_code == 0, ended.output
    heads = [line.split() for line in ended.output.splitlines() if line.strip().startswith("study")]
    assert heads[0] == [name for name in compare.SETTINGS if name != "representation"]
    assert "loci" not in heads[1]
    assert "test_mse" in heads[1]
    assert "warning: one, ae: the study file or its inputs have changed" in ended.output
    assert pl.read_csv(tmp_path / "both.csv")["test_loss"].to_list() == [0.625, 0.625]
    assert run("compare", *paths, "--out", tmp_path / "both.txt").exit_code == 2


def test_a_study_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    there = study_file(tmp_path, "one")
    represented(there)
    ended = run("compare", there, tmp_path / "nowhere.yaml")
    assert ended.exit_code == 2
    assert "nowhere.yaml" in ended.output


def test_results_of_an_earlier_version_without_a_loss_are_compared_all_the_same(tmp_path: Path) -> None:
    paths = [study_file(tmp_path, "one"), study_file(tmp_path, "two")]
    for path in paths:
        represented(path)
    errors = tmp_path / "results" / "one" / "represent" / "ae" / "errors.csv"
    errors.write_text("method,mse,pearson_r,mae_uv\nself,0.5,0.75,12.0\n")
    assert [row["test_loss"] for row in rows(*paths)] == [None, 0.625]


def test_a_locus_on_x_is_counted(tmp_path: Path) -> None:
    paths = [study_file(tmp_path, "one"), study_file(tmp_path, "two")]
    for path in paths:
        represented(path)
        with_loci(path, [HIT | {"chrom": "X"}])
    assert [(row["snps"], row["pairs"], row["loci"]) for row in rows(*paths)] == [(1, 1, 1), (1, 1, 1)]


def test_of_one_study_the_table_is_that_of_its_representations(tmp_path: Path) -> None:
    path = study_file(tmp_path, "one")
    represented(path)
    with_loci(path, [HIT, HIT | {"trait": "ae.V1.f2", "neglog10p": 10.0}])
    found = terminal.comparison_output([path])
    assert found.file == tmp_path / "results" / "one" / "compare.csv"
    row = found.table.row(0, named=True)
    assert (row["traits"], row["significant"], row["loci"], row["alone"], row["best_trait"]) == (2, 2, 1, 1, "ae.V1.f2")

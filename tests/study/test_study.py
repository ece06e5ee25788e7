"""study.yaml: all mistakes at once, with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import StudyError
from ecgwas.study import Matrix, Plink2, ResidualAutoencoder, Study

SMALL = """
name: small
read: {recordings: ecg}
traits: {covariates: covariates.tsv}
scan: {kind: matrix, genotypes: genotypes/cohort}
"""


def _study(folder: Path, text: str) -> Study:
    path = folder / "study.yaml"
    path.write_text(text)
    return Study.read_file(path)


def test_paths_are_relative_to_the_study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    study = _study(tmp_path, SMALL)
    assert study.read.recordings == tmp_path / "ecg"
    assert study.results == tmp_path / "results"
    assert study.as_written(study.scan)["genotypes"] == "genotypes/cohort"


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    text = SMALL.replace("name: small", "name: small\nsede: 2\nloci: {threshold: best}") + "report: {titel: x}\n"
    text = text.replace("genotypes: genotypes/cohort", "genotypes: genotypes/cohort, min_maff: 0.1")
    with pytest.raises(StudyError) as caught:
        _study(tmp_path, text)
    message = str(caught.value)
    for expected in ("did you mean 'seed'", "did you mean 'title'", "did you mean 'min_maf'", "loci.threshold"):
        assert expected in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "sections"),
        ("- 1\n- 2\n", "sections"),
        ("name: [", "not valid YAML"),
        ("name: a\nname: b\n", "given twice"),
        ("name: !!python/object/apply:os.system [echo]\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_study(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(StudyError, match=expected):
        _study(tmp_path, text)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study file"):
        Study.read_file(tmp_path / "study.yaml")
    with pytest.raises(StudyError, match="a folder was given"):
        Study.read_file(tmp_path)


def test_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert Study.read_file(path).name == "small"


def test_the_published_preset_sets_all_choices_of_the_source_study(tmp_path: Path) -> None:
    study = _study(tmp_path, SMALL.replace("kind: matrix, ", "") + "preset: published\n")
    (encoder,) = study.represent
    assert isinstance(encoder, ResidualAutoencoder)
    assert (encoder.input, encoder.leads, encoder.features, encoder.max_mse) == ("strip", "each", 32, 0.4)
    assert (study.read.baseline.kind, study.read.denoise.kind) == ("moving_average", "wavelet")
    assert isinstance(study.scan, Plink2)
    assert (study.scan.min_maf, study.scan.min_mac, study.traits.transform, study.loci.threshold) == (0, 0, "none", "published")


def test_the_published_preset_keeps_its_filters_with_another_engine(tmp_path: Path) -> None:
    study = _study(tmp_path, SMALL + "preset: published\n")
    assert isinstance(study.scan, Matrix)
    assert study.scan.min_maf == 0


def test_two_representations_of_one_name_are_refused(tmp_path: Path) -> None:
    text = SMALL + "represent: [{kind: pca, name: a}, {kind: intervals, name: a}]\n"
    with pytest.raises(StudyError, match="two representations"):
        _study(tmp_path, text)

"""Wrong values at every option of a study file: one mistake, the line of its key, the option's name, and no library's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ecgwas.errors import StudyError
from ecgwas.study import Study
from ecgwas.study.mistakes import _alternatives, kind_of, models_of

LIBRARY_WORDS = (
    "Input should", "Tuple should", "tagged-union", "constrained", "literal[", "validation", "pydantic", "valid dictionary",
    "function-", "Value error", "nullable", "input_type", "list_type", "model_type",
)  # fmt: skip

FULL: dict[str, Any] = {
    "name": "s", "read": {"recordings": "ecg"}, "represent": [{"kind": "pca", "name": "a"}],
    "traits": {"covariates": "c.tsv"}, "scan": {"kind": "matrix", "genotypes": "g"},
}  # fmt: skip

REQUIRED: dict[str, Any] = {
    "file": "f.onnx", "files": ["f"], "links": "f", "terms": "f", "name": "a", "genotypes": "g", "recordings": "ecg",
    "covariates": "c.tsv", "outputs": 4, "rate_hz": 500, "leads": ["I"], "codes": ["I48"],
    "tables": [{"kind": "binary", "file": "f.tsv"}],
}  # fmt: skip


@dataclass(frozen=True)
class Wrong:
    """A study with one wrong value: the way to it (kinds not among the steps), the value, and the study around it."""

    steps: tuple[str | int, ...]
    value: Any
    study: dict[str, Any]

    @property
    def name(self) -> str:
        return "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in self.steps).lstrip(".")


def put(study: dict[str, Any], steps: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy of a study with a value at a place; sections on the way are made."""
    copied: Any = yaml.safe_load(yaml.safe_dump(study))
    inner = copied
    for step in steps[:-1]:
        inner = inner[step] if isinstance(inner, list) else inner.setdefault(step, {})
    inner[steps[-1]] = value
    return dict(copied)


def options(model: type[BaseModel], steps: tuple[str | int, ...], study: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """(steps, field, study around it) of every option, in every kind of section."""
    for name, field in model.model_fields.items():
        if name == "kind":
            continue
        here = (*steps, name)
        elements = [get_args(one)[0] for one in _alternatives(field.annotation) if get_origin(one) is tuple]
        if not models_of(field.annotation):
            yield here, field, study
        for inner in models_of(field.annotation):
            filled = study if len(steps) or name not in FULL or kind_of(inner) else FULL
            section = {"kind": kind_of(inner)} if kind_of(inner) else {}
            required = required_of(inner)
            yield from options(inner, here, put(filled, here, section | required))
        for element in elements:
            for inner in models_of(element):
                required = required_of(inner)
                yield from options(
                    inner, (*here, 0), put(study, here, [({"kind": kind_of(inner)} if kind_of(inner) else {}) | required])
                )


def required_of(section: type[BaseModel]) -> dict[str, Any]:
    """A value of each option that this section needs; `files` is one path in some sections, a list in others."""
    needed = {key: one for key, one in section.model_fields.items() if one.is_required()}
    return {key: "f" if key == "files" and one.annotation is Path else REQUIRED[key] for key, one in needed.items()}


def wrong_values(field: FieldInfo) -> Iterator[Any]:
    """Values that an option cannot take."""
    kinds = {get_origin(one) or one for one in _alternatives(field.annotation)}
    if NoneType not in kinds and not models_of(field.annotation):
        yield None
    if not kinds & {tuple}:
        yield ["a", "b"]
    if dict not in kinds and not models_of(field.annotation):
        yield {"a": {"b": 1}}
    if str not in kinds and Path not in kinds and dict not in kinds:
        yield "wrong value"
    if kinds <= {int, NoneType}:
        yield from (1.5, True, -(10**6))
    if float in kinds:
        yield from (float("nan"), float("inf"), True, "0,5", "1_0,5")
    if kinds & {str, Literal}:
        yield from ([5], 12) if float not in kinds else ()
    if tuple in kinds:
        yield from ("text", 5, {"a": 1}, [["a"]], [{"a": 1}])


def every_wrong_value() -> list[Wrong]:
    found = []
    for steps, field, study in options(Study, (), FULL):
        values = [get_args(one)[0] for one in _alternatives(field.annotation) if get_origin(one) is tuple]
        if any(models_of(element) for element in values):
            continue
        found += [Wrong(steps, value, study) for value in wrong_values(field)]
    return found


CASES = every_wrong_value()


def mistakes_of(tmp_path: Path, text: str) -> list[str]:
    """The lines of the error, one for each mistake."""
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as caught:
        Study.read_file(path)
    return [line.strip() for line in caught.value.problem.splitlines()[1:]]


def line_of(text: str, steps: tuple[str | int, ...]) -> int:
    """The line of the last key, by walking the file's nodes."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 0
    for step in steps:
        if isinstance(step, int):
            node = node.value[step]
            continue
        key, node = next((key, value) for key, value in node.value if key.value == step)
        line = key.start_mark.line + 1
    return line


def test_there_are_wrong_values_for_every_option() -> None:
    assert len(CASES) > 600
    assert len({case.name for case in CASES}) > 120


def test_a_wrong_value_is_one_mistake_with_its_line_and_name(tmp_path: Path) -> None:
    for case in CASES:
        text = yaml.safe_dump(put(case.study, case.steps, case.value), sort_keys=False, default_flow_style=False)
        found = mistakes_of(tmp_path, text)
        about = f"{case.name} = {case.value!r}: {found}\n{text}"
        assert len(found) == 1, about
        line, name, *_ = found[0].split(": ")
        place = name.rpartition("[")[0] if isinstance(case.value, list) and name.endswith("]") else name
        assert place == case.name, about
        if name == case.name:
            assert line == f"line {line_of(text, case.steps)}", about
        assert not any(word in found[0] for word in LIBRARY_WORDS), about


def base(**changed: str) -> str:
    lines = {"name": "name: s", "read": "read: {recordings: ecg}", "represent": "represent: [{kind: pca, name: a}]",
             "traits": "traits: {covariates: c.tsv}", "scan": "scan: {kind: matrix, genotypes: g}"}  # fmt: skip
    return "\n".join((lines | changed).values()) + "\n"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"loci": "loci: {threshold: permutations}"}, "line 6: loci.threshold: permutations is not possible; it must be one of "
         "published, bonferroni, effective, permutation or a number above 0 and below 1; did you mean 'permutation'?"),
        ({"scan": "scan:\n  kind: matrix\n  genotypes: g\n  build: GRCh38"},
         "line 8: scan.build: GRCh38 is not possible; it must be one of hg19, hg38; did you mean 'hg38'?"),
        ({"represent": "represent:\n  - kind: PCA\n    name: a"},
         "line 4: represent[1].kind: there is no kind PCA; did you mean 'pca'?"),
        ({"represent": "represent:\n  - {name: a}"},
         "line 4: represent[1]: has no kind; the kinds are pca, residual_autoencoder, vae"),
        ({"represent": "represent: []"},
         "line 3: represent: an empty list is not possible; it must be a list that is not empty"),
        ({"represent": "represent:\n  - {kind: pca, name: a}\n  - {kind: intervals, name: a}"},
         "line 3: represent: two representations are named a"),
        ({"seed": "seed: 1.5"}, "line 6: seed: 1.5 is not possible; it must be a whole number of at least 0"),
        ({"seed": "seed: -1"}, "line 6: seed: -1 is not possible"),
        ({"seed": "seed: true"}, "line 6: seed: true is not possible; it must be a whole number"),
        ({"scan": "scan: {kind: matrix, genotypes: g, min_maf: '0,01'}"}, "did you mean 0.01?"),
        ({"scan": "scan: {kind: matrix, genotypes: g, min_call_rate: 98%}"}, "did you mean 0.98?"),
        ({"traits": "traits: {covariates: c.tsv, use: [1, age]}"},
         "line 4: traits.use[1]: 1 is not possible; it must be text (a number or date in quotation marks)"),
        ({"min_maf": "min_maf: 0.05"}, "line 6: min_maf: unknown key; it is an option of `scan`"),
        ({"offline": "offline: ture"}, "did you mean 'true'?"),
        ({"read": "read: {recordings: ecg, denoise: {kind: off}}"}, "did you mean 'none'?"),
        ({"read": "read: {recordings: ecg, denoise: {kind: fourier, low_hz: 50}}"},
         "line 2: read.denoise: low_hz (50) must be below high_hz (40)"),
        ({"read": "read: {recordings: ecg, pattern: '(('}"}, "line 2: read.pattern: not a regular expression"),
        ({"read": "read:\n  recordings: ecg\n  qualty: {max_flat_s: 1}"},
         "line 4: read.qualty: unknown key; did you mean 'quality'?"),
        ({"traits": "traits:\n  transform: rank-normal\n  covariates: c.tsv"}, "line 5: traits.transform: rank-normal is not"),
        ({"genes": "genes:\n  - kind: regions"}, "line 7: genes[1].file: is required"),
        ({"scan": "scan: {kind: matrix, genotype: g}"}, "line 5: scan.genotype: unknown key; did you mean 'genotypes'?"),
        ({"loci": "loci: {window_bp: 1e6}"}, "did you mean 1000000?"),
        ({"scan": "scan: 5"}, "line 5: scan: 5 is not possible; it must be a section with a `kind`"),
        ({"read": "read:"}, "line 2: read: nothing is not possible; it must be a section of options"),
        ({"represent": "represent: [pca]"}, "line 3: represent[1]: pca is not possible"),
        ({"genes": "genes: {kind: regions, file: f}"}, "line 6: genes: a section is not possible; it must be a list"),
        ({"loci": "loci: {known_traits: {QT: 1}}"}, "line 6: loci.known_traits.QT: 1 is not possible; it must be text"),
        ({"represent": "represent: [{kind: residual_autoencoder, name: a, kernels: [0]}]"},
         "line 3: represent[1].kernels[1]: 0 is"),
        ({"one": "1: 2"}, "line 6: 1: unknown key"),
        ({"traits": "traits: {}"}, "line 4: traits.covariates: is required"),
        ({"traits": "traits: {covariates: ~nobodyofthisname/c.tsv}"}, "there is no home folder for ~nobodyofthisname"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_mistake(tmp_path: Path, changed: dict[str, str], expected: str) -> None:
    found = mistakes_of(tmp_path, base(**changed))
    assert len(found) == 1, found
    assert expected in found[0]


def test_mistakes_stand_in_the_order_of_the_file_and_none_twice(tmp_path: Path) -> None:
    found = mistakes_of(tmp_path, base(name="nam: s", represent="represent:\n  - {kind: pcaa, name: a}", seed="seed: one"))
    assert [line.split(":")[0] for line in found] == ["line 1", "line 4", "line 7"]
    assert found[0] == "line 1: nam: unknown key; did you mean 'name'?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [\n", "line 2: not valid YAML"),
        ("name: a\n\tread: b\n", "line 2: not valid YAML"),
        ("name: a\nread: b\nname: c\n", "line 3: not valid YAML: key 'name' is given twice"),
        ("name: a\nseed: \0\n", "line 2: not valid YAML: a character that no text has"),
    ],
)
def test_the_line_of_what_is_no_yaml(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as caught:
        Study.read_file(path)
    assert expected in caught.value.problem


def test_home_is_put_in_for_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "study.yaml"
    path.write_text(base(traits="traits: {covariates: ~/c.tsv}", read="read: {recordings: ~/ecg, leave_out: ~/w.txt}",
                         results="results: ~/results", loci="loci: {known: ~/known.tsv}"))  # fmt: skip
    study = Study.read_file(path)
    found = (study.traits.covariates, study.read.recordings, study.read.leave_out, study.results, study.loci.known)
    assert found == tuple(tmp_path / "home" / name for name in ("c.tsv", "ecg", "w.txt", "results", "known.tsv"))


def test_only_paths_are_made_relative_and_words_stay(tmp_path: Path) -> None:
    title = f"ECGs of {tmp_path}/ecg"
    path = tmp_path / "study.yaml"
    path.write_text(base(report=f"report: {{title: '{title}'}}"))
    study = Study.read_file(path)
    written = study.as_written(study)
    assert written["report"]["title"] == title
    assert written["read"]["recordings"] == "ecg"
    assert written["scan"]["chromosomes"][0] == "1"

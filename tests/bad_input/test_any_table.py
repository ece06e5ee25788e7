"""Tables and options of any content: read as they are, or refused by one clear error. Executions are counted and printed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgwas.ecg import LEAVE_OUT, exclusion_reasons
from ecgwas.errors import EcgwasError, StudyError
from ecgwas.genotypes import filesets
from ecgwas.study import Study, TraitOptions
from ecgwas.study.mistakes import models_of
from ecgwas.tables.user_table import read_user_table
from ecgwas.traits import covariates
from tests.bad_input.cases import STUDY

FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNTED: dict[str, int] = {}

NAMES = st.text(st.characters(categories=("Lu", "Ll", "Nd")), min_size=1, max_size=8)
CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Zs")), min_size=1, max_size=12)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@pytest.fixture(scope="module", autouse=True)
def counts() -> Iterator[None]:
    yield
    for name, count in COUNTED.items():
        print(f"FUZZ hypothesis={name} executions={count}")


def clear(name: str, work: Callable[[], object]) -> object:
    """What the work gives; None where it ended in a clear error."""
    COUNTED[name] = COUNTED.get(name, 0) + 1
    try:
        return work()
    except EcgwasError as error:
        told = error
    assert told.fix
    assert told.where is not None
    return None


@given(st.binary(max_size=400))
@FEW
def test_bytes_for_a_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    clear("bytes for a covariate table", lambda: covariates.read(TraitOptions(covariates=path)))
    clear("bytes for a list of withdrawn people", lambda: exclusion_reasons(path, LEAVE_OUT))


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=8))
@FEW
def test_a_table_is_read_cell_by_cell(tmp_path: Path, header: list[str], rows: list[list[str]]) -> None:
    """Whatever csv writes is read again, or refused because of a quotation mark; no row is lost."""
    made = io.StringIO()
    writer = csv.writer(made, delimiter="\t", lineterminator="\n")
    header = [*header, "last"] if len(header) == 1 else header
    if len(set(header)) != len(header):
        return
    body = [row[: len(header)] for row in rows]
    body = [row + ["x"] * (len(header) - len(row)) for row in body]
    writer.writerows([header, *body])
    path = tmp_path / "t.tsv"
    path.write_text(made.getvalue(), encoding="utf-8")
    frame = clear("written tables", lambda: read_user_table(path, what="test").frame)
    if frame is not None:
        assert frame.rows() == [tuple(row) for row in body]  # type: ignore[attr-defined]
    else:
        assert any('"' in cell for row in [header, *body] for cell in row)


@given(st.sampled_from(sorted(Study.model_fields)), ANYTHING)
@FEW
def test_anything_for_a_section(tmp_path: Path, section: str, content: object) -> None:
    given_study = yaml.safe_load(STUDY) | {section: content}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(given_study), encoding="utf-8")
    clear("anything for a section of study.yaml", lambda: Study.read_file(path))


@given(st.sampled_from(["scan", "loci", "traits", "read", "report", "share"]), st.text(max_size=12), ANYTHING)
@FEW
def test_anything_for_an_option(tmp_path: Path, section: str, name: str, content: object) -> None:
    given_study = yaml.safe_load(STUDY)
    known = sorted({name for model in models_of(Study.model_fields[section].annotation) for name in model.model_fields})
    option = known[len(name) % len(known)] if known and name else name
    given_study.setdefault(section, {})[option] = content
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(given_study), encoding="utf-8")
    clear("anything for an option", lambda: Study.read_file(path))


@given(st.text(max_size=300))
@FEW
def test_any_text_for_a_study_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(StudyError):
        Study.read_file(path)
    COUNTED["any text for study.yaml"] = COUNTED.get("any text for study.yaml", 0) + 1


@given(st.text(max_size=200), st.text(max_size=200))
@FEW
def test_any_text_for_variants_and_people(tmp_path: Path, variants: str, people: str) -> None:
    (tmp_path / "g.bed").write_bytes(b"")
    (tmp_path / "g.bim").write_bytes(variants.encode("utf-8", "surrogatepass"))
    (tmp_path / "g.fam").write_bytes(people.encode("utf-8", "surrogatepass"))
    files = filesets.Fileset(*(tmp_path / f"g.{ending}" for ending in ("bed", "bim", "fam")))
    clear(".bim of any text", lambda: filesets.read_variants(files))
    clear(".fam of any text", lambda: filesets.read_samples(files))

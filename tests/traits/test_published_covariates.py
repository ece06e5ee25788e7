"""Covariates and traits as the source study had them: no centre is pooled, no trait needs a number of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.errors import Caution
from ecgwas.stages import traits as traits_stage
from ecgwas.study import Study, TraitOptions
from ecgwas.study.presets import PUBLISHED
from ecgwas.tables import Features
from ecgwas.traits import covariates, join, source_study
from tests.genotypes import fileset

PEOPLE = [str(1000 + i) for i in range(40)]


def options(folder: Path, centres: list[str], **changed: object) -> TraitOptions:
    path = folder / "c.tsv"
    rows = [f"{eid}\t{40 + i % 13}\t{centre}" for i, (eid, centre) in enumerate(zip(PEOPLE, centres, strict=True))]
    path.write_text("\n".join(["eid\tage\tcenter", *rows]) + "\n")
    return TraitOptions.model_validate({"covariates": path} | PUBLISHED["traits"] | changed)


@pytest.mark.parametrize("single", [1, 2, 4])
def test_every_centre_has_its_dummy_however_few_people_it_has(tmp_path: Path, single: int) -> None:
    centres = ["11001"] * (40 - single) + [str(11002 + k) for k in range(single)]
    chosen = options(tmp_path, centres)
    coded = covariates.code(covariates.read(chosen), PEOPLE, chosen)
    dummies = [name for name in coded.covariates.names if name.startswith("center=")]
    assert dummies == [f"center={11002 + k}" for k in range(single)]
    values = coded.covariates.values[:, [coded.covariates.names.index(name) for name in dummies]]
    np.testing.assert_array_equal(values.sum(axis=0), np.ones(single))
    assert coded.notes == ()
    pooled = covariates.code(covariates.read(chosen), PEOPLE, chosen.model_copy(update={"min_level_people": 5}))
    assert not [name for name in pooled.covariates.names if name.startswith("center=")]


def features(values: dict[str, np.ndarray]) -> dict[str, Features]:
    frame = pl.DataFrame({"eid": PEOPLE, "lead": ["V1"] * len(PEOPLE), **values}).with_columns(
        pl.col(pl.Float64).fill_nan(None)
    )
    return {"ae": Features(frame)}


@pytest.mark.parametrize(
    ("measured", "status", "reason"),
    [
        (40, "kept", ""), (8, "kept", ""), (4, "kept", ""), (3, "left_out", "measured in 3 people, too few for 1 covariates"),
        (2, "left_out", "measured in 2 people, too few for 1 covariates"), (1, "left_out", "the same value in everyone"),
    ],
)  # fmt: skip
def test_a_trait_needs_a_degree_of_freedom_and_no_more(tmp_path: Path, measured: int, status: str, reason: str) -> None:
    chosen = options(tmp_path, ["11001"] * 40)
    values = np.random.default_rng(1).normal(size=(2, 40))
    values[1, measured:] = np.nan
    tables = join.build(chosen, features({"f01": values[0], "f02": values[1]}), PEOPLE)
    row = tables.report.filter(pl.col("trait") == "ae.V1.f02").row(0, named=True)
    assert (row["status"], row["reason"]) == (status, reason)
    kept = options(tmp_path, ["11001"] * 40, min_people=50 if measured == 40 else 10)
    if measured < 10:
        report = join.build(kept, features({"f01": values[0], "f02": values[1]}), PEOPLE).report
        assert "fewer than 10" in report.filter(pl.col("trait") == "ae.V1.f02")["reason"].item()


def table_with(folder: Path, names: list[str], **changed: object) -> tuple[TraitOptions, covariates.CovariateTable]:
    path = folder / "wide.tsv"
    values = np.random.default_rng(2).normal(size=(40, len(names))).round(4)
    rows = ["\t".join([eid, *map(str, line)]) for eid, line in zip(PEOPLE, values, strict=True)]
    path.write_text("\n".join(["\t".join(["eid", *names]), *rows]) + "\n")
    chosen = TraitOptions.model_validate({"covariates": path} | PUBLISHED["traits"] | {"categorical": ()} | changed)
    return chosen, covariates.read(chosen)


@pytest.mark.parametrize("name", ["pc{}", "PC_{:02d}", "p22009_a{}", "22009-0.{}", "f.22009.0.{}"])
def test_of_a_table_of_more_components_the_first_ten_are_used_and_the_rest_is_said(tmp_path: Path, name: str) -> None:
    scores = [name.format(k) for k in range(1, 16)]
    mixed = ["age", *scores[::-1], "sex"]
    chosen, table = table_with(tmp_path, mixed)
    assert set(table.names) == {"age", "sex", *scores[:10]}
    assert list(table.names) == [column for column in mixed if column in table.names]
    coded = covariates.code(table, PEOPLE, chosen)
    (note,) = coded.notes
    assert note.startswith("5 further principal components of the table are not used (traits.max_components: 10): ")
    assert set(coded.covariates.names) == {"age", "sex", *scores[:10]}
    assert set(table_with(tmp_path, mixed, max_components=None)[1].names) == set(mixed)
    assert table_with(tmp_path, mixed, use=("age", scores[14]))[1].names == ("age", scores[14])


TEN = [f"pc{k}" for k in range(1, 11)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["age", "sex", *TEN, "center"], None),
        (["age_at_assessment", "genetic_sex", *TEN, "assessment_centre"], None),
        (["21003-2.0", "22001-0.0", *TEN, "54-2.0"], None),
        (["p21003_i2", "p31", *TEN, "p54_i2"], None),
        (["age", "sex", *TEN], "not found by name: assessment centre"),
        (["sex", *TEN[:4], "center", "bmi"],
         "not found by name: age, ten principal components (there are 4); used beyond these: bmi"),
        (["age", "sex", *TEN, "center", "height", "bmi"], "used beyond these: height, bmi"),
    ],
)  # fmt: skip
def test_covariates_that_are_not_the_source_study_s_are_told(tmp_path: Path, names: list[str], expected: str | None) -> None:
    categories = tuple(name for name in names if "cent" in name or "54" in name)
    words = source_study.differences(table_with(tmp_path, names, categorical=categories)[1])
    assert (words is None) == (expected is None)
    assert expected is None or str(words).endswith(f"centre; {expected}")


def test_a_centre_that_is_taken_for_a_number_is_told(tmp_path: Path) -> None:
    words = source_study.differences(table_with(tmp_path, ["age", "sex", *TEN, "center"])[1])
    assert str(words).endswith("not found by name: center as categories (traits.categorical)")


@pytest.mark.parametrize(("preset", "told"), [("published", True), ("calibrated", False)])
def test_the_check_of_a_published_study_tells_of_its_covariates(tmp_path: Path, preset: str, told: bool) -> None:
    eids = fileset.write(tmp_path / "g", fileset.draw(60, 25, 1))
    rows = [f"{eid}\t{40 + i % 13}\t{i % 7}" for i, eid in enumerate(eids)]
    (tmp_path / "c.tsv").write_text("\n".join(["eid\tage\tbmi", *rows]) + "\n")
    (tmp_path / "study.yaml").write_text(
        f"name: s\npreset: {preset}\nread: {{recordings: ecg}}\ntraits: {{covariates: c.tsv}}\nscan: {{genotypes: g}}\n"
    )
    facts = traits_stage.STAGE.check(Study.read_file(tmp_path / "study.yaml"))
    warned = [fact for fact in facts if isinstance(fact, Caution) and "the source study's covariates" in fact]
    assert bool(warned) is told
    assert not told or warned[0].startswith("c.tsv: ")
    assert not told or warned[0].endswith("used beyond these: bmi")
    assert not told or "sex" in warned[0].split("not found by name: ")[1]

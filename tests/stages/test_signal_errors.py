"""Signals with features and without, beside the recordings' own files; hits with the pieces of their trait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ecgwas.errors import InputError
from ecgwas.stages.represent import signal_errors
from ecgwas.tables import Associations, Features, Recordings
from ecgwas.tables.loci import Hits

ERROR_LIMIT_REASON, ABSENT = "reconstruction error beyond 0.4", "lead missing"
NOBODY = pl.DataFrame(schema={"eid": pl.String, "lead": pl.String, "reason": pl.String})


def excluded(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=NOBODY.schema, orient="row")


def recordings(*rows: tuple[str, str, str, str]) -> Recordings:
    table = pl.DataFrame(rows, schema=["eid", "lead", "path", "status"], orient="row")
    return Recordings(pl.concat([Recordings.empty().frame, table], how="diagonal"))


def features(*rows: tuple[str, str, float | None, float | None]) -> Features:
    schema = {"eid": pl.String, "lead": pl.String, "f01": pl.Float64, "mse": pl.Float64}
    return Features(pl.DataFrame(rows, schema=schema, orient="row"))


FILES = recordings(
    ("1", "V1", "1_V1.xml", "kept"), ("1", "V2", "1_V2.xml", "kept"), ("2", "12L", "2.xml", "kept"),
    ("1", "V1", "1_V1_3_0.xml", "duplicate"), ("3", "V1", "3_V1.xml", "left_out"),
)  # fmt: skip


def test_signals_are_listed_with_their_files_best_first() -> None:
    some = features(
        ("1", "V1", 0.1, 0.39), ("1", "V2", None, 7.5), ("2", "V1", 0.2, 0.01), ("2", "V2", None, 0.41), ("3", "V1", 0.3, 0.4)
    )  # fmt: skip
    beyond = excluded(("1", "V2", ERROR_LIMIT_REASON), ("2", "V2", ERROR_LIMIT_REASON))
    kept, left_out = signal_errors(some, FILES, beyond)
    assert kept.frame.rows() == [
        (0.01, "2", "V1", "2.xml", ""), (0.39, "1", "V1", "1_V1.xml", ""), (0.4, "3", "V1", None, "")
    ]  # fmt: skip
    assert left_out.frame.rows() == [
        (0.41, "2", "V2", "2.xml", ERROR_LIMIT_REASON),
        (7.5, "1", "V2", "1_V2.xml", ERROR_LIMIT_REASON),
    ]


def test_every_signal_is_in_one_of_the_lists_with_a_reason() -> None:
    nan = float("nan")
    some = features(("1", "V1", None, 0.1), ("1", "V2", None, nan), ("2", "V1", None, None), ("2", "V2", 1.0, 0.2))
    absent = excluded(("1", "V1", ABSENT), ("1", "V2", ABSENT), ("2", "V1", ABSENT))
    kept, left_out = signal_errors(some, FILES, absent)
    assert kept.frame["eid"].to_list() == ["2"]
    assert left_out.frame.select("mse", "lead", "reason").rows() == [
        (0.1, "V1", ABSENT), (None, "V2", ABSENT), (None, "V1", ABSENT),
    ]  # fmt: skip


def test_without_a_limit_all_are_kept() -> None:
    kept, left_out = signal_errors(features(("1", "V1", 0.1, 9e9), ("1", "V2", 0.1, 0.3)), FILES, NOBODY)
    assert kept.frame["mse"].to_list() == [0.3, 9e9]
    assert left_out.frame.height == 0


def test_measurements_have_no_reconstruction_and_nothing_to_list() -> None:
    measured = Features(pl.DataFrame({"eid": ["1"], "lead": ["12L"], "qt_ms": [400.0]}))
    assert [len(table) for table in signal_errors(measured, FILES, NOBODY)] == [0, 0]


def hit(trait: str) -> dict[str, Any]:
    place = {"variant": "rs1", "chrom": "1", "pos": 5, "effect_allele": "A", "other_allele": "C"}
    return {"trait": trait, **place, "eaf": 0.2, "n": 10, "beta": 0.1, "se": 0.1, "t": 1.0, "neglog10p": 9.0}


@pytest.mark.parametrize(
    ("trait", "lead", "feature"),
    [
        ("ae.V1.f18", "V1", "f18"),
        ("pca.12L.pc01", "12L", "pc01"),
        ("clinical.aVR.t_uv", "aVR", "t_uv"),
        ("a.II.x.y", "II", "x.y"),
    ],
)
def test_hits_name_lead_and_feature(tmp_path: Path, trait: str, lead: str, feature: str) -> None:
    found = Associations.of([hit(trait)])
    Hits.of_associations(found).write(tmp_path / "hits.csv")
    written = pl.read_csv(tmp_path / "hits.csv")
    assert written.columns[:4] == ["trait", "lead", "feature", "variant"]
    assert written.select("trait", "lead", "feature").row(0) == (trait, lead, feature)
    assert Hits.read(tmp_path / "hits.csv").associations.frame.equals(found.frame)


def test_hits_of_another_version_are_not_read(tmp_path: Path) -> None:
    Associations.of([hit("ae.V1.f18")]).write(tmp_path / "hits.csv")
    with pytest.raises(InputError, match=r"hits\.csv lacks lead, feature"):
        Hits.read(tmp_path / "hits.csv")


def test_no_hits_have_the_same_header(tmp_path: Path) -> None:
    Hits.of_associations(Associations.empty()).write(tmp_path / "hits.csv")
    assert (tmp_path / "hits.csv").read_text().startswith("trait,lead,feature,variant,chrom")

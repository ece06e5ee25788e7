"""What every kind of representation promises. A kind is tested here once the schema of study.yaml knows it.

A kind that needs files of the user makes them in its own test file: `contract_options(folder)` gives its options.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from ecgwas import represent
from ecgwas.leads import ALL_LEADS, LEADS
from ecgwas.represent import Encoder
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA
from ecgwas.signals import LEAD_STATUS, MISSING, UNUSABLE, Signals, StackedArrays
from ecgwas.stages.represent import signals_without_features
from ecgwas.study import Options, Representation
from ecgwas.tables import Features
from tests.factories import make_delineated
from tests.kinds import only_known, registered


def represents_recordings(kind: type[Options]) -> bool:
    """What the property `uses_recordings` says of every study's options of this kind."""
    return bool(kind.model_construct().uses_recordings)  # type: ignore[attr-defined]


KINDS = {name: kind for name, kind in registered("represent").items() if represents_recordings(kind)}
TABULAR = [name for name in registered("represent") if name not in KINDS]
SMALL = {"features": 3, "channels": (4, 4, 4), "epochs": 2, "points": 20, "batch": 16}
"""Options that make a kind fast, where it has them."""
FITTED, PEOPLE = 20, 24
NOISE, SHORT, LEAD = 1, 2, "V3"
"""A person all of whose leads are unusable, and one who lacks LEAD."""
SEED = 7


@dataclass(frozen=True)
class Fitted:
    """A kind fitted to the first people; whole: features of all people."""

    options: Representation
    encoder: Encoder
    whole: Features


@pytest.fixture(scope="module")
def signals() -> Signals:
    """FITTED people to fit to, and some that no encoder has seen."""
    torch.set_num_threads(1)
    return make_delineated(PEOPLE, seed=11)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request: pytest.FixtureRequest, signals: Signals, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    kind = KINDS[request.param]
    theirs = import_module(f"tests.represent.test_{request.param}")
    given = only_known(kind, SMALL)
    if hasattr(theirs, "contract_options"):
        given = theirs.contract_options(tmp_path_factory.mktemp(request.param))
    options = kind.model_validate({**given, "name": "made"})
    assert isinstance(options, Representation)
    encoder = fit(options, signals)
    return Fitted(options, encoder, encoder.encode(signals))


def test_units_are_those_of_features(fitted: Fitted) -> None:
    units = represent.units(fitted.options)
    assert set(units) <= set(fitted.whole.names)
    assert all(unit.strip() == unit != "" for unit in units.values())
    assert set(units) >= {name for name in fitted.whole.names if name.endswith(("_ms", "_uv", "_deg", "_bpm"))}


def fit(options: Representation, signals: Signals) -> Encoder:
    return represent.fit(options, signals.select(np.arange(FITTED)), seed=SEED)


def saved(encoder: Encoder, folder: Path) -> dict[str, bytes]:
    """The encoder's files and what is in them."""
    folder.mkdir()
    encoder.save(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def values(features: Features) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(rows, features), NaN where null."""
    return features.frame.select(pl.col(features.names).cast(pl.Float64)).fill_null(float("nan")).to_numpy()


def rows_of(features: Features, eids: list[str]) -> Features:
    """The rows of these people, in this order."""
    return Features(pl.concat([features.frame.filter(pl.col("eid") == eid) for eid in eids]))


def assert_alike(first: Features, second: Features) -> None:
    """The same rows; sums of another number of people at once may differ in the last digits of float32."""
    assert first.frame.select("eid", "lead").equals(second.frame.select("eid", "lead"))
    assert first.names == second.names
    np.testing.assert_allclose(values(first), values(second), rtol=1e-4, atol=1e-4)


def test_features_have_names_and_a_row_for_each_person_and_lead(fitted: Fitted, signals: Signals) -> None:
    features, frame = fitted.whole, fitted.whole.frame
    leads = frame["lead"].unique(maintain_order=True).to_list()
    assert frame.columns[:2] == ["eid", "lead"]
    assert frame["eid"].to_list() == [eid for eid in signals.eids for _ in leads]
    assert frame["lead"].to_list() == leads * PEOPLE
    assert set(leads) <= {*LEADS, ALL_LEADS}
    assert len(set(features.names)) == len(features.names) > 0
    assert np.isfinite(values(features)).any(axis=1).all()
    assert not np.isinf(values(features)).any()
    named = frame.group_by("lead").agg(pl.col(features.names).is_not_null().any()).drop("lead")
    assert sum(named.sum().row(0)) <= represent.traits_of(fitted.options)


def test_history_and_errors_have_their_columns(fitted: Fitted) -> None:
    assert fitted.encoder.history.columns == list(HISTORY_SCHEMA)
    assert fitted.encoder.errors.columns[: len(ERRORS_SCHEMA)] == list(ERRORS_SCHEMA)
    if fitted.encoder.errors.height:
        assert "self" in fitted.encoder.errors["method"].to_list()


def test_saved_and_loaded_it_gives_the_same_bytes(fitted: Fitted, signals: Signals, tmp_path: Path) -> None:
    files = saved(fitted.encoder, tmp_path / "encoder")
    assert {Path(name).suffix for name in files} <= {".json", ".safetensors"}
    again = represent.load(fitted.options, tmp_path / "encoder")
    assert again.encode(signals).frame.equals(fitted.whole.frame)
    assert again.history.equals(fitted.encoder.history)
    assert again.errors.equals(fitted.encoder.errors)
    first, second = fitted.encoder.decode(fitted.whole), again.decode(fitted.whole)
    assert (first is None) == (second is None)
    assert first is None or second is None or first.tobytes() == second.tobytes()
    assert saved(again, tmp_path / "again") == files


def test_the_same_seed_gives_the_same_bytes(fitted: Fitted, signals: Signals, tmp_path: Path) -> None:
    again = fit(fitted.options, signals)
    assert saved(again, tmp_path / "again") == saved(fitted.encoder, tmp_path / "encoder")
    assert again.encode(signals).frame.equals(fitted.whole.frame)


def test_people_keep_their_order(fitted: Fitted, signals: Signals) -> None:
    order = np.random.default_rng(3).permutation(PEOPLE)
    found = fitted.encoder.encode(signals.select(order))
    assert_alike(found, rows_of(fitted.whole, [signals.eids[i] for i in order]))


def test_people_whom_it_has_not_seen_are_encoded_alike_alone_and_together(fitted: Fitted, signals: Signals) -> None:
    for person in range(FITTED, PEOPLE):
        alone = fitted.encoder.encode(signals.select(np.array([person])))
        assert_alike(alone, rows_of(fitted.whole, [signals.eids[person]]))


def test_what_is_decoded_is_a_beat_of_each_person_in_order(fitted: Fitted, signals: Signals) -> None:
    decoded = fitted.encoder.decode(fitted.whole)
    if decoded is None:
        return
    assert decoded.dtype == np.float32
    assert decoded.shape == (PEOPLE, *signals.beats.shape[1:])
    last = rows_of(fitted.whole, [signals.eids[PEOPLE - 1], signals.eids[0]])
    two = fitted.encoder.decode(last)
    assert two is not None
    np.testing.assert_allclose(two, decoded[[PEOPLE - 1, 0]], rtol=1e-3, atol=1.0)


def test_without_leads_features_are_missing_and_a_reason_is_given(fitted: Fitted, signals: Signals) -> None:
    some = with_faults(signals.select(np.arange(4)))
    features = fitted.encoder.encode(some)
    excluded = signals_without_features(features, some, None)
    reasons = {(eid, lead): reason for eid, lead, reason in excluded.select("eid", "lead", "reason").iter_rows()}
    noise, short = some.eids[NOISE], some.eids[SHORT]
    leads = features.frame["lead"].unique(maintain_order=True).to_list()
    # What is measured on all leads together may be known without one of them, and the heart rate without any.
    lacking = {lead for eid, lead in reasons if eid == noise}
    assert lacking
    assert lacking >= set(leads) - {ALL_LEADS}
    assert all(LEAD_STATUS[UNUSABLE] in reason for (eid, _), reason in reasons.items() if eid == noise)
    theirs = {lead: reason for (eid, lead), reason in reasons.items() if eid == short}
    assert set(theirs) <= {LEAD, ALL_LEADS}
    assert LEAD not in leads or LEAD in theirs
    assert all(reason == f"lead {LEAD} {LEAD_STATUS[MISSING]}" for reason in theirs.values())
    others = [some.eids[0], some.eids[3]]
    assert {eid for eid, _ in reasons} <= {noise, short}
    assert_alike(rows_of(features, others), rows_of(fitted.whole, others))


def with_faults(signals: Signals) -> Signals:
    strips, status = np.asarray(signals.strips).copy(), signals.lead_status.copy()
    status[NOISE], status[SHORT, LEADS.index(LEAD)] = UNUSABLE, MISSING
    strips[status == MISSING] = np.nan
    return replace(signals, strips=StackedArrays([strips]), lead_status=status)


def test_a_kind_that_does_not_say_so_uses_no_fiducials(fitted: Fitted, signals: Signals) -> None:
    without = replace(signals, fiducials_ms=signals.fiducials_ms[:0])
    if fitted.options.uses_fiducials:
        with pytest.raises(ValueError, match="fiducial points have not been found"):
            fitted.encoder.encode(without)
    else:
        assert fit(fitted.options, without).encode(without).frame.equals(fitted.whole.frame)


@pytest.mark.parametrize("name", TABULAR)
def test_features_made_elsewhere_are_those_of_a_representation(name: str, tmp_path: Path) -> None:
    options = import_module(f"tests.represent.test_{name}").contract_options(tmp_path)
    assert isinstance(options, Representation)
    assert (options.uses_beats, options.uses_strips, options.retrainings) == (False, False, 0)
    assert all(path.is_file() for path in options.input_files)
    assert options.input_files
    taken = represent.take(options)
    for features in (taken.first, taken.second):
        assert features is not None
        frame = features.frame
        assert frame.columns[:2] == ["eid", "lead"]
        assert frame.select("eid", "lead").is_unique().all()
        assert set(frame["lead"]) <= {*LEADS, ALL_LEADS}
        assert frame["eid"].is_sorted()
        assert features.names == taken.first.names
        assert not np.isinf(values(features)).any()
        assert not np.isnan(frame.select(features.names).drop_nulls().to_numpy()).any()
        assert set(frame["eid"]) <= set(taken.first.frame["eid"])
    columns = taken.first.frame.group_by("lead").agg(pl.col(taken.first.names).is_not_null().any()).drop("lead")
    assert 0 < sum(columns.sum().row(0)) <= represent.traits_of(options)
    assert set(taken.first.names) <= set(represent.meanings(options))
    units = import_module(f"ecgwas.represent.{name}").units(options)
    assert set(units) <= set(represent.meanings(options))
    assert all(f"({unit})" in text or f"[{unit}]" in text for feature, unit in units.items()
               for text in [represent.meanings(options)[feature]])  # fmt: skip
    again = represent.take(options)
    assert again.first.frame.equals(taken.first.frame)
    assert again.warnings == taken.warnings


def test_there_are_kinds_of_both_sorts() -> None:
    assert KINDS
    assert TABULAR

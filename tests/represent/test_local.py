"""Details of the beat against direct computation, and an effect that only they find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.stats import pearsonr

from ecgwas import represent
from ecgwas.leads import INDEPENDENT, LEADS
from ecgwas.represent.alignment import fiducials_with_r
from ecgwas.represent.linear import atoms
from ecgwas.represent.linear.atoms import ATOMS, GROUPS, REFERENCE_MS, Atom
from ecgwas.represent.local import LocalEncoder
from ecgwas.signals import Signals, StackedArrays
from ecgwas.study import Local
from ecgwas.tables import Features
from tests.factories import make_delineated

PEOPLE = 60


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_delineated(PEOPLE, seed=3)


@pytest.fixture(scope="module")
def encoder(signals: Signals) -> LocalEncoder:
    fitted = represent.fit(Local(name="local", features=200), signals, seed=1)
    assert isinstance(fitted, LocalEncoder)
    return fitted


def values(encoder: LocalEncoder, signals: Signals) -> np.ndarray:
    features = encoder.encode(signals)
    return features.frame.select(features.names).to_numpy()


def test_names_give_the_atoms_and_say_what_is_measured() -> None:
    names = [atom.name for atom in ATOMS]
    assert len(set(names)) == len(names) == 200
    assert [Atom.named(name) for name in names] == list(ATOMS)
    assert {atom.group for atom in ATOMS} <= set(GROUPS)
    options = Local(name="local", features=3)
    assert list(represent.meanings(options)) == list(represent.units(options)) == names[:3]
    assert Atom.named("V1V2_minus48ms_w12").meaning == (
        "mean of leads V1 and V2, 48 ms before R of the reference beat: voltage less that on either side, 12 ms wide (µV)"
    )


def test_a_hat_is_the_second_derivative_of_a_gaussian_and_sees_no_straight_line() -> None:
    times_ms = np.arange(-200.0, 400.0, 2.0)
    hat = atoms.hats(np.array([100.0]), np.array([40.0]), times_ms)[0]
    impulse = (times_ms == 100.0).astype(float)
    expected = -gaussian_filter1d(impulse, 40.0 / 2.354820045 / 2.0, order=2)
    assert np.corrcoef(hat, expected)[0, 1] > 0.9999
    assert hat[hat > 0].sum() == pytest.approx(1.0)
    assert abs(hat @ (7.0 + 0.3 * times_ms)) < 1e-9


def test_a_feature_is_the_weighted_voltage_of_the_aligned_beat(encoder: LocalEncoder, signals: Signals) -> None:
    found, person, column = values(encoder, signals), 5, 40
    atom, own = ATOMS[column], encoder.alignment.fiducials_ms
    piece = np.searchsorted(REFERENCE_MS, atom.t_ms) - 1
    share = (atom.t_ms - REFERENCE_MS[piece]) / (REFERENCE_MS[piece + 1] - REFERENCE_MS[piece])
    centre_ms = own[piece] + share * (own[piece + 1] - own[piece])
    hat = atoms.hats(np.array([centre_ms]), np.array([atom.width_ms]), signals.beat_times_ms)[0]
    aligned = encoder.alignment.aligned_beats(signals)[person][:-1]
    assert found[person, column] == pytest.approx(GROUPS[atom.group] @ aligned @ hat, abs=1e-2)


def test_times_follow_the_fiducial_points() -> None:
    own = np.array(REFERENCE_MS) + np.array([-30.0, -20, -10, -5, 0, 8, 30, 50])
    np.testing.assert_allclose(atoms.in_time_of(own, REFERENCE_MS), own)
    assert atoms.in_time_of(own, [REFERENCE_MS[-1] + 40.0])[0] == pytest.approx(own[-1] + 40.0)
    assert atoms.in_time_of(np.array(REFERENCE_MS), [12.5])[0] == pytest.approx(12.5)


def test_decoded_beats_have_the_features_and_nothing_else(encoder: LocalEncoder, signals: Signals) -> None:
    few = LocalEncoder(Local(name="local", features=20), encoder.mean, encoder.alignment)
    weights = atoms.weights_of(few.atoms, few.alignment.fiducials_ms, signals.beat_times_ms).reshape(20, -1)
    of_mean = weights @ few.mean.ravel()
    rows = {atom.name: [value, value + 50.0 * (k == 0)] for k, (atom, value) in enumerate(zip(few.atoms, of_mean, strict=True))}
    decoded = few.decode(Features(pl.DataFrame({"eid": ["1", "2"], "lead": ["12L", "12L"], **rows})))
    assert decoded is not None
    assert np.abs(decoded[0][INDEPENDENT] - few.mean).max() < 1.0
    change = (decoded[1] - decoded[0])[INDEPENDENT]
    np.testing.assert_allclose(weights @ change.ravel(), [50.0, *[0.0] * 19], atol=1.0)
    centre_ms = atoms.in_time_of(few.alignment.fiducials_ms, [few.atoms[0].t_ms])[0]
    near = np.abs(signals.beat_times_ms - centre_ms) < 60
    assert np.square(change[:, near]).sum() > 0.9 * np.square(change).sum()


def test_a_small_local_effect_is_found(encoder: LocalEncoder, signals: Signals) -> None:
    """15 µV per copy in V1, 14 ms wide, early in ST, are found by the detail at that place and less so by the voltage there."""
    copies = np.random.default_rng(8).integers(0, 3, PEOPLE).astype(float)
    atom = next(atom for atom in ATOMS if atom.group == "V1" and 80 <= atom.t_ms <= 130)
    centre_ms = atoms.in_time_of(encoder.alignment.fiducials_ms, [atom.t_ms])[0]
    own_ms = [encoder.alignment.own_times(points) for points in fiducials_with_r(signals)]
    own_centres_ms = np.array([np.interp(centre_ms, signals.beat_times_ms, own) for own in own_ms])
    bumps = np.exp(-0.5 * ((signals.beat_times_ms - own_centres_ms[:, None]) / 6.0) ** 2)
    beats = np.asarray(signals.beats).copy()
    beats[:, LEADS.index("V1")] += 15.0 * copies[:, None] * bumps
    planted = replace(signals, beats=StackedArrays([beats]))
    before, after = values(encoder, signals), values(encoder, planted)
    column, sample = ATOMS.index(atom), int(np.abs(signals.beat_times_ms - centre_ms).argmin())
    voltage = beats[:, LEADS.index("V1"), sample]
    of_detail, of_voltage = pearsonr(after[:, column], copies).pvalue, pearsonr(voltage, copies).pvalue
    assert of_detail < 1e-6 < pearsonr(before[:, column], copies).pvalue
    assert of_detail < 1e-3 * of_voltage
    slope = np.polyfit(copies, after[:, column] - before[:, column], 1)[0]
    assert 8.0 < slope < 15.0

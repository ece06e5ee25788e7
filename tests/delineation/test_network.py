"""The network in NumPy against the same weights in torch, and how its proposals are used."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from ecgwas.delineation.fiducials import Fiducials, delineate, delineate_by_rules, refined
from ecgwas.delineation.network import GRID_MS, POINTS, Network, Proposal, absent, channels, installed, median_ms, on_grid
from ecgwas.delineation.single_beats import fiducials_by_lead
from ecgwas.leads import INDEPENDENT
from tests.factories import make_clean_beats

TIMES = (np.arange(475) - 175) * 2.0
FOUND = Fiducials(-160.0, -110.0, -60.0, -40.0, 50.0, 250.0, 330.0)


def beat(seed: int = 5) -> np.ndarray:
    return make_clean_beats(1, seed)[0, INDEPENDENT].astype(np.float64)


def test_numpy_and_torch_agree(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.findings.delineation_training import Layers, save

    torch.manual_seed(1)
    members = [Layers().to(torch.float16).float() for _ in range(2)]
    save(members, tmp_path / "network.safetensors", ["7"])
    network = Network.load(tmp_path / "network.safetensors")
    assert network.notes["left_out"] == '["7"]'
    seen = channels(on_grid(beat(), TIMES)[None], np.array([800.0], dtype=np.float32))
    for member, layers in zip(network.members, members, strict=True):
        with torch.no_grad():
            expected = [part[0].numpy() for part in layers(torch.from_numpy(seen))]
        for ours, theirs in zip(member.logits(seen[0]), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_median_of_a_distribution() -> None:
    logits = np.full((len(GRID_MS), 5), -50.0, dtype=np.float32)
    for column, place in enumerate((10, 20, 30, 40, 50)):
        logits[[place, place + 1], column] = 3.0
    np.testing.assert_allclose(median_ms(logits), GRID_MS[[10, 20, 30, 40, 50]] + 2.0, atol=1e-6)
    assert absent(logits, np.array([3.0 + np.log(2), -9.0], dtype=np.float32)) == pytest.approx((0.5, 3e-6), abs=1e-5)


def test_the_order_of_leads_is_irrelevant_and_any_number_is_possible() -> None:
    eight = beat()
    usual, reversed_order = installed().propose(eight, TIMES, 800.0), installed().propose(eight[::-1], TIMES, 800.0)
    np.testing.assert_allclose(usual.times_ms, reversed_order.times_ms, atol=0.01)
    two = installed().propose(eight[:2], TIMES, 800.0)
    assert np.abs(two.times_ms - usual.times_ms).max() < 40
    assert len(installed().propose_by_lead(eight[:3], TIMES, np.nan)) == 3


def test_at_half_the_sampling_rate_it_proposes_the_same() -> None:
    fine, coarse = installed().propose(beat(), TIMES, 800.0), installed().propose(beat()[:, 1::2], TIMES[1::2], 800.0)
    np.testing.assert_allclose(fine.times_ms, coarse.times_ms, atol=2.0)


def test_proposals_near_the_rules_move_points_and_far_ones_do_not() -> None:
    near = Proposal(np.array([-150.0, -75.0, -45.0, 50.0, 340.0]), 0.1, 0.0)
    moved = refined(FOUND, near)
    assert FOUND.p_on < moved.p_on < -150.0
    assert moved.t_off == 330.0
    far = replace(near, times_ms=np.array([-300.0, 40.0, 100.0, 200.0, 500.0]))
    assert refined(FOUND, far).t_off == FOUND.t_off
    assert refined(FOUND, far).p_on == FOUND.p_on


def test_a_p_that_the_network_does_not_see_is_none() -> None:
    points = refined(FOUND, Proposal(np.array([-150.0, -75.0, -45.0, 50.0, 340.0]), 0.9, 0.0))
    assert np.isnan([points.p_on, points.p_peak, points.p_off]).all()
    assert np.isfinite(points.qrs_on)


def test_points_out_of_order_leave_the_rules() -> None:
    tight = replace(FOUND, p_off=-100.0)
    assert refined(tight, Proposal(np.array([-160.0, -130.0, -40.0, 50.0, 330.0]), 0.0, 0.0)) == tight


def test_each_lead_has_points_near_those_of_the_heart() -> None:
    eight = beat()
    found = delineate(eight, TIMES, 800.0)
    by_lead = fiducials_by_lead(eight, found, TIMES, 800.0)
    assert by_lead.shape == (8, 7)
    columns = [list(Fiducials.__dataclass_fields__).index(name) for name in POINTS[2:4]]
    assert np.abs(by_lead[:, columns] - np.array(astuple(found))[columns]).max() < 40


def test_at_rates_that_it_has_not_learned_the_rules_decide_alone() -> None:
    assert delineate(beat(), TIMES, 400.0) == delineate_by_rules(beat(), TIMES, 400.0)
    assert delineate(beat(), TIMES, 500.0) != delineate_by_rules(beat(), TIMES, 500.0)


def test_the_network_and_the_rules_find_the_same_waves() -> None:
    both, rules = delineate(beat(), TIMES, 800.0), delineate_by_rules(beat(), TIMES, 800.0)
    assert np.abs(np.array(astuple(both)) - np.array(astuple(rules))).max() < 40

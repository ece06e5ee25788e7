"""The beta-VAE: its divergence against torch's own, its warm-up, its features and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Normal, kl_divergence

from ecgwas import represent
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.represent import vae
from ecgwas.represent.inputs import Scaler, Traces
from ecgwas.represent.linear.components import principal_components
from ecgwas.represent.neural.conditions import Conditions
from ecgwas.represent.neural.encoder import NetworkEncoder
from ecgwas.signals import Signals
from ecgwas.study import Vae
from tests.factories import make_delineated, with_beats

PEOPLE = 24


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_delineated(PEOPLE, seed=3)


def _options(**given: Any) -> Vae:
    return Vae.model_validate({"name": "vae", "channels": [4, 8], "features": 4, "epochs": 2, **given})


def _fit(options: Vae, signals: Signals) -> NetworkEncoder:
    encoder = represent.fit(options, signals, seed=1)
    assert isinstance(encoder, NetworkEncoder)
    return encoder


def test_divergence_is_that_of_torch_distributions() -> None:
    mean, log_variance = torch.randn(7, 3), torch.randn(7, 3)
    each = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    assert torch.allclose(vae.kl_divergence(mean, log_variance, 0.0), each.mean(dim=0).sum())
    assert torch.allclose(vae.kl_divergence(mean, log_variance, 50.0), torch.tensor(150.0))


def test_beta_rises_over_the_warm_up() -> None:
    options = _options(beta=0.8, warm_up=4)
    assert [vae.beta_of(options, epoch) for epoch in (1, 2, 3, 5, 9)] == pytest.approx([0.0, 0.2, 0.4, 0.8, 0.8])
    assert vae.beta_of(_options(beta=0.8, warm_up=0), 1) == 0.8


def test_a_large_beta_empties_the_features_and_free_bits_refill_them(signals: Signals) -> None:
    def spread(**given: Any) -> float:
        features = _fit(_options(epochs=25, warm_up=0, patience=25, learning_rate=0.005, **given), signals).encode(signals)
        return float(features.frame.select(features.names).to_numpy().std(axis=0).mean())

    light = spread(beta=0.01)
    heavy = spread(beta=1000.0)
    assert heavy < 0.2 * light
    assert spread(beta=1000.0, free_bits=2.0) > 2 * heavy


def test_errors_of_small_waves_count_more_with_point_weights(signals: Signals) -> None:
    weighted, equal = _fit(_options(), signals).scaler, _fit(_options(point_weights="none"), signals).scaler
    assert weighted.sd.shape == (1, 8, 475)
    assert weighted.sd.min() == 25.0
    assert equal.sd.shape == (1, 1, 1)


def test_features_decode_into_twelve_leads(signals: Signals) -> None:
    encoder = _fit(_options(), signals)
    features = encoder.encode(signals)
    assert features.frame["lead"].unique().to_list() == ["12L"]
    beats = encoder.decode(features)
    assert beats is not None
    assert beats.shape == (PEOPLE, 12, 475)
    np.testing.assert_allclose(beats[:, 2], beats[:, 1] - beats[:, 0], atol=1e-3)
    np.testing.assert_allclose(beats[:, 3:6].sum(axis=1), 0, atol=1e-3)


def test_saved_and_loaded_encoder_is_the_same(signals: Signals, tmp_path: Path) -> None:
    options = _options()
    encoder = _fit(options, signals)
    encoder.save(tmp_path)
    again = represent.load(options, tmp_path)
    assert again.encode(signals).frame.equals(encoder.encode(signals).frame)
    assert again.errors.equals(encoder.errors)


def test_strips_are_refused() -> None:
    with pytest.raises(ValidationError, match="beat"):
        _options(input="strip")


def test_training_begins_at_the_reconstruction_of_a_pca(signals: Signals) -> None:
    traces = Traces.of(signals, "beat", "together")
    people = np.arange(PEOPLE)
    scaler = Scaler.fit("point", traces, people, floor_uv=25.0)
    components = principal_components(traces, people, scaler, 4, seed=1)
    network = vae.VariationalAutoencoder(_options(beta=1e-6), 8, 475).eval()
    vae.start_linear(network, components)
    units = scaler.apply(traces.read(people), traces.lead_index(people))
    np.testing.assert_allclose(network(torch.from_numpy(units)).detach(), components.roundtrip(units, people), atol=1e-3)


def test_linear_start_is_the_least_loss_of_its_kind(signals: Signals) -> None:
    """Loadings a little longer or shorter cost more, each with its own best posterior."""
    traces = Traces.of(signals, "beat", "together")
    people = np.arange(PEOPLE)
    scaler = Scaler.fit("point", traces, people, floor_uv=25.0)
    components = principal_components(traces, people, scaler, 4, seed=1)
    options = _options(beta=20.0)
    network = vae.VariationalAutoencoder(options, 8, 475).eval()
    units = torch.from_numpy(scaler.apply(traces.read(people), traces.lead_index(people)))

    def expected_loss(stretch: float) -> float:
        vae.start_linear(network, components)
        network.out.mul_(stretch)
        length = network.out.square().sum(dim=1)
        network.into.copy_(network.out / (length + options.beta)[:, None])
        mean = network.linear(units)
        variance = options.beta / (length + options.beta)
        error = (units.flatten(1) - network.mean - mean @ network.out).square().sum(dim=1).mean()
        noise = (variance * length).sum()
        divergence = vae.kl_divergence(mean, variance.log().expand_as(mean), 0.0)
        return float(0.5 * (error + noise) / options.beta + divergence)

    best = expected_loss(1.0)
    assert best < expected_loss(0.95)
    assert best < expected_loss(1.05)


def test_conditioned_features_are_what_measurements_do_not_explain(tmp_path: Path) -> None:
    people = make_delineated(80, seed=6)
    options = _options(condition_on="measurements", features=3)
    plain, conditioned = _fit(_options(features=3), people), _fit(options, people)
    assert conditioned.conditions is not None
    given = conditioned.conditions.of(people)
    assert given.shape == (80, len(conditioned.conditions))

    def explained(encoder: NetworkEncoder) -> float:
        """Largest squared correlation of a feature with a measurement that is given."""
        features = encoder.encode(people)
        columns = np.hstack([features.frame.select(features.names).to_numpy(), given])
        return float(np.square(np.corrcoef(columns.T)[:3, 3:]).max())

    assert explained(plain) > 0.4
    assert explained(conditioned) < 0.5 * explained(plain)
    errors = [dict(encoder.errors.select("method", "mse").iter_rows()) for encoder in (plain, conditioned)]
    assert errors[1]["self"] < errors[0]["self"]  # three features and the measurements know more than three features
    conditioned.save(tmp_path)
    again = represent.load(options, tmp_path)
    features = conditioned.encode(people)
    assert again.encode(people).frame.equals(features.frame)
    np.testing.assert_array_equal(again.decode(features), conditioned.decode(features))


def test_missing_measurements_are_the_mean_and_said_to_be_missing() -> None:
    people = make_delineated(30, seed=7)
    beats = np.asarray(people.beats).copy()
    beats[4] = 0.0  # no wave can be measured
    silent = with_fiducials(with_beats(people, beats))
    conditions, values = Conditions.fit(silent, np.arange(30))
    np.testing.assert_array_equal(conditions.of(silent), values)
    assert np.isfinite(values).all()
    measured, said = np.split(values, [len(conditions.columns)], axis=1)
    assert np.abs(measured).max() <= 4.0
    assert (measured[4, list(conditions.absent)] == 0.0).any()
    assert (said[4] > 0).any()
    again = Conditions.from_json(json.loads(json.dumps(conditions.to_json())))
    assert again is not None
    np.testing.assert_array_equal(again.of(people), conditions.of(people))

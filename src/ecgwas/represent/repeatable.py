"""Of principal components, the directions in which people differ most beside how much one person's heartbeats do.

A component with much variance need not be a person's own: where waves are small, variance is noise. Odd and even heartbeats
of one recording have the heart in common and not the noise, so that their difference tells the noise's covariance. The
generalised eigenvectors of the covariance between people and that of the noise are the directions of the greatest ratio of
the two: the minimum noise fraction (Green et al., IEEE Trans Geosci Remote Sens 26:65, 1988), in neurophysiology reliable
components (Dmochowski et al., Front Hum Neurosci 6:112, 2012; de Cheveigne and Parra, NeuroImage 98:487, 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr

from ecgwas.represent.rotation import varimax

Floats = NDArray[np.float64]

AMONG = 2
"""The most repeatable directions are sought among this many times as many principal components."""
LOUDEST = 3.0
"""A person's noise counts as at most this many times the median person's: one bad recording does not decide for all."""
LEAST_NOISE = 1e-6
"""Of the mean noise: added to each direction's, so that a ratio is always defined."""


@dataclass(frozen=True)
class Repeatable:
    """axes (K, F) orthonormal: scores (N, K) @ axes are the features; patterns (F, K): features @ patterns give the scores
    back as well as a linear map can."""

    axes: Floats
    patterns: Floats


def noise_covariance(odd: Floats, even: Floats) -> Floats:
    """(K, K) of the noise in scores of whole median beats, from scores (N, K) of odd and of even heartbeats.

    Half as many beats have twice the noise and a difference of two halves four times. Loud people count less.
    """
    difference = odd - even
    power = np.square(difference).mean(axis=1)
    weight = np.minimum(1.0, LOUDEST * np.median(power) / np.maximum(power, np.finfo(float).tiny))
    noise: Floats = (difference * weight[:, None]).T @ difference / (4.0 * len(difference))
    noise += LEAST_NOISE * np.trace(noise) / len(noise) * np.eye(len(noise))
    return noise


def most_repeatable(scores: Floats, odd: Floats, even: Floats, count: int) -> Repeatable:
    """The plane of the `count` most repeatable directions among K, from centred scores (N, K) of whole, odd and even beats."""
    between = scores.T @ scores / len(scores)
    _, vectors = eigh(between, noise_covariance(odd, even))
    axes, _ = qr(vectors[:, ::-1][:, :count], mode="economic")
    return _regressed(np.asarray(axes, dtype=np.float64), between)


def turned(found: Repeatable, scores: Floats, directions: Floats) -> Repeatable:
    """The same plane, its axes turned by varimax over the directions (K, D) of the principal components."""
    axes: Floats = found.axes @ varimax(found.axes.T @ directions)
    return _regressed(axes, scores.T @ scores / len(scores))


def _regressed(axes: Floats, between: Floats) -> Repeatable:
    """With the regression of all K scores on the features."""
    toward = axes.T @ between
    return Repeatable(axes, np.asarray(np.linalg.solve(toward @ axes, toward), dtype=np.float64))

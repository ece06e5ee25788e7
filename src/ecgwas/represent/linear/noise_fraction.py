"""Directions, among principal components, of the largest ratio of variance between participants to noise between heartbeats.

A component with much variance need not describe the participant: where waves are small, variance is noise. Odd and even
heartbeats of one recording share the heart but not the noise, so their difference estimates the covariance of the noise. The
generalised eigenvectors of the covariance between participants and that of the noise are the directions of the largest ratio of
the two: the minimum noise fraction (Green et al., IEEE Trans Geosci Remote Sens 26:65, 1988), in neurophysiology reliable
components (Dmochowski et al., Front Hum Neurosci 6:112, 2012; de Cheveigne and Parra, NeuroImage 98:487, 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr

Floats = NDArray[np.float64]

CANDIDATES_PER_COMPONENT = 2
"""The most repeatable directions are sought among this many times as many principal components."""
MAX_NOISE_RATIO = 3.0
"""A participant's noise counts as at most this many times the median participant's, so that one bad recording does not decide
for all."""
NOISE_FLOOR = 0.03
"""Share of the mean noise that is added in every direction. Quiet recordings have many directions with hardly any variance, of
noise or between participants; without the floor, one of those could have the largest ratio."""


def noise_covariance(odd: Floats, even: Floats) -> Floats:
    """(K, K) noise covariance of the scores of whole median beats, from scores (N, K) of odd and of even heartbeats.

    Half as many beats have twice the noise variance, and a difference of two halves four times. Noisy participants are weighted
    down.
    """
    difference = odd - even
    power = np.square(difference).mean(axis=1)
    weight = np.minimum(1.0, MAX_NOISE_RATIO * np.median(power) / np.maximum(power, np.finfo(float).tiny))
    noise: Floats = (difference * weight[:, None]).T @ difference / (4.0 * len(difference))
    return noise


def most_repeatable_axes(between: Floats, odd: Floats, even: Floats, count: int) -> Floats:
    """(K, count) orthonormal axes that span the `count` most repeatable directions.

    between (K, K) covariance between participants of scores of whole beats; odd, even (N, K) scores of half of the heartbeats.
    """
    noise = noise_covariance(odd, even)
    _, vectors = eigh(between, noise + NOISE_FLOOR * np.trace(noise) / len(noise) * np.eye(len(noise)))
    axes, _ = qr(vectors[:, ::-1][:, :count], mode="economic")
    return np.asarray(axes, dtype=np.float64)

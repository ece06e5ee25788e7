"""Of principal components, the directions in which people differ most beside how much one person's heartbeats do.

A component with much variance need not be a person's own: where waves are small, variance is noise. Odd and even heartbeats
of one recording have the heart in common and not the noise, so that their difference tells the noise's covariance. The
generalised eigenvectors of the covariance between people and that of the noise are the directions of the greatest ratio of
the two: the minimum noise fraction (Green et al., IEEE Trans Geosci Remote Sens 26:65, 1988), in neurophysiology reliable
components (Dmochowski et al., Front Hum Neurosci 6:112, 2012; de Cheveigne and Parra, NeuroImage 98:487, 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr

Floats = NDArray[np.float64]

AMONG = 2
"""The most repeatable directions are sought among this many times as many principal components."""
LOUDEST = 3.0
"""A person's noise counts as at most this many times the median person's: one bad recording does not decide for all."""
LEAST_NOISE = 0.03
"""Of the mean noise: added to each direction's, so that the best ratio is not that of a direction in which next to nothing
differs, be it noise or people; in quiet recordings there are many."""


def noise_covariance(odd: Floats, even: Floats) -> Floats:
    """(K, K) of the noise in scores of whole median beats, from scores (N, K) of odd and of even heartbeats.

    Half as many beats have twice the noise and a difference of two halves four times. Loud people count less.
    """
    difference = odd - even
    power = np.square(difference).mean(axis=1)
    weight = np.minimum(1.0, LOUDEST * np.median(power) / np.maximum(power, np.finfo(float).tiny))
    noise: Floats = (difference * weight[:, None]).T @ difference / (4.0 * len(difference))
    return noise


def most_repeatable(between: Floats, odd: Floats, even: Floats, count: int) -> Floats:
    """(K, count) orthonormal axes of the plane of the `count` most repeatable directions.

    between (K, K) covariance of scores of whole beats between people; odd, even (N, K) scores of half the heartbeats.
    """
    noise = noise_covariance(odd, even)
    _, vectors = eigh(between, noise + LEAST_NOISE * np.trace(noise) / len(noise) * np.eye(len(noise)))
    axes, _ = qr(vectors[:, ::-1][:, :count], mode="economic")
    return np.asarray(axes, dtype=np.float64)

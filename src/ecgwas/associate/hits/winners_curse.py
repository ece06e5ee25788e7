"""Effects that were looked at because they are significant are too large; what the selection leaves of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special


@dataclass(frozen=True)
class Corrected:
    """z without the selection, and its 95 % interval."""

    z: float
    low: float
    high: float


def corrected(z: float, threshold: float) -> Corrected:
    """Maximum of the likelihood of mu given z ~ N(mu, 1) and |z| > threshold (Zhong and Prentice 2008, Biostatistics 9:621).

    The interval holds the mu under which neither tail of z, given the selection, is below 2.5 %. For |z| far above the
    threshold it is z and z -+ 1.96; just above it the estimate is near 0. Signs are mirrored. Invalid for |z| <= threshold.
    """
    sign, size = (1.0, z) if z >= 0 else (-1.0, -z)

    def loss(mu: float) -> float:
        return 0.5 * (size - mu) ** 2 + _log_selected(mu, threshold)

    best = float(optimize.minimize_scalar(loss, bounds=(0.0, size + 1.0), method="bounded", options={"xatol": 1e-9}).x)
    low = _where(size, threshold, 0.025)
    high = _where(size, threshold, 0.975)
    return Corrected(sign * best, sign * low if sign > 0 else -high, high if sign > 0 else -low)


def _log_selected(mu: float, threshold: float) -> float:
    """Log chance that |z| passes the threshold."""
    return float(np.logaddexp(special.log_ndtr(mu - threshold), special.log_ndtr(-threshold - mu)))


def _where(size: float, threshold: float, share: float) -> float:
    """The mu under which z exceeds `size`, given the selection, with chance `share`."""

    def lacking(mu: float) -> float:
        return float(np.exp(special.log_ndtr(mu - size) - _log_selected(mu, threshold))) - share

    return float(optimize.brentq(lacking, -size - 20.0, size + 20.0, xtol=1e-9))

"""The values of traits before their transformation, for effects in the unit of a measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecgwas.tables import Features, Traits
from ecgwas.traits.feature_columns import feature_columns


def untransformed(features: Mapping[str, Features], eids: Sequence[str], names: Sequence[str]) -> Traits:
    """The features that the traits `names` were made from: the same participants, missing where the trait is missing.

    features: representation -> features, at least those of the traits; eids: the participants with traits, in order.
    """
    candidates, _ = feature_columns(features, eids)
    return Traits(tuple(eids), tuple(names), np.column_stack([candidates[name] for name in names]))

"""Presets of study.yaml: what is taken where the user says nothing."""

from __future__ import annotations

from typing import Any

CALIBRATED: dict[str, Any] = {
    "represent": [
        {"kind": "intervals", "name": "clinical"},
        {
            "kind": "pca",
            "name": "pca",
            "features": 32,
            "align": "waves",
            "criterion": "repeatable",
            "rotation": "varimax",
        },
    ],
}
"""The defaults of the option classes, with measurements and learned features of the median beat."""

PUBLISHED: dict[str, Any] = {
    "read": {
        "baseline": {"kind": "moving_average", "window_s": 0.5},
        "denoise": {"kind": "wavelet", "wavelet": "db4", "levels": 4, "mode": "soft"},
    },
    "represent": [
        {
            "kind": "residual_autoencoder", "name": "ae", "input": "strip", "leads": "each", "features": 32,
            "normalisation": "global", "max_mse": 0.4, "dropout": 0.2, "l2": 1e-4, "leaky_slope": 0.3,
            "batch_norm_momentum": 0.99, "batch_norm_epsilon": 1e-3, "initial_weights": "keras", "stop_by": "loss",
        }
    ],
    "traits": {
        "transform": "none", "min_share": 0.0, "max_same": 1.0, "components": 0,
        "guards": {
            "min_call_rate": None, "max_heterozygosity_sd": None, "check_sex": False, "max_kinship": None,
            "max_component_sd": None,
        },
    },
    "scan": {"kind": "plink2", "min_maf": 0.0, "min_mac": 0, "min_call_rate": 0.0, "min_hwe_p": 0.0, "min_info": 0.0},
    "loci": {"threshold": "published"},
}  # fmt: skip
"""The chain exactly as the source study of 2025 ran it."""

PRESETS = {"calibrated": CALIBRATED, "published": PUBLISHED}


def below(preset: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`given` with the preset's values where it has none; sections merge, a choice of another `kind` replaces."""
    merged = dict(preset)
    for key, value in given.items():
        base = merged.get(key)
        if isinstance(value, dict) and isinstance(base, dict) and value.get("kind", base.get("kind")) == base.get("kind"):
            value = below(base, value)
        elif isinstance(value, dict) and isinstance(base, dict):
            value = {**{k: v for k, v in base.items() if k in SHARED and k not in value}, **value}
        merged[key] = value
    return merged


SHARED = ("min_maf", "min_mac", "min_call_rate", "min_hwe_p", "min_info")
"""Options that every scan engine has, so that a preset's filters hold whichever engine is named."""

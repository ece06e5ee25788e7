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
    "report": {"max_traits": None, "genes_hit_more_than": 8},
}  # fmt: skip
"""The chain exactly as the source study of 2025 ran it."""

PRESETS = {"calibrated": CALIBRATED, "published": PUBLISHED}


ENTRIES_FILLED = ("published",)
"""Presets whose lists fill entries of the study file: there a list says which entries run, and each has the preset's values."""


def below(preset: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`given` with the preset's values where it has none; sections merge, a choice of another `kind` replaces.

    A list of the study file replaces the preset's. With a preset of ENTRIES_FILLED each of its entries is filled from the
    preset's entry of the same name, or else of the same kind.
    """
    return _below(preset, given, entries=given.get("preset") in ENTRIES_FILLED)


def _below(preset: dict[str, Any], given: dict[str, Any], *, entries: bool) -> dict[str, Any]:
    merged = dict(preset)
    for key, value in given.items():
        base = merged.get(key)
        if isinstance(value, dict) and isinstance(base, dict) and value.get("kind", base.get("kind")) == base.get("kind"):
            value = _below(base, value, entries=entries)
        elif isinstance(value, dict) and isinstance(base, dict):
            value = {**{k: v for k, v in base.items() if k in SHARED and k not in value}, **value}
        elif entries and isinstance(value, list) and isinstance(base, list):
            value = [_filled(base, entry) if isinstance(entry, dict) else entry for entry in value]
        merged[key] = value
    return merged


def _filled(base: list[dict[str, Any]], entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of a list with the values of the preset's entry of its name, or else of its kind."""
    kind = entry.get("kind")
    named = [one for one in base if "name" in entry and one.get("name") == entry["name"] and kind in (None, one["kind"])]
    same_kind = [one for one in base if kind is not None and one["kind"] == kind]
    for one in [*named, *same_kind][:1]:
        return {**one, **entry}
    return entry


SHARED = ("min_maf", "min_mac", "min_call_rate", "min_hwe_p", "min_info")
"""Options that every scan engine has, so that a preset's filters hold whichever engine is named."""

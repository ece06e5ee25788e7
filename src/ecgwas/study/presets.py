"""Presets of study.yaml: what is taken where the user says nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    "scan": {"kind": "matrix"},
}
"""The defaults of the option classes, with measurements and learned features of the median beat."""

PUBLISHED: dict[str, Any] = {
    "read": {
        "instance": 2, "other_instances": True, "lead_by_lead": True, "derive_leads": False, "rate_hz": 500.0, "seconds": 10.0,
        "longer": "cut", "baseline": {"kind": "moving_average", "window_s": 0.5},
        "denoise": {"kind": "wavelet", "wavelet": "db4", "levels": 4, "mode": "soft"},
        "beats": {"min_beats": None},
        "quality": {
            "max_flat_s": None, "max_saturated": None, "max_amplitude_uv": None, "min_amplitude_uv": None,
            "max_noise_uv": None, "min_leads": None, "lead_noise": False,
        },
    },
    "represent": [
        {
            "kind": "residual_autoencoder", "name": "ae", "input": "strip", "leads": "each", "align": "none",
            "features": 32, "test_share": 0.1, "channels": [32, 64, 128], "kernels": [7, 7, 7], "block": "residual",
            "skip": "encoder", "skip_merge": "add", "activation": "leaky_relu", "leaky_slope": 0.3, "dropout": 0.2,
            "batch_norm_momentum": 0.99,
            "batch_norm_epsilon": 1e-3, "initial_weights": "keras", "l2": 1e-4, "l1": 0.0, "normalisation": "global",
            "learning_rate": 1e-3, "batch": 32, "epochs": 100, "patience": 10, "halve_after": 5, "stop_by": "loss",
            "max_mse": 0.4,
        }
    ],
    "traits": {
        "categorical": ["center"], "max_components": 10, "transform": "none", "normalise_within": [], "min_people": 1,
        "min_level_people": 1, "min_share": 0.0, "max_same": 1.0, "components": 0,
        "guards": {
            "min_call_rate": None, "max_heterozygosity_sd": None, "check_sex": False, "max_kinship": None,
            "max_component_sd": None,
        },
    },
    "scan": {
        "kind": "plink2", "chromosomes": [str(chromosome) for chromosome in range(1, 23)], "min_maf": 0.0, "min_mac": 0,
        "min_call_rate": 0.0, "min_hwe_p": 0.0, "min_info": 0.0, "variants": None,
    },
    "loci": {"threshold": "published", "set_p": None},
    "genes": [
        {"kind": "haploreg", "max_variants": 500, "min_r2": None, "if_unreachable": "skip"},
        {"kind": "gprofiler", "min_variants": 501, "sources": [], "if_unreachable": "skip"},
        {
            "kind": "string_db", "species": 9606, "network_type": "functional", "min_score": 400, "clusters": "own",
            "inflation": 2.0, "background": None,
            "categories": ["TISSUES", "HPO", "Function"], "max_fdr": 0.01, "min_strength": 0.2, "if_unreachable": "skip",
        },
    ],
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
            value = [{**(entry_below(base, one) or {}), **one} if isinstance(one, dict) else one for one in value]
        merged[key] = value
    return merged


def entry_below(base: Sequence[dict[str, Any]], entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Of a preset's list what fills `entry`: the entry of its name, or else of its kind; None if there is none.

    An entry that stands for a service of the preset (FROM_FILES) has that service's limits.
    """
    kind = entry.get("kind")
    named = [one for one in base if "name" in entry and one.get("name") == entry["name"] and kind in (None, one["kind"])]
    same_kind = [one for one in base if kind is not None and one["kind"] == kind]
    found = next(iter([*named, *same_kind]), None)
    return _limits(base, str(kind)) if found is None else found


def _limits(base: Sequence[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """What a service of the preset and the files that stand for it have in common; None where they stand for none."""
    services, names = FROM_FILES.get(kind, ((), ()))
    found = [one for one in base if one.get("kind") in services]
    if not found:
        return None
    return {name: found[0][name] for name in names if name in found[0]} | OF_FILES.get(kind, {})


FROM_FILES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "regions": (("haploreg", "gprofiler"), ()),
    "string_files": (("string_db",), ("min_score", "inflation")),
    "enrichment": (("string_db",), ("max_fdr", "min_strength")),
}
"""Sources of genes that do from files what services of a preset do: which services, and the limits that both have."""

OF_FILES = {
    "enrichment": {
        "categories": ["Tissue expression (TISSUES)", "Human Phenotype (Monarch)", "Molecular Function (Gene Ontology)"],
    },
}  # fmt: skip
"""What files have under other names than the service for which they stand."""

BESIDE = ("gwas_catalog", "ontologies")
"""Sources that tell of hits and terms what is known, and change neither genes nor clusters nor which terms are kept."""


def stands_in(kind: str, kinds: Collection[str]) -> bool:
    """Whether an entry of that kind stands for a service of the preset that the list's `kinds` do not name."""
    return kind in BESIDE or bool(kind in FROM_FILES and not set(FROM_FILES[kind][0]) & set(kinds))


def replaced(service: str, kinds: Collection[str]) -> bool:
    """Whether the list's `kinds` do from files all that a service of the preset does."""
    needed = {kind for kind, (services, _) in FROM_FILES.items() if service in services}
    return bool(needed) and needed <= set(kinds)


SHARED = ("chromosomes", "min_maf", "min_mac", "min_call_rate", "min_hwe_p", "min_info")
"""Options that every scan engine has, so that a preset's filters hold whichever engine is named."""


def services_left(preset: str, kinds: Collection[str]) -> list[str]:
    """Services of a preset for which none of the sources `kinds` stands."""
    done = {service for kind in kinds for service in FROM_FILES.get(kind, ((), ()))[0]}
    return [entry["kind"] for entry in PRESETS[preset].get("genes", ()) if entry["kind"] not in done]

"""Presets of study.yaml: values for the options that the file does not set."""

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
        {"kind": "local", "name": "local"},
    ],
    "scan": {"kind": "matrix"},
}
"""The options' defaults, with measurements, learned features and local details of the median beat."""

PUBLISHED: dict[str, Any] = {
    "read": {
        "instance": 2, "other_instances": True, "lead_by_lead": True, "derive_leads": False, "rate_hz": 500.0, "seconds": 10.0,
        "longer": "cut", "baseline": {"kind": "moving_average", "window_s": 0.5},
        "denoise": {"kind": "wavelet", "wavelet": "db4", "levels": 4, "mode": "soft"},
        "beats": {"min_beats": None, "exclude_premature": False},
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


LISTS_MERGED = ("published",)
"""Presets whose lists are merged with the study file's: the file says which entries run, the preset fills in their options."""


def with_preset(preset: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A study file's content, completed by the preset. Sections are merged; a section of another `kind` replaces the preset's.

    The preset's section `read` is omitted where all features come from tables and the file has no such section.
    A list of the file replaces the preset's list. With a preset of LISTS_MERGED, the preset's entry of the same name, or
    else of the same kind, completes each entry.
    """
    if "read" not in given and _only_tables(given.get("represent")):
        preset = {key: value for key, value in preset.items() if key != "read"}
    return _with_preset(preset, given, entries=given.get("preset") in LISTS_MERGED)


def _only_tables(represent: Any) -> bool:
    """Whether all features come from tables, so that there are no recordings to read."""
    entries = represent if isinstance(represent, list) else []
    return bool(entries) and all(isinstance(one, dict) and one.get("kind") == "table" for one in entries)


def _with_preset(preset: dict[str, Any], given: dict[str, Any], *, entries: bool) -> dict[str, Any]:
    merged = dict(preset)
    for key, value in given.items():
        base = merged.get(key)
        if isinstance(value, dict) and isinstance(base, dict) and value.get("kind", base.get("kind")) == base.get("kind"):
            value = _with_preset(base, value, entries=entries)
        elif isinstance(value, dict) and isinstance(base, dict):
            value = {**{k: v for k, v in base.items() if k in SHARED and k not in value}, **value}
        elif entries and isinstance(value, list) and isinstance(base, list):
            value = [{**(preset_entry(base, one) or {}), **one} if isinstance(one, dict) else one for one in value]
        merged[key] = value
    return merged


def preset_entry(base: Sequence[dict[str, Any]], entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry of a preset's list that completes `entry`: of the same name, or else of the same kind; None if there is none.

    A source of files that replaces one of the preset's services (FILES_FOR_SERVICES) takes that service's limits.
    """
    kind = entry.get("kind")
    named = [one for one in base if "name" in entry and one.get("name") == entry["name"] and kind in (None, one["kind"])]
    same_kind = [one for one in base if kind is not None and one["kind"] == kind]
    match = next(iter([*named, *same_kind]), None)
    return _service_limits(base, str(kind)) if match is None else match


def _service_limits(base: Sequence[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """Limits that a source of files takes from the preset's service that it replaces; None if it replaces none."""
    replaced, names = FILES_FOR_SERVICES.get(kind, ((), ()))
    services = [entry for entry in base if entry.get("kind") in replaced]
    if not services:
        return None
    return {name: services[0][name] for name in names if name in services[0]} | NAMES_IN_FILES.get(kind, {})


FILES_FOR_SERVICES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "regions": (("haploreg", "gprofiler"), ()),
    "string_files": (("string_db",), ("min_score", "inflation")),
    "enrichment": (("string_db",), ("max_fdr", "min_strength")),
}
"""Gene sources that read files -> the preset's services that they can replace, and the limits that both have."""

NAMES_IN_FILES = {
    "enrichment": {
        "categories": ["Tissue expression (TISSUES)", "Human Phenotype (Monarch)", "Molecular Function (Gene Ontology)"],
    },
}  # fmt: skip
"""Options whose values are named differently in files than by the service that they replace."""

ANNOTATION_ONLY = ("gwas_catalog", "ontologies")
"""Sources that annotate hits and terms, and change neither genes nor clusters nor which terms are kept."""


def replaces_service(kind: str, kinds: Collection[str]) -> bool:
    """Whether a source of that kind replaces a service of the preset that is not among the list's `kinds`."""
    return kind in ANNOTATION_ONLY or bool(kind in FILES_FOR_SERVICES and not set(FILES_FOR_SERVICES[kind][0]) & set(kinds))


def is_replaced(service: str, kinds: Collection[str]) -> bool:
    """Whether the list's `kinds` do, from files, all that a service of the preset does."""
    needed = {kind for kind, (services, _) in FILES_FOR_SERVICES.items() if service in services}
    return bool(needed) and needed <= set(kinds)


SHARED = ("chromosomes", "min_maf", "min_mac", "min_call_rate", "min_hwe_p", "min_info")
"""Options that every scan engine has: a preset's variant filters hold whichever engine is chosen."""


def services_without_files(preset: str, kinds: Collection[str]) -> list[str]:
    """Services of a preset that none of the sources `kinds` replaces."""
    replaced = {service for kind in kinds for service in FILES_FOR_SERVICES.get(kind, ((), ()))[0]}
    return [entry["kind"] for entry in PRESETS[preset].get("genes", ()) if entry["kind"] not in replaced]

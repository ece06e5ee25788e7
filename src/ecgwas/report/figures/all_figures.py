"""All pictures of a study, by file name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from ecgwas.report.contents import Figure, ReportContents
from ecgwas.report.figures import (
    agreement,
    architecture,
    associations,
    genotype,
    hits,
    miami,
    network,
    recordings,
    region,
    signals,
    terms,
    traversal,
)
from ecgwas.report.figures.thinning import PixelThinner, genome_of, thin
from ecgwas.study import ReportOptions

WITHOUT_HITS = 3
"""Traits drawn when none has a hit: those with the strongest tests, so that the page shows what null looks like."""


def all_figures(options: ReportOptions, contents: ReportContents, *, traits: Sequence[str] = ()) -> dict[str, Figure]:
    """File name -> picture; pictures with nothing to show are absent. traits: drawn besides those with the strongest hits."""
    shown = [*dict.fromkeys([*traits_shown(options, contents), *traits])]
    genome = genome_of(contents.associations)
    of_all, of_traits = associations.thinner_of_all(contents, genome), associations.thinner_of_traits(contents, shown, genome)
    of_pairs = miami.thinners(contents, genome)
    thin(contents.associations, [of_all, of_traits, *of_pairs])
    candidates: dict[str, Figure | None] = {
        "all_traits": associations.manhattan_of_all(contents, of_all),
        "null_study": associations.null_study(contents),
        "inflation": associations.inflation(contents),
        **_of_recordings(contents),
        **miami.miami(of_pairs),
        **{f"grid_{name}": figure for name, figure in hits.grid(contents).items()},
        **_of_traits(shown, contents, of_traits),
        **_of_hits(options, contents),
        **_of_loci(contents),
        **network.clusters(contents, options.max_clusters),
    }
    if contents.null_study is not None:
        candidates |= {f"chance_{name}": _by_chance(figure) for name, figure in _of_hits(options, contents.null_study).items()}
    return {name: figure for name, figure in candidates.items() if figure is not None}


def _of_traits(traits: Sequence[str], contents: ReportContents, thinner: PixelThinner) -> dict[str, Figure | None]:
    drawn: dict[str, Figure | None] = {}
    for trait in traits:
        drawn[f"manhattan_{slug(trait)}"] = associations.manhattan(contents, trait, thinner)
        drawn[f"qq_{slug(trait)}"] = associations.qq(contents, trait)
    return drawn


def _of_hits(options: ReportOptions, contents: ReportContents) -> dict[str, Figure | None]:
    """The pictures that a study and its null twin both have."""
    more_than = options.genes_hit_more_than
    return {
        "genes": hits.genes(contents, more_than=more_than), "per_feature": hits.per_feature(contents),
        "per_lead": hits.per_lead(contents),
        "gene_by_lead": hits.gene_by_lead(contents, more_than=more_than), "network": network.network(contents),
        "enrichment": terms.enrichment(contents),
    }  # fmt: skip


def _by_chance(figure: Figure | None) -> Figure | None:
    if figure is None:
        return None
    return replace(figure, title=f"{figure.title}, on shuffled people", caption=f"The null twin: {figure.caption}")


def _of_loci(contents: ReportContents) -> dict[str, Figure | None]:
    drawn: dict[str, Figure | None] = {f"region_{here.locus}": region.region(contents, here) for here in contents.regions}
    return drawn | {f"locus_{beats.locus}": genotype.ecg_by_genotype(beats) for beats in contents.genotype_beats}


def _of_recordings(contents: ReportContents) -> dict[str, Figure | None]:
    drawn: dict[str, Figure | None] = {}
    if contents.example is not None:
        drawn["strip"] = recordings.strip(contents.example, contents.representations)
        drawn["steps"] = signals.steps(contents.example, contents.representations)
        drawn["reconstruction"] = recordings.reconstruction(contents.example, contents.representations)
    for representation in contents.representations:
        drawn[f"architecture_{representation.name}"] = architecture.architecture(representation)
        drawn[f"signals_{representation.name}"] = signals.several(representation)
        drawn[f"error_{representation.name}"] = recordings.error_distribution(representation)
        drawn[f"training_{representation.name}"] = recordings.training(representation)
        drawn[f"reliability_{representation.name}"] = recordings.reliability(representation)
        drawn[f"agreement_{representation.name}"] = agreement.agreement(representation, contents.min_people)
        for feature, moved in representation.traversals.items():
            drawn[meaning_of(representation.name, feature)] = traversal.traversal(representation.name, moved)
    return drawn


def locus_pages(contents: ReportContents) -> list[int]:
    """Loci with a page of their own, strongest first: those with a picture."""
    drawn = {here.locus for here in contents.regions} | {beats.locus for beats in contents.genotype_beats}
    order = contents.loci.frame.sort("neglog10p", "locus", descending=[True, False])["locus"]
    return [locus for locus in order if locus in drawn]


def meaning_of(representation: str, feature: str) -> str:
    """The name of the picture of what a feature stands for."""
    return f"meaning_{slug(representation)}_{slug(feature)}"


def traits_shown(options: ReportOptions, contents: ReportContents) -> list[str]:
    """Traits with a hit, strongest first, at most `max_traits` of them; without any hit those with the strongest tests."""
    if len(contents.hits) == 0:
        strongest = contents.associations.summary.strongest
        return sorted(strongest, key=lambda trait: (-strongest[trait], trait))[:WITHOUT_HITS]
    rows = contents.hits.frame.filter(pl.col("neglog10p").is_finite())
    best = rows.group_by("trait").agg(pl.col("neglog10p").max())
    return best.sort("neglog10p", "trait", descending=[True, False])["trait"].to_list()[: options.max_traits]


def slug(name: str) -> str:
    """The name with nothing in it that a file or an address could stumble over."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def in_address(name: str) -> str:
    """The name as the part of an address behind #, percent-encoded where it must be."""
    plain = re.compile(r"[A-Za-z0-9._~-]")
    return "".join(c if plain.match(c) else "".join(f"%{byte:02X}" for byte in c.encode()) for c in name)

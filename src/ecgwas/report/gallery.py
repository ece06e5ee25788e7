"""All pictures of a study, by file name."""

from __future__ import annotations

import re

import polars as pl

from ecgwas.report.figures import associations, genotype, hits, network, recordings
from ecgwas.report.findings import Figure, Findings
from ecgwas.study import ReportOptions

WITHOUT_HITS = 3
"""Traits drawn when none has a hit: those with the strongest tests, so that the page shows what null looks like."""


def gallery(options: ReportOptions, findings: Findings) -> dict[str, Figure]:
    """File name -> picture; pictures with nothing to show are absent."""
    genome = associations.genome_of(findings.associations.frame)
    candidates: dict[str, Figure | None] = {
        "all_traits": associations.manhattan_of_all(findings, genome),
        "null_study": associations.null_study(findings),
        "inflation": associations.inflation(findings),
        **_of_recordings(findings),
        **{f"grid_{name}": figure for name, figure in hits.grid(findings).items()},
    }
    for trait in traits_shown(options, findings):
        candidates[f"manhattan_{slug(trait)}"] = associations.manhattan(findings, trait, genome)
        candidates[f"qq_{slug(trait)}"] = associations.qq(findings, trait)
    candidates |= {
        "genes": hits.genes(findings), "per_feature": hits.per_feature(findings), "per_lead": hits.per_lead(findings),
        "gene_by_lead": hits.gene_by_lead(findings), "network": network.network(findings),
    }  # fmt: skip
    candidates |= {f"locus_{beats.locus}": genotype.ecg_by_genotype(beats) for beats in findings.genotype_beats}
    return {name: figure for name, figure in candidates.items() if figure is not None}


def _of_recordings(findings: Findings) -> dict[str, Figure | None]:
    drawn: dict[str, Figure | None] = {}
    if findings.example is not None:
        drawn["strip"] = recordings.strip(findings.example, findings.representations)
        drawn["reconstruction"] = recordings.reconstruction(findings.example, findings.representations)
    for representation in findings.representations:
        drawn[f"error_{representation.name}"] = recordings.error_distribution(representation)
        drawn[f"training_{representation.name}"] = recordings.training(representation)
        drawn[f"reliability_{representation.name}"] = recordings.reliability(representation)
    return drawn


def traits_shown(options: ReportOptions, findings: Findings) -> list[str]:
    """Traits with a hit, strongest first, at most `max_traits`; without any hit the traits with the strongest tests."""
    frame = findings.hits.frame
    if frame.height > 0:
        return strongest_first(frame)[: options.max_traits]
    return strongest_first(findings.associations.frame)[:WITHOUT_HITS]


def strongest_first(rows: pl.DataFrame) -> list[str]:
    """Traits by their strongest row."""
    best = rows.filter(pl.col("neglog10p").is_finite()).group_by("trait").agg(pl.col("neglog10p").max())
    return best.sort("neglog10p", "trait", descending=[True, False])["trait"].to_list()


def slug(name: str) -> str:
    """The name with nothing in it that a file or an address could stumble over."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)

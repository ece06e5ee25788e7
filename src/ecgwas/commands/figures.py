"""The command `figures`: the report's figures for print, in results/figures/."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from ecgwas import report
from ecgwas.errors import InputError, first_few
from ecgwas.progress import track
from ecgwas.report.contents import ReportContents
from ecgwas.report.figures import cases, publication, region
from ecgwas.report.figures.publication import DEFAULT_COLUMNS, JOURNALS, Columns
from ecgwas.report.names import feature_figure, slug
from ecgwas.report.queries import locus_pages
from ecgwas.stages import trait_names
from ecgwas.stages.report import gather
from ecgwas.store import atomic_write
from ecgwas.study import Study
from ecgwas.tables import files

MOST_FILES = 39
"""Most files that are written by default."""

OF_THE_STUDY = (
    "all_traits", "null_study", "inflation", "reconstruction", "genes", "gene_by_lead", "per_lead", "per_feature", "network",
    "enrichment", "outcomes_phewas", "outcomes_forest",
)  # fmt: skip
"""Figures of the study that a paper needs, in this order."""

OF_PREDICTION = ("predictions", "decision_curves", "score_traits")
OF_REPRESENTATIONS = ("grid_*", "reliability_*", "agreement_*", "architecture_*", "error_*")
MOST_LOCI_FIRST = 10
"""Loci that come before the figures of single representations."""


def write(
    study: Study, *, names: Sequence[str], traits: Sequence[str], formats: Sequence[str], everything: bool = False,
    columns: Columns = DEFAULT_COLUMNS,
) -> list[Path]:  # fmt: skip
    """Writes the figures that match one of `names` (patterns such as locus_*) in every format; returns the files.

    Without names: those that a paper needs, at most MOST_FILES files - of the study, of the strongest loci, and the plots of
    `traits` - or, with `everything`, all. traits: traits whose Manhattan and QQ plots are drawn in addition to those with the
    strongest hits. Raises StudyError for an unknown trait, InputError if no figure matches.
    """
    contents = gather(study)
    trait_names.refuse_unknown(traits, contents.scan.trait_names, where=study.folder)
    pictures = report.all_figures(study.report, contents, traits=traits)
    if everything:
        chosen = list(pictures)
    elif names:
        chosen = [name for name in pictures if any(fnmatchcase(name, pattern) for pattern in names)]
    else:
        chosen = for_a_paper(list(pictures), traits, locus_pages(contents.loci), MOST_FILES // len(formats))
    if not chosen:
        fix = f"figures of this study: {first_few(sorted(pictures), 30)}"
        raise InputError(f"no figure is named {first_few(names)}", where=study.folder, fix=fix)
    heads, printed = headings(contents), files.PRINT_FIGURE
    outputs = [(name, printed.path(study.results, figure=name, ending=kind)) for name in chosen for kind in formats]
    for name, path in track(outputs, "figures", len(outputs)):
        with atomic_write(path) as temporary:
            # Matplotlib chooses the format by the suffix, so the temporary file needs the same one.
            with_suffix = temporary.with_suffix(path.suffix)
            publication.save(pictures[name], with_suffix, columns=columns, heading=heads.get(name, ""))
            with_suffix.replace(temporary)
    return [path for _, path in outputs]


def for_a_paper(names: Sequence[str], traits: Sequence[str], loci: Sequence[int], max_figures: int) -> list[str]:
    """At most `max_figures` of the names: figures of `traits`, the study, the strongest loci, representations, predictions and
    cases, further loci.

    loci: their numbers, strongest first
    """
    plots = [f"{kind}_{slug(trait)}" for trait in traits for kind in ("manhattan", "qq")]
    of_loci = [f"{kind}_{number}" for number in loci for kind in ("locus", "region")]
    of_representations = [name for pattern in OF_REPRESENTATIONS for name in names if fnmatchcase(name, pattern)]
    first = 2 * MOST_LOCI_FIRST
    of_people = [*OF_PREDICTION, *(name for name in names if name.startswith("cases_"))]
    order = [*plots, *OF_THE_STUDY, *of_loci[:first], *of_representations, *of_people, *of_loci[first:]]
    return [name for name in dict.fromkeys(order) if name in names][:max_figures]


def headings(contents: ReportContents) -> dict[str, str]:
    """Name of a figure that is about a trait or a representation -> what it is about, as the words above it."""
    of_traits = {f"{kind}_{slug(trait)}": trait for trait in contents.scan.trait_names for kind in ("manhattan", "qq")}
    regions = {
        region.name_of(one.locus, layer): f"Locus {one.locus}: {(layer or one).trait}"
        for one in contents.loci.regions for layer in (None, *one.layers)
    }  # fmt: skip
    beats = {f"locus_{one.locus}{more}": f"Locus {one.locus}: {one.variant}"
             for one in contents.loci.genotype_beats for more in ("", "_difference")}  # fmt: skip
    kinds = ("grid", "reliability", "agreement", "architecture", "error", "training", "signals")
    representations = {f"{kind}_{one.name}": one.name for one in contents.representations for kind in kinds}
    meanings = {feature_figure(one.name, feature): f"{one.name}: {feature}"
                for one in contents.representations for feature in one.traversals}  # fmt: skip
    of_cases = {cases.name_of(one): cases.title_of(one) for one in contents.case_beats}
    return {**of_traits, **regions, **beats, **representations, **meanings, **of_cases}


def columns_of(context: click.Context, option: click.Parameter, value: str) -> Columns:
    """Widths of a journal's columns from its name or from two numbers such as 85/175."""
    if value.lower() in JOURNALS:
        return JOURNALS[value.lower()]
    match = re.fullmatch(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)", value)
    if match is None or not 20 <= float(match[1]) <= float(match[2]) <= 1000:
        known = ", ".join(JOURNALS)
        raise click.BadParameter(f"{value!r} is neither one of {known} nor the widths of one and two columns in mm, 85/175")
    return Columns(float(match[1]), float(match[2]))

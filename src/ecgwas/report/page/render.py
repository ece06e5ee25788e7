"""The page: contents in, one self-contained HTML text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml
from markupsafe import Markup

from ecgwas.report import queries, sample_flow
from ecgwas.report.contents import Example, Figure, Page, ReportContents
from ecgwas.report.figures import svg as drawing
from ecgwas.report.figures.all_figures import all_figures
from ecgwas.report.names import in_address
from ecgwas.report.page import locus_cards, parts, plots, representations, tables
from ecgwas.report.page.embedded import embedded
from ecgwas.report.page.table_view import ShownTable
from ecgwas.report.text import headline as first_sentences
from ecgwas.report.text import methods, strega
from ecgwas.report.text.headline import Headline
from ecgwas.study import ReportOptions
from ecgwas.tables import files


def render(options: ReportOptions, contents: ReportContents) -> Page:
    """The report of a study; the same contents give the same bytes.

    The page needs no network and names no person. Figures of the study and its loci are in it as SVG and need no script;
    figures of traits and regional plots that have to be chosen are drawn on demand by its own script. `figures` holds each
    figure again, with its numbers.
    """
    figures = all_figures(options, contents)
    inline = {name: figure for name, figure in figures.items() if not name.startswith(ONLY_FILES)}
    meanings = {name: figure for name, figure in figures.items() if name.startswith("meaning_")}
    cards = locus_cards.cards(contents)
    chosen_later = {choice.figure for card in cards for choice in card.regions[1:]}
    packed = embedded(contents, meanings)
    blocks = {**packed.blocks, **plots.pictures({name: inline[name] for name in inline if name in chosen_later} | meanings),
              **plots.plots(inline | meanings)}  # fmt: skip
    html = parts.filled(
        "page.html", SCRIPTS, inline, in_files=True, title=options.title or contents.run.name, index=Markup(packed.index),
        blocks={name: Markup(block) for name, block in blocks.items()}, loci=cards, **_values(options, contents, figures),
    )  # fmt: skip
    return Page(html, figures)


SCRIPTS = (
    "page.elements.js", "page.data.js", "page.marks.js", "page.gestures.js", "page.zoom.js", "page.interact.js",
    "page.plots.js", "page.trait.js", "page.contents.js", "page.display.js", "page.js",
)  # fmt: skip
"""In the order in which they are joined; the head of each names what it gives to and uses of the others."""

ONLY_FILES = ("manhattan_", "qq_", "meaning_")
"""Figures that the page's script draws or unpacks itself; as files they are next to the page."""


def _values(options: ReportOptions, contents: ReportContents, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """What the template asks for by name."""
    run, scan, loci = contents.run, contents.scan, contents.loci
    paragraphs, cited = methods.methods(contents)
    eids, results = sample_flow.eids_of(contents.cohort), contents.tables
    return {
        "run": run,
        "cohort": contents.cohort,
        "representations": contents.representations,
        "number_of_loci": len(loci.loci),
        "has_null_study": contents.null_study is not None,
        "pulse": Markup(_pulse(contents.cohort.example)),
        "cards": _cards(contents),
        "headline": headline(contents),
        "effect_unit": tables.effect_unit(run),
        "flow": sample_flow.steps(contents.cohort, run.min_people),
        "lead_quality": tables.further(results, eids, "read"),
        "tables": _tables(contents),
        "drawn": queries.traits_drawn(options, loci.hits, scan.rows),
        "in_address": in_address,
        "hit_traits": loci.hits.frame["trait"].n_unique(),
        "grids": [name for name in figures if name.startswith("grid_")],
        "clusters": [name for name in figures if name.startswith("cluster_")],
        "miamis": [name for name in figures if name.startswith("miami_")],
        "trust": [
            *tables.further(results, eids, "traits"),
            *tables.further(results, eids, "loci", except_for=locus_cards.PLACED, unit=tables.effect_unit(run)),
        ],
        "more_genes": tables.further(results, eids, "genes"),
        "has_outcomes": files.OUTCOMES in results,
        "cases": [name for name in figures if name.startswith("cases_")],
        "more_outcomes": tables.further(results, eids, "outcomes", except_for=(files.OUTCOMES, files.OUTCOME_TESTS)),
        "has_predictions": files.PREDICTION_TARGETS in results,
        "more_predictions": tables.further(
            results, eids, "predict", except_for=(files.PREDICTION_TARGETS, files.PREDICTION_MODELS)
        ),
        "has_scores": files.SCORE_FILES in results or files.OWN_SCORE_TESTS in results,
        "more_scores": tables.further(results, eids, "scores", except_for=tables.PLACED_SCORES),
        "shared": tables.further(results, eids, "share"),
        "nothing_in": [tables.words_of(file) for file, frame in results.items() if frame.height == 0],
        "methods": paragraphs,
        "references": cited,
        "power": first_sentences.power_sentence(loci),
        "settings": yaml.safe_dump(dict(run.settings), sort_keys=False, allow_unicode=True),
    }


def _tables(contents: ReportContents) -> dict[str, ShownTable | None]:
    scan, loci, genes, audit = contents.scan, contents.loci, contents.genes, contents.tables.get(files.AUDIT)
    sd_unit = tables.unit_of_beta(contents.run)
    return {
        "loci": tables.loci(loci, genes.genes, sd_unit), "planted": tables.planted(loci, _window_bp(contents), sd_unit),
        "thresholds": tables.thresholds(loci, contents.threshold_caveat),
        "power": tables.power(loci), "errors": tables.errors(contents.representations), "terms": tables.terms(genes.terms),
        "agreement": tables.device_agreement(contents.representations), "clusters": tables.clusters(genes),
        "excluded_features": tables.excluded_features(scan.trait_report),
        "excluded_variants": tables.excluded_variants(scan.excluded_variants), "traits": tables.traits(scan, loci),
        "null_counts": tables.null_counts(loci, genes, contents.null_study), "flags": tables.flags(audit),
        "representations": representations.representations(contents.representations, loci, scan.summary),
        "strega": tables.strega(strega.items(contents)), "outcomes": tables.outcomes(contents.tables),
        "outcome_tests": tables.outcome_tests(contents.tables),
        "prediction_targets": tables.prediction_targets(contents.tables),
        "prediction_models": tables.prediction_models(contents.tables),
        "score_files": tables.score_files(contents.tables),
        "score_traits": tables.score_traits(contents.tables), "own_scores": tables.own_scores(contents.tables),
    }  # fmt: skip


def _window_bp(contents: ReportContents) -> int:
    return int(contents.run.settings["loci"]["window_bp"])


def _cards(contents: ReportContents) -> list[tuple[str, str]]:
    """Counts at the head of the page, each with its noun."""
    counts = (
        (len(contents.loci.loci), "loci"), (queries.significant_variants(contents.loci.hits), "significant variants"),
        (contents.genes.genes.frame["gene"].drop_nulls().n_unique(), "genes hit"), (contents.cohort.tested, "participants"),
        (len(contents.scan.trait_names), "traits"), (contents.scan.variants_tested, "variants tested"),
    )  # fmt: skip
    return [(f"{count:,}", noun) for count, noun in counts]


def headline(contents: ReportContents) -> Headline:
    """What was found, how sure it is and what it means, in a few sentences."""
    return first_sentences.headline(contents, tables.unit_of_beta(contents.run))


def _pulse(example: Example | None) -> str:
    """The study's own beat as the page's ornament: lead II of the example, three times."""
    if example is None or "II" not in example.leads:
        return ""
    beat = example.beat_uv[example.leads.index("II")].astype(float)[::3]
    wave = np.tile(beat, 3)
    panel = drawing.Panel(0, 4, 600, 82, (0, len(wave) - 1), (float(wave.min()), float(wave.max())))
    curve = drawing.polyline(panel.x(np.arange(len(wave))), panel.y(wave), "currentColor", 2)
    return f"<svg viewBox='0 0 600 90' aria-hidden='true' class='pulse'>{curve}</svg>"

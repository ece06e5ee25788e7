"""The page: contents in, one self-contained HTML text out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import polars as pl
import yaml
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from ecgwas.report import queries, sample_flow
from ecgwas.report.contents import Example, Figure, LociResults, Page, ReportContents
from ecgwas.report.figures import svg as drawing
from ecgwas.report.figures.all_figures import all_figures
from ecgwas.report.names import in_address, slug
from ecgwas.report.page import locus_cards, plots, representations, tables
from ecgwas.report.page.embedded import embedded
from ecgwas.report.page.table_view import ShownTable
from ecgwas.report.text import methods, strega
from ecgwas.study import ReportOptions
from ecgwas.tables import Loci, files


def render(options: ReportOptions, contents: ReportContents) -> Page:
    """The report of a study; the same contents give the same bytes.

    The page needs no network and names no person. Figures of the study and its loci are in it as SVG and need no script;
    figures of traits are drawn on demand by its own script. `figures` holds each figure again, with its numbers.
    """
    figures = all_figures(options, contents)
    style, script = _packaged("page.css") + _packaged("page.interact.css"), _script()
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["count"] = lambda value: f"{value:,}"
    template = environment.from_string(_packaged("page.html"))
    inline = {name: figure for name, figure in figures.items() if not name.startswith(ONLY_FILES)}
    meanings = {name: figure for name, figure in figures.items() if name.startswith("meaning_")}
    packed = embedded(contents, meanings)
    blocks = {**packed.blocks, **plots.plots(inline | meanings)}
    html = template.render(
        title=options.title or contents.run.name,
        style=Markup(style), script=Markup(script), style_hash=_hash(style), script_hash=_hash(script),
        figures={name: _Inline(figure, Markup(drawing.themed(figure.svg))) for name, figure in inline.items()},
        index=Markup(packed.index), blocks={name: Markup(block) for name, block in blocks.items()},
        **_values(options, contents, figures),
    )  # fmt: skip
    return Page(html, figures)


def _script() -> str:
    """The page's scripts joined within one function, so that they add no global names."""
    joined = "".join(_packaged(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{joined}}})();\n'


SCRIPTS = (
    "page.elements.js", "page.data.js", "page.marks.js", "page.zoom.js", "page.interact.js", "page.plots.js", "page.trait.js",
    "page.js",
)  # fmt: skip
"""In the order in which they are joined; the head of each names what it gives to and uses of the others."""

ONLY_FILES = ("manhattan_", "qq_", "meaning_")
"""Figures that the page's script draws or unpacks itself; as files they are next to the page."""


@dataclass(frozen=True)
class _Inline:
    figure: Figure
    svg: Markup


def _packaged(name: str) -> str:
    return (resources.files("ecgwas.report.page") / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """The hash by which the page's content security policy allows this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


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
        "slug": slug,
        "in_address": in_address,
        "hit_traits": loci.hits.frame["trait"].n_unique(),
        "loci": locus_cards.cards(contents),
        "grids": [name for name in figures if name.startswith("grid_")],
        "clusters": [name for name in figures if name.startswith("cluster_")],
        "miamis": [name for name in figures if name.startswith("miami_")],
        "trust": [
            *tables.further(results, eids, "traits"),
            *tables.further(results, eids, "loci", except_for=locus_cards.PLACED, unit=tables.effect_unit(run)),
        ],
        "more_genes": tables.further(results, eids, "genes"),
        "shared": tables.further(results, eids, "share"),
        "nothing_in": [tables.words_of(file) for file, frame in results.items() if frame.height == 0],
        "methods": paragraphs,
        "references": cited,
        "power": _power_sentence(loci),
        "settings": yaml.safe_dump(dict(run.settings), sort_keys=False, allow_unicode=True),
    }


def _tables(contents: ReportContents) -> dict[str, ShownTable | None]:
    scan, loci, genes, audit = contents.scan, contents.loci, contents.genes, contents.tables.get(files.AUDIT)
    return {
        "loci": tables.loci(loci, genes.genes), "planted": tables.planted(loci, _window_bp(contents)),
        "thresholds": tables.thresholds(loci, contents.threshold_caveat),
        "power": tables.power(loci), "errors": tables.errors(contents.representations), "terms": tables.terms(genes.terms),
        "agreement": tables.device_agreement(contents.representations), "clusters": tables.clusters(genes),
        "excluded_features": tables.excluded_features(scan.trait_report),
        "excluded_variants": tables.excluded_variants(scan.excluded_variants), "traits": tables.traits(scan, loci),
        "null_counts": tables.null_counts(loci, genes, contents.null_study), "flags": tables.flags(audit),
        "representations": representations.representations(contents.representations, loci, scan.summary),
        "strega": tables.strega(strega.items(contents)),
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


def headline(contents: ReportContents) -> list[str]:
    """What was found, in a few sentences, and what is expected by chance alone."""
    results, warning = contents.loci, contents.threshold_caveat
    used = results.threshold
    limit = f"−log10 p {used['neglog10p']:.2f} ({used['kind']}: {used['note']})"
    count = len(results.loci)
    if count == 0:
        finding = f"No locus passes the study's threshold of {limit}."
    else:
        loci = "One locus passes" if count == 1 else f"{count:,} loci pass"
        variants, pairs = queries.significant_variants(results.hits), len(results.hits)
        with_variants = "1 significant variant" if variants == 1 else f"{variants:,} significant variants"
        with_pairs = "1 variant–trait pair" if pairs == 1 else f"{pairs:,} variant–trait pairs"
        finding = f"{loci} the study's threshold of {limit}, with {with_variants} ({with_pairs})."
    sentences = (
        finding,
        None if warning is None else f"{warning[0].upper()}{warning[1:]}.",
        _permutation_sentence(contents.scan.permutation_max, results.min_neglog10p),
        _known_sentence(results.loci),
        _planted_sentence(results, _window_bp(contents)),
    )
    return [sentence for sentence in sentences if sentence is not None]


def _permutation_sentence(maxima: NDArray[np.float64], limit: float) -> str | None:
    if len(maxima) == 0:
        return None
    beyond, strongest = int((maxima > limit).sum()), float(np.max(maxima))
    return (
        f"By chance alone, {beyond:,} of {len(maxima):,} permutations of the participants had a test beyond it; "
        f"the strongest test of all was {strongest:.2f}."
    )


def _known_sentence(loci: Loci) -> str | None:
    frame = loci.frame
    if "known" not in frame.columns or frame["known"].is_null().all():
        return None
    known = frame.filter(pl.col("known") == "known").height
    return f"According to the table of known loci, {known} of the {frame.height} are known and {frame.height - known} new."


def _planted_sentence(results: LociResults, window_bp: int) -> str | None:
    if results.planted is None:
        return None
    positions = results.planted.select("chrom", "pos").iter_rows()
    n_found = sum(queries.loci_near(results.loci, str(chrom), int(pos), window_bp).height > 0 for chrom, pos in positions)
    extra = len(queries.loci_without_planted(results.loci, results.planted, window_bp))
    effects = f"{n_found} of {results.planted.height} planted effects are found"
    return f"The cohort is simulated: {effects}; {extra} of the loci are not planted."


def _power_sentence(results: LociResults) -> str | None:
    rows = results.power.filter(pl.col("kind") == results.threshold["kind"])
    if rows.height == 0 or rows["share_at_power_80"][0] is None:
        return None
    share, people = rows["share_at_power_80"][0], rows["people"][0]
    return (
        f"At the study's threshold and with {people:,} participants, a variant must explain {share:.2%} of a trait's variance "
        "to be found with 80 % power; smaller effects may exist and be missed."
    )


def _pulse(example: Example | None) -> str:
    """The study's own beat as the page's ornament: lead II of the example, three times."""
    if example is None or "II" not in example.leads:
        return ""
    beat = example.beat_uv[example.leads.index("II")].astype(float)[::3]
    wave = np.tile(beat, 3)
    panel = drawing.Panel(0, 4, 600, 82, (0, len(wave) - 1), (float(wave.min()), float(wave.max())))
    curve = drawing.polyline(panel.x(np.arange(len(wave))), panel.y(wave), "currentColor", 2)
    return f"<svg viewBox='0 0 600 90' aria-hidden='true' class='pulse'>{curve}</svg>"

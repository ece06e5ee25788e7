"""The page: contents in, one self-contained HTML text out."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from ecgwas.report import queries, sample_flow
from ecgwas.report.contents import Example, Figure, Page, ReportContents
from ecgwas.report.figures import svg as drawing
from ecgwas.report.figures.all_figures import all_figures
from ecgwas.report.names import in_address, slug
from ecgwas.report.page import locus_cards, plots, representations, tables
from ecgwas.report.page.embedded import embedded
from ecgwas.report.page.table_view import ShownTable
from ecgwas.report.text import headline as first_sentences
from ecgwas.report.text import labels, methods, strega
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
    style, script = _packaged("page.css") + _packaged("page.interact.css"), _script()
    inline = {name: figure for name, figure in figures.items() if not name.startswith(ONLY_FILES)}
    meanings = {name: figure for name, figure in figures.items() if name.startswith("meaning_")}
    cards = locus_cards.cards(contents)
    chosen_later = {choice.figure for card in cards for choice in card.regions[1:]}
    packed = embedded(contents, meanings)
    blocks = {**packed.blocks, **plots.pictures({name: inline[name] for name in inline if name in chosen_later} | meanings),
              **plots.plots(inline | meanings)}  # fmt: skip
    html = _template().render(
        title=options.title or contents.run.name,
        style=Markup(style), script=Markup(script), style_hash=_hash(style), script_hash=_hash(script),
        figures={name: _Inline.of(figure) for name, figure in inline.items()},
        index=Markup(packed.index), blocks={name: Markup(block) for name, block in blocks.items()},
        loci=cards, **_values(options, contents, figures),
    )  # fmt: skip
    return Page(html, figures)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters |= {"count": lambda value: f"{value:,}", "coded": coded, "label": labels.words}
    return environment.from_string(_packaged("page.html"))


def _script() -> str:
    """The page's scripts joined within one function, so that they add no global names."""
    joined = "".join(_packaged(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{joined}}})();\n'


SCRIPTS = (
    "page.elements.js", "page.data.js", "page.marks.js", "page.gestures.js", "page.zoom.js", "page.interact.js",
    "page.plots.js", "page.trait.js", "page.contents.js", "page.js",
)  # fmt: skip
"""In the order in which they are joined; the head of each names what it gives to and uses of the others."""

ONLY_FILES = ("manhattan_", "qq_", "meaning_")
"""Figures that the page's script draws or unpacks itself; as files they are next to the page."""


FULL_WIDTH = (900, 940)
"""Figures of such a width (pixels) fill the page; all others, and these on a narrower page, keep their width, so that no word
shrinks."""


@dataclass(frozen=True)
class _Inline:
    """A figure within the page; is_full: it is as wide as the page; peak: where its highest point is, share of its width."""

    figure: Figure
    svg: Markup
    is_full: bool
    peak: float | None

    @classmethod
    def of(cls, figure: Figure) -> _Inline:
        head = re.search(r"<svg [^>]*?width='([\d.]+)'", figure.svg)
        width = float(head[1]) if head else 0.0
        return cls(figure, Markup(plots.in_page(figure.svg)), FULL_WIDTH[0] <= width <= FULL_WIDTH[1], _peak(figure, width))


def _peak(figure: Figure, width: float) -> float | None:
    """Where the highest point of the first panel is, as a share of the figure's width; None: it has no points."""
    points = [] if figure.plot is None else [one for one in figure.plot.points if one.panel == 0 and len(np.asarray(one.x))]
    if figure.plot is None or not points or width <= 0:
        return None
    highest = max(points, key=lambda one: float(np.max(np.asarray(one.y, dtype=np.float64))))
    x = np.asarray(highest.x, dtype=np.float64)[int(np.argmax(np.asarray(highest.y, dtype=np.float64)))]
    return round(figure.plot.panels[0].x.at(float(x)) / width, 3)


OPTION_OR_FILE = re.compile(
    r"(?<![\w./])(?:(?:read|represent|traits|scan|loci|genes|report|share)\.[a-z]\w*|\w+\.(?:csv|parquet|json|yaml))(?![\w/])"
)
"""Options of the study file and names of results files within a sentence."""


def coded(text: object) -> Markup:
    """The text for HTML, with names of options and files as code."""
    words, at, parts = str(text), 0, [Markup()]
    for match in OPTION_OR_FILE.finditer(words):
        parts += [escape(words[at : match.start()]), Markup("<code>{}</code>").format(match[0])]
        at = match.end()
    return Markup().join([*parts, escape(words[at:])])


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
        "headline": _headline(contents),
        "effect_unit": tables.effect_unit(run),
        "flow": sample_flow.steps(contents.cohort, run.min_people),
        "lead_quality": tables.further(results, eids, "read"),
        "tables": _tables(contents),
        "drawn": queries.traits_drawn(options, loci.hits, scan.rows),
        "slug": slug,
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
    """What was found, how sure it is and what it means, in a few sentences."""
    return _headline(contents).sentences


def _headline(contents: ReportContents) -> Headline:
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

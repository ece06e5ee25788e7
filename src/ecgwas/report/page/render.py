"""The page: findings in, one self-contained HTML text out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl
import yaml
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ecgwas.report import sample_flow
from ecgwas.report.contents import Figure, Page, ReportContents
from ecgwas.report.figures import svg as drawing
from ecgwas.report.figures.all_figures import all_figures, in_address, slug, traits_shown
from ecgwas.report.page import locus_cards, locus_checks, representations, table_views
from ecgwas.report.page.embedded import embedded
from ecgwas.report.text import methods
from ecgwas.study import ReportOptions


def render(options: ReportOptions, contents: ReportContents) -> Page:
    """The report of a study: the same findings give the same bytes.

    The page needs no network and names no person. Pictures of the study and its loci are in it as SVG, to be read without
    a script; traits are drawn on demand by its own script. Each picture is in `figures` once more with its numbers.
    """
    figures = all_figures(options, contents)
    style, script = _packaged("page.css"), _script()
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["count"] = lambda value: f"{value:,}"
    template = environment.from_string(_packaged("page.html"))
    inline = {name: figure for name, figure in figures.items() if not name.startswith(ONLY_FILES)}
    packed = embedded(contents, {name: figure for name, figure in figures.items() if name.startswith("meaning_")})
    html = template.render(
        title=options.title or contents.name,
        style=Markup(style), script=Markup(script), style_hash=_hash(style), script_hash=_hash(script),
        figures={name: _Inline(figure, Markup(drawing.themed(figure.svg))) for name, figure in inline.items()},
        index=Markup(packed.index), blocks={name: Markup(block) for name, block in packed.blocks.items()},
        **_contents(options, contents, figures),
    )  # fmt: skip
    return Page(html, figures)


def _script() -> str:
    """Both files of the page's script, closed in, so that they leave nothing behind among the browser's names."""
    return f'"use strict";\n(() => {{\n{_packaged("page.js")}{_packaged("page.trait.js")}}})();\n'


ONLY_FILES = ("manhattan_", "qq_", "meaning_")
"""Pictures that the page's script draws or unpacks itself; they are beside the page as files."""


@dataclass(frozen=True)
class _Inline:
    figure: Figure
    svg: Markup


def _packaged(name: str) -> str:
    return (files("ecgwas.report.page") / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """What the page's content security policy allows: this very text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _contents(options: ReportOptions, contents: ReportContents, figures: Mapping[str, Figure]) -> dict[str, Any]:
    window_bp = int(contents.settings["loci"]["window_bp"])
    paragraphs, cited = methods.methods(contents)
    return {
        "contents": contents,
        "pulse": Markup(_pulse(contents)),
        "cards": _cards(contents),
        "headline": headline(contents, window_bp),
        "unit_of_beta": table_views.unit_of_beta(contents),
        "flow": sample_flow.steps(contents),
        "lead_quality": table_views.more_of(contents, "read"),
        "tables": _tables(contents, window_bp),
        "drawn": traits_shown(options, contents),
        "slug": slug,
        "in_address": in_address,
        "hit_traits": contents.hits.frame["trait"].n_unique(),
        "loci": locus_cards.cards(contents),
        "grids": [name for name in figures if name.startswith("grid_")],
        "clusters": [name for name in figures if name.startswith("cluster_")],
        "miamis": [name for name in figures if name.startswith("miami_")],
        "trust": [*table_views.more_of(contents, "traits"), *table_views.more_of(contents, "loci", beside=locus_checks.PLACED)],
        "more_genes": table_views.more_of(contents, "genes"),
        "shared": table_views.more_of(contents, "share"),
        "nothing_in": [name.split("/")[1].replace("_", " ") for name, frame in contents.more.items() if frame.height == 0],
        "methods": paragraphs,
        "references": cited,
        "power": _power_sentence(contents),
        "settings": yaml.safe_dump(dict(contents.settings), sort_keys=False, allow_unicode=True),
    }


def _tables(contents: ReportContents, window_bp: int) -> dict[str, table_views.View | None]:
    return {
        "loci": table_views.loci(contents), "planted": table_views.planted(contents, window_bp),
        "thresholds": table_views.thresholds(contents),
        "power": table_views.power(contents), "errors": table_views.errors(contents), "terms": table_views.terms(contents),
        "agreement": table_views.agreement(contents),
        "clusters": table_views.clusters(contents), "traits_left_out": table_views.traits_left_out(contents),
        "variants_left_out": table_views.variants_left_out(contents), "traits": table_views.traits(contents),
        "beside": table_views.beside_chance(contents), "flags": locus_checks.flags(contents),
        "compared": representations.representations(contents), "strega": table_views.strega(contents),
    }  # fmt: skip


def _cards(contents: ReportContents) -> list[tuple[str, str]]:
    people = contents.people.frame.filter(pl.col("status") == "kept").height
    genes = contents.genes.frame["gene"].drop_nulls().n_unique()
    tests = max(contents.summary.frame["tests"].to_list(), default=0)
    counts = (
        (len(contents.loci), "loci"), (table_views.significant_variants(contents), "significant variants"),
        (genes, "genes hit"),
        (people, "people"), (len(contents.trait_names), "traits"), (tests, "variants tested"),
    )  # fmt: skip
    return [(f"{count:,}", words) for count, words in counts]


def headline(contents: ReportContents, window_bp: int) -> list[str]:
    """What was found, in a few sentences, with what chance alone gives beside it."""
    used = contents.threshold
    limit = f"−log10 p {used['neglog10p']:.2f} ({used['kind']}: {used['note']})"
    count = len(contents.loci)
    if count == 0:
        said = [f"No locus passes the study's threshold of {limit}."]
    else:
        what = "One locus passes" if count == 1 else f"{count:,} loci pass"
        variants, pairs = table_views.significant_variants(contents), len(contents.hits)
        found = "1 significant variant" if variants == 1 else f"{variants:,} significant variants"
        counted = "1 variant–trait pair" if pairs == 1 else f"{pairs:,} variant–trait pairs"
        said = [f"{what} the study's threshold of {limit}, with {found} ({counted})."]
    words = contents.threshold_caveat
    beside = [] if words is None else [f"{words[0].upper()}{words[1:]}."]
    return [*said, *beside, *_null_sentence(contents), *_known_sentence(contents), *_planted_sentence(contents, window_bp)]


def _null_sentence(contents: ReportContents) -> list[str]:
    maxima = contents.permutation_max
    if len(maxima) == 0:
        return []
    beyond, limit = int((maxima > contents.threshold["neglog10p"]).sum()), float(np.max(maxima))
    return [
        f"On chance alone, with people shuffled {len(maxima):,} times, {beyond:,} shuffled studies had anything beyond it; "
        f"the strongest test of them all was {limit:.2f}."
    ]


def _known_sentence(contents: ReportContents) -> list[str]:
    frame = contents.loci.frame
    if "known" not in frame.columns or frame["known"].is_null().all():
        return []
    known = frame.filter(pl.col("known") == "known").height
    return [f"By the table of known loci {known} of the {frame.height} are known and {frame.height - known} new."]


def _planted_sentence(contents: ReportContents, window_bp: int) -> list[str]:
    if contents.planted is None:
        return []
    places = contents.planted.select("chrom", "pos").iter_rows()
    met = sum(table_views.found_near(contents, str(chrom), int(pos), window_bp) is not None for chrom, pos in places)
    extra = len(table_views.unplanted(contents, window_bp))
    found = f"{met} of {contents.planted.height} planted effects are found"
    return [f"The cohort is simulated: {found}; {extra} of the loci are not planted."]


def _power_sentence(contents: ReportContents) -> str | None:
    rows = contents.power.filter(pl.col("kind") == contents.threshold["kind"])
    if rows.height == 0 or rows["share_at_power_80"][0] is None:
        return None
    share, people = rows["share_at_power_80"][0], rows["people"][0]
    return (
        f"At the study's threshold and with {people:,} people, a variant must explain {share:.2%} of a trait's variance to be "
        "found with 80 % power; smaller effects may be there and not be seen."
    )


def _pulse(contents: ReportContents) -> str:
    """The study's own beat as the page's ornament: lead II of the example, three times."""
    if contents.example is None or "II" not in contents.example.leads:
        return ""
    beat = contents.example.beat_uv[contents.example.leads.index("II")].astype(float)[::3]
    wave = np.tile(beat, 3)
    panel = drawing.Panel(0, 4, 600, 82, (0, len(wave) - 1), (float(wave.min()), float(wave.max())))
    curve = drawing.polyline(panel.x(np.arange(len(wave))), panel.y(wave), "currentColor", 2)
    return f"<svg viewBox='0 0 600 90' aria-hidden='true' class='pulse'>{curve}</svg>"

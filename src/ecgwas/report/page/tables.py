"""The tables of the page, each prepared from the study's results for its view."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import polars as pl

from ecgwas.report.contents import (
    GeneResults,
    LociResults,
    NullStudy,
    RepresentationResults,
    RunInfo,
    ScanResults,
)
from ecgwas.report.page import table_views as views
from ecgwas.report.page.table_view import MAX_ROWS, ShownTable, existing, shown
from ecgwas.report.queries import (
    genes_of_variants,
    loci_near,
    loci_of_traits,
    locus_pages,
    nearest_genes,
    significant_variants,
    strongest_of_traits,
)
from ecgwas.report.sample_flow import without_eids
from ecgwas.report.text import effects, labels
from ecgwas.tables import VARIANT_KEY, Genes, Terms, files
from ecgwas.tables.files import ResultFile
from ecgwas.tables.loci import inside

NORMAL_95 = 1.959964
MAX_PLAIN_ROWS = 100
"""Longest table that is shown without a view of its own."""


def effect_unit(run: RunInfo) -> str:
    """The unit of effects, by the transformation of the traits."""
    return views.EFFECT_UNITS[run.settings["traits"]["transform"]]


def unit_of_beta(run: RunInfo) -> str:
    """The unit of beta behind a number: SD, or nothing for the units of untransformed features."""
    return run.unit_of_beta


def loci(results: LociResults, genes: Genes, sd_unit: str) -> ShownTable | None:
    """Loci, each leading to its page where it has one. sd_unit: of beta, for loci whose strongest trait is not measured."""
    nearest = nearest_genes(genes, results.loci)
    gene = pl.col("locus").replace_strict(nearest, default=None, return_dtype=pl.String)
    frame = _with_effect(results, results.loci.frame, sd_unit).with_columns(gene=gene, p=pl.col("neglog10p"))
    if "set" not in frame.columns or frame["set"].is_null().all():
        frame = frame.drop("test", strict=False)
    return shown(views.LOCI, frame, locus_pages=set(locus_pages(results)))


def _with_effect(results: LociResults, rows: pl.DataFrame, sd_unit: str) -> pl.DataFrame:
    """The loci with column per_allele: the effect on the strongest trait in its unit or, if it has none, in SD, in words."""
    on = ["best_trait", *VARIANT_KEY]
    betas = results.hits.frame.select("trait", *VARIANT_KEY, "beta", "se").rename({"trait": "best_trait"})
    joined = rows.join(betas.unique(on), on=on, how="left", maintain_order="left")
    in_sd = effects.in_words(joined.select(effect="beta", effect_se="se", unit=pl.lit(sd_unit)))
    natural = effects.in_words(joined) if "effect" in joined.columns else pl.Series([None] * rows.height, dtype=pl.String)
    return rows.with_columns(per_allele=natural.fill_null(in_sd) if rows.height else natural)


def traits(scan: ScanResults, results: LociResults) -> ShownTable | None:
    """Every trait, those with the strongest tests first, each leading to its page."""
    numbers = loci_of_traits(results.loci, results.hits)
    frame = scan.summary.frame.join(scan.strongest, on="trait", how="left")
    if "unit" in scan.trait_report.columns:
        frame = frame.join(scan.trait_report.select("trait", "unit"), on="trait", how="left")
    frame = frame.with_columns(loci=pl.Series([len(numbers.get(trait, [])) for trait in frame["trait"]], dtype=pl.Int64))
    return shown(views.TRAITS, frame.sort("neglog10p", "trait", descending=[True, False], nulls_last=True))


def traits_of_locus(
    results: LociResults, locus: Mapping[str, Any], unit: str, genes: Genes
) -> ShownTable | None:  # fmt: skip
    """Every trait with a hit in the locus, at its strongest variant there, with that variant's nearest gene."""
    rows = results.hits.frame.filter(inside(locus))
    variants = rows.group_by("trait").agg(variants=pl.len())
    best = strongest_of_traits(rows).join(variants, on="trait", maintain_order="left")
    best = best.join(genes_of_variants(genes), on=VARIANT_KEY, how="left", maintain_order="left")
    return shown(views.TRAITS_OF_LOCUS, best, suffix=f"-{locus['locus']}", effect_unit=unit)


def genes_of_locus(genes: Genes, locus: int) -> ShownTable | None:
    """Genes of the significant variants of a locus, nearest first."""
    here = genes.frame.filter(pl.col("locus") == locus).drop_nulls("gene")
    grouped = here.group_by("gene", "source", maintain_order=True).agg(
        variants=pl.struct(VARIANT_KEY).n_unique(), distance_bp=pl.col("distance_bp").min(), relation=pl.col("relation").first()
    )
    return shown(views.GENES_OF_LOCUS, grouped.sort("distance_bp", "gene"), suffix=f"-{locus}")


def strongest_audited(audit: pl.DataFrame | None, locus: Mapping[str, Any]) -> pl.DataFrame | None:
    """Rows of the audit: each trait's strongest variant in the locus; None where nothing was audited."""
    return None if audit is None else strongest_of_traits(audit.filter(inside(locus)))


def audit_of_locus(audit: pl.DataFrame | None, locus: Mapping[str, Any], unit: str) -> ShownTable | None:
    """The checks of each trait's strongest variant in the locus."""
    rows = strongest_audited(audit, locus)
    if rows is None:
        return None
    flagged = rows.with_columns(flags=pl.col("flags").fill_null("").replace("", "none"))
    return shown(views.AUDIT, flagged, suffix=f"-{locus['locus']}", effect_unit=unit)


def flags(audit: pl.DataFrame | None) -> ShownTable | None:
    """How many audited hits have each flag."""
    if audit is None or audit.height == 0:
        return None
    flag_names = audit["flags"].fill_null("").str.split(";").explode().str.strip_chars()
    counted = flag_names.replace("", "none").value_counts(name="hits").sort("hits", "flags", descending=[True, False])
    return shown(views.FLAGS, counted, title=f"Audit of {audit.height:,} hits")


def groups_of_locus(table: pl.DataFrame | None, locus: int, unit: str) -> ShownTable | None:
    """The lead variant in each ancestry group and in men and women, with intervals; None where nothing was compared."""
    rows = pl.DataFrame() if table is None or table.height == 0 else table.filter(pl.col("locus") == locus)
    if rows.height == 0:
        return None
    half = NORMAL_95 * pl.col("se")
    with_ends = rows.with_columns(low=pl.col("beta") - half, high=pl.col("beta") + half)
    title = f"{views.GROUP_EFFECTS.title}, on {rows['trait'][0]}"
    return shown(views.GROUP_EFFECTS, with_ends, title=title, suffix=f"-{locus}", effect_unit=unit)


def signals_of_locus(tables: Mapping[ResultFile, pl.DataFrame], locus: int, unit: str) -> list[ShownTable]:
    """Credible sets and separate signals of a locus, those that there are."""
    tables_of_locus = []
    for file, view in ((files.CREDIBLE, views.CREDIBLE), (files.CONDITIONAL, views.CONDITIONAL)):
        rows = tables[file].filter(pl.col("locus") == locus) if file in tables else pl.DataFrame()
        if rows.height > 0:
            title = f"{view.title}, by {rows['trait'][0]}"
            tables_of_locus.append(shown(view, rows, title=title, suffix=f"-{locus}", effect_unit=unit))
    return existing(*tables_of_locus)


def thresholds(results: LociResults, warning: str | None) -> ShownTable | None:
    """All thresholds; `warning` is appended to the title."""
    title = views.THRESHOLDS.title if warning is None else f"{views.THRESHOLDS.title}; {labels.in_words(warning)}"
    return shown(views.THRESHOLDS, results.thresholds.frame, title=title)


def null_counts(loci: LociResults, genes: GeneResults, null: NullStudy | None) -> ShownTable | None:
    """Each count of the study next to that of its null study."""
    if null is None:
        return None
    of_study, of_null = _counts(loci, genes), _counts(null.loci, null.genes)
    rows = [{"what": what, "study": count, "null": of_null[what]} for what, count in of_study.items()]
    return shown(views.NULL_COUNTS, pl.DataFrame(rows))


def _counts(loci: LociResults, genes: GeneResults) -> dict[str, int]:
    return {
        "significant variants": significant_variants(loci.hits),
        "significant variant–trait pairs": len(loci.hits), "loci": len(loci.loci),
        "genes hit": genes.genes.frame["gene"].drop_nulls().n_unique(),
        "edges of the network": len(genes.edges),
        "clusters": genes.clusters.frame["cluster"].drop_nulls().n_unique(),
        "terms within the limits": genes.terms.frame.filter(pl.col("kept")).height,
    }  # fmt: skip


def errors(representations: Sequence[RepresentationResults]) -> ShownTable | None:
    """Each representation's reconstruction error next to those of PCA and the mean."""
    frames = [one.errors.with_columns(representation=pl.lit(one.name)) for one in representations if one.errors.height > 0]
    return shown(views.ERRORS, pl.concat(frames, how="vertical_relaxed")) if frames else None


def device_agreement(representations: Sequence[RepresentationResults]) -> ShownTable | None:
    """Measurements compared with the ECG device's own; None where no device left any."""
    frames = [one.agreement for one in representations if one.agreement.height > 0]
    return shown(views.DEVICE_AGREEMENT, pl.concat(frames)) if frames else None


def terms(table: Terms) -> ShownTable | None:
    """Terms within the study's limits; if there are none, the strongest of those tested."""
    frame = table.frame
    kept = frame.filter(pl.col("kept"))
    title = f"{views.TERMS.title} ({kept.height} of {frame.height} tested)"
    if kept.height == 0:
        title = f"No term is within the study's limits; the strongest of {frame.height} tested"
    rows = kept if kept.height > 0 else frame.head(20)
    rows = rows.with_columns(pl.col("genes").str.replace_all(";", ", "))
    return shown(views.TERMS, rows.sort("fdr", "category", "term", nulls_last=True), title=title)


def clusters(results: GeneResults) -> ShownTable | None:
    """One row per cluster with its colour and genes, one row of all genes without an edge."""
    frame = results.clusters.frame
    linked, alone = frame.filter(pl.col("degree") > 0), frame.filter(pl.col("degree") == 0).sort("gene")
    grouped = linked.sort("cluster", "gene").group_by("cluster", maintain_order=True)
    table = grouped.agg(
        pl.col("colour", "name", "named_by").first(), size=pl.len(), genes=pl.col("gene").str.join(", ")
    ).with_columns(pl.col("size").cast(pl.Int64))
    row = {"cluster": None, "colour": None, "name": "hit genes without an edge", "named_by": None, "size": alone.height}
    rest = pl.DataFrame([row | {"genes": ", ".join(alone["gene"])}], schema=table.schema)
    title = f"{views.CLUSTERS.title}: {table.height}; hit genes without an edge: {alone.height}"
    # A table that is cut on the page must not lose the genes without an edge.
    rows = [rest, table] if table.height >= MAX_ROWS else [table, rest]
    return shown(views.CLUSTERS, pl.concat(rows) if alone.height else table, title=title)


def excluded_features(trait_report: pl.DataFrame) -> ShownTable | None:
    """Features that are no traits, by reason."""
    if "status" not in trait_report.columns:
        return None
    excluded = trait_report.filter(pl.col("status") != "kept")
    return shown(views.EXCLUDED_FEATURES, _by_count(excluded.group_by("reason").agg(count=pl.len())))


def excluded_variants(counts: pl.DataFrame) -> ShownTable | None:
    """Variants that were not tested, by reason (columns reason, variants)."""
    return shown(views.EXCLUDED_VARIANTS, _by_count(counts.rename({"variants": "count"})))


def _by_count(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.sort("count", "reason", descending=[True, False])


def planted(results: LociResults, window_bp: int, sd_unit: str) -> ShownTable | None:
    """Each planted effect of a simulated cohort with the strongest locus within `window_bp` of it."""
    if results.planted is None:
        return None
    rows = [_planted_row(results, effect, window_bp, sd_unit) for effect in results.planted.iter_rows(named=True)]
    schema = {"locus": pl.Int64, "trait": pl.String, "neglog10p": pl.Float64, "distance_bp": pl.Int64, "per_allele": pl.String}
    return shown(views.PLANTED, pl.DataFrame(rows, schema_overrides=schema))


def _planted_row(results: LociResults, effect: Mapping[str, Any], window_bp: int, sd_unit: str) -> dict[str, Any]:
    row = {name: effect.get(name) for name in ("variant", "chrom", "pos", "parameter")}
    row |= {"effect": f"{effect.get('effect')} {effect.get('unit') or ''}".strip()}
    near = loci_near(results.loci, str(effect["chrom"]), int(effect["pos"]), window_bp).head(1)
    if near.height == 0:
        return row | {"locus": None, "trait": "not found", "neglog10p": None, "per_allele": None, "distance_bp": None}
    locus = _with_effect(results, near, sd_unit).row(0, named=True)
    distance = abs(int(locus["pos"]) - int(effect["pos"]))
    return row | {
        "locus": locus["locus"], "trait": locus["best_trait"], "neglog10p": locus["neglog10p"], "distance_bp": distance,
        "per_allele": locus["per_allele"],
    }  # fmt: skip


def further(
    tables: Mapping[ResultFile, pl.DataFrame],
    eids: set[str],
    stage: str,
    locus: int | None = None,
    *,
    except_for: Collection[ResultFile] = (),
    unit: str = "",
) -> list[ShownTable]:
    """Tables of a stage that have no view of their own: those of one locus, or those that are not by locus.

    eids: replaced by an ellipsis;  except_for: tables that are shown elsewhere;  unit: of effects
    """
    further_tables = []
    for file, frame in tables.items():
        by_locus = "locus" in frame.columns
        if file.stage != stage or file in except_for or frame.height == 0 or by_locus != (locus is not None):
            continue
        rows = frame if locus is None else frame.filter(pl.col("locus") == locus).drop("locus")
        view = views.plain(f"{stage}-{_stem(file)}", views.CAPTIONS.get(file, words_of(file)), rows.schema)
        text = pl.selectors.string().map_elements(lambda words: without_eids(words, eids), return_dtype=pl.String)
        suffix = "" if locus is None else f"-{locus}"
        table = shown(view, rows.head(MAX_PLAIN_ROWS).with_columns(text), suffix=suffix, effect_unit=unit)
        further_tables.append(table and replace(table, more=max(rows.height - MAX_PLAIN_ROWS, 0)))
    return existing(*further_tables)


def outcomes(tables: Mapping[ResultFile, pl.DataFrame]) -> ShownTable | None:
    """Every outcome; None where the study has none."""
    frame = tables.get(files.OUTCOMES)
    return None if frame is None else shown(views.OUTCOMES, frame)


def outcome_tests(tables: Mapping[ResultFile, pl.DataFrame]) -> ShownTable | None:
    """The strongest associations with outcomes, with slopes apart from ratios."""
    frame = tables.get(files.OUTCOME_TESTS)
    if frame is None or frame.height == 0:
        return None
    slope = pl.when(pl.col("measure") == "slope").then(pl.col("beta"))
    return shown(views.OUTCOME_TESTS, frame.with_columns(slope=slope, p=pl.col("neglog10p")))


def prediction_targets(tables: Mapping[ResultFile, pl.DataFrame]) -> ShownTable | None:
    """Every target of stage `predict`; None where the study has none."""
    frame = tables.get(files.PREDICTION_TARGETS)
    return None if frame is None else shown(views.PREDICTION_TARGETS, frame)


def prediction_models(tables: Mapping[ResultFile, pl.DataFrame]) -> ShownTable | None:
    """Every model of each target that was predicted."""
    frame = tables.get(files.PREDICTION_MODELS)
    return None if frame is None or frame.height == 0 else shown(views.PREDICTION_MODELS, frame)


def score_files(tables: Mapping[ResultFile, pl.DataFrame]) -> ShownTable | None:
    """Every scoring file; None where the study has none."""
    frame = tables.get(files.SCORE_FILES)
    return None if frame is None else shown(views.SCORE_FILES, frame)


PLACED_SCORES = (files.SCORE_FILES, files.SCORE_TRAITS, files.OWN_SCORE_TESTS)
"""Tables of scores that the page shows in a place of their own."""


def own_scores(tables: Mapping[ResultFile, pl.DataFrame]) -> ShownTable | None:
    """Own scores, the best first; None where the study has none."""
    frame = tables.get(files.OWN_SCORE_TESTS)
    if frame is None or frame.height == 0:
        return None
    return shown(views.OWN_SCORES, frame.sort("r2", descending=True, nulls_last=True, maintain_order=True))


def score_traits(tables: Mapping[ResultFile, pl.DataFrame]) -> ShownTable | None:
    """Every score with every trait, strongest first."""
    frame = tables.get(files.SCORE_TRAITS)
    if frame is None or frame.height == 0:
        return None
    return shown(views.SCORE_TRAITS, frame.with_columns(p=pl.col("neglog10p")))


def words_of(file: ResultFile) -> str:
    """The file's name in words."""
    return _stem(file).replace("_", " ")


def _stem(file: ResultFile) -> str:
    return PurePath(file.name).stem


def strega(items: pl.DataFrame) -> ShownTable | None:
    """The checklist."""
    return shown(views.STREGA, items)


def power(results: LociResults) -> ShownTable | None:
    """What could have been found."""
    return shown(views.POWER, results.power)

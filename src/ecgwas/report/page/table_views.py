"""Tables as the page shows them: words, alignment, and what each cell is sorted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from ecgwas.report.contents import ReportContents
from ecgwas.report.figures.all_figures import in_address, locus_pages
from ecgwas.report.figures.associations import nearest_genes
from ecgwas.report.figures.hits import loci_of_traits
from ecgwas.report.sample_flow import lead_list, without_names
from ecgwas.report.text import strega as checklist
from ecgwas.tables import VARIANT_KEY

MOST_ROWS = 500
"""Longer tables are cut on the page; the files hold every row."""

MOST_PLAIN = 100
"""The same for tables that have no view of their own."""


CAPTIONS = {
    "share/matching": "ECG matched to genome, and genome to ECG, by loci found in other people, beside chance",
    "share/membership": "Members told from other people by what is passed on, beside chance",
    "read/leads": "Kept recordings by the quality of each lead",
    "traits/guards": "Guards over people and traits", "loci/guards": "Guards over variants, scan and hits",
    "inflation": "Inflation by allele frequency",
    "heritability": "Heritability by all common variants together (Haseman-Elston, GREML)",
    "known": "Positive controls: known variants tested here", "multitrait": "Significant tests of several traits at once",
    "gene_counts": "Genes by variants, loci, leads and traits with a hit", "gene_leads": "Genes and the leads that hit them",
    "network_tests": "The network against random ones of the same degrees", "cluster_terms": "Enriched terms of each cluster",
    "cluster_view": "Clusters beside terms: strength of each kept term",
    "term_choice": "Terms chosen for the paper: cardiovascular ones, and the strongest others",
    "published": "Published associations at the hit variants", "unplaced": "What a source could not place",
}  # fmt: skip
"""Captions of tables whose file name says too little."""

HEADINGS = {
    "neglog10p": "−log10 p", "fdr": "FDR", "r2": "r²", "lambda_gc": "λ", "chrom": "chr", "pos": "position", "eaf": "frequency",
    "se": "standard error", "n": "people",
}  # fmt: skip
"""Headings of columns whose name is for programs."""


@dataclass(frozen=True)
class Cell:
    """What is shown, what it is sorted by, where it leads, and the colour (#rrggbb) that stands for it in pictures."""

    words: str
    key: str
    link: str | None = None
    colour: str | None = None


@dataclass(frozen=True)
class View:
    """A table: caption, headings (words, is it a number), rows of cells; `more` rows are only in the file."""

    name: str
    caption: str
    headings: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int = 0


Spelling = Mapping[str, tuple[str, str]]
"""Column -> (heading, format); the format is Python's, empty for text."""

BETA_UNITS = {"rank_normal": "SD per allele", "none": "feature's unit per allele"}
"""traits.transform -> unit of an effect: of ranked residuals standard deviations, of features as they are their own."""


def unit_of_beta(contents: ReportContents) -> str:
    """What effects are measured in, by the transformation that the traits had."""
    return BETA_UNITS[contents.settings["traits"]["transform"]]


def with_units(contents: ReportContents, spelling: Spelling) -> Spelling:
    """The headings of effects and their errors with their unit."""
    unit = unit_of_beta(contents)
    told = ("beta", "beta_corrected", "beta_corrected_low", "beta_corrected_high", "se")
    return {name: (f"{heading} ({unit})" if name in told else heading, form) for name, (heading, form) in spelling.items()}


def view(name: str, caption: str, frame: pl.DataFrame, spelling: Spelling) -> View:
    """The columns of `spelling` that the frame has, in that order."""
    columns = [column for column in spelling if column in frame.columns]
    headings = tuple((spelling[column][0], bool(spelling[column][1])) for column in columns)
    shown = frame.select(columns).head(MOST_ROWS)
    rows = tuple(
        tuple(cell(value, spelling[column][1]) for column, value in zip(columns, row, strict=True))
        for row in shown.iter_rows()
    )  # fmt: skip
    return View(name, caption, headings, rows, frame.height - shown.height)


def cell(value: Any, form: str) -> Cell:
    """A value in words; missing is a dash and sorts last."""
    if value is None or value != value:
        return Cell("–", "")
    if isinstance(value, bool):
        return Cell("yes" if value else "no", str(int(value)))
    if not form:
        return Cell(str(value), str(value))
    return Cell(format(value, form).replace("-", "−"), repr(float(value)))


def loci(contents: ReportContents) -> View:
    """Loci, each leading to its ECG by genotype where that is drawn."""
    names = nearest_genes(contents)
    genes = pl.col("locus").replace_strict(names, default=None, return_dtype=pl.String)
    frame = contents.loci.frame.with_columns(gene=genes)
    frame = frame.drop([name for name in ("known", "set") if name in frame.columns and frame[name].is_null().all()])
    if "set" not in frame.columns:
        frame = frame.drop("test", strict=False)
    spelling = {
        "locus": ("locus", "d"), "gene": ("nearest gene", ""), "lead_variant": ("lead variant", ""), "chrom": ("chr", ""),
        "pos": ("position", ",d"), "neglog10p": ("−log10 p", ".2f"), "best_trait": ("strongest trait", ""),
        "traits": ("traits", ",d"), "variants": ("variants", ",d"), "effect_allele": ("effect allele", ""),
        "eaf": ("frequency", ".3f"), "clumps": ("clumps", ",d"), "signals": ("signals", ",d"),
        "neglog10p_conditional": ("−log10 p beside the other loci", ".2f"),
        "test": ("test", ""), "set": ("set of traits", ""), "known": ("known", ""),
    }  # fmt: skip
    table = view("loci", "Loci: significant variants that belong together", frame, spelling)
    drawn = set(locus_pages(contents))
    rows = tuple(
        (Cell(row[0].words, row[0].key, f"#locus-{row[0].words}" if int(row[0].words) in drawn else None), *row[1:])
        for row in table.rows
    )
    return View(table.name, table.caption, table.headings, rows, table.more)


def traits(contents: ReportContents) -> View:
    """Every trait, those with the strongest tests first, each leading to its page."""
    best = contents.qq.group_by("trait").agg(best=pl.col("observed").max())
    touched = loci_of_traits(contents)
    frame = contents.summary.frame.join(best, on="trait", how="left")
    frame = frame.with_columns(loci=pl.Series([len(touched.get(trait, [])) for trait in frame["trait"]], dtype=pl.Int64))
    spelling = {
        "trait": ("trait", ""), "best": ("strongest −log10 p", ".2f"), "lambda_gc": ("λ", ".3f"), "loci": ("loci", ",d"),
        "significant": ("significant variants", ",d"), "n": ("people", ",d"), "tests": ("tests", ",d"),
        "not_computed": ("not computed", ",d"),
    }  # fmt: skip
    ordered = frame.sort("best", "trait", descending=[True, False], nulls_last=True)
    table = view("traits", "All traits, strongest test first", ordered, spelling)
    rows = tuple((Cell(row[0].words, row[0].key, f"#trait-{in_address(row[0].words)}"), *row[1:]) for row in table.rows)
    return View(table.name, table.caption, table.headings, rows, table.more)


def traits_of(contents: ReportContents, locus: Mapping[str, Any]) -> View:
    """Every trait with a hit in the locus, at its strongest variant there."""
    inside = (pl.col("chrom") == locus["chrom"]) & pl.col("pos").is_between(locus["start"], locus["stop"])
    rows = contents.hits.frame.filter(inside).sort(
        "neglog10p", "trait", *VARIANT_KEY, descending=[True, *(False for _ in range(5))]
    )
    variants = rows.group_by("trait").agg(variants=pl.len())
    best = rows.unique("trait", keep="first", maintain_order=True).join(variants, on="trait", maintain_order="left")
    spelling = {
        "trait": ("trait", ""), "neglog10p": ("−log10 p", ".2f"), "variant": ("strongest variant", ""),
        "effect_allele": ("effect allele", ""), "beta": ("beta", ".3f"), "se": ("standard error", ".3f"), "n": ("people", ",d"),
        "variants": ("variants with a hit", ",d"),
    }  # fmt: skip
    table = view(f"traits-of-{locus['locus']}", "Traits that the locus touches", best, with_units(contents, spelling))
    linked = tuple((Cell(row[0].words, row[0].key, f"#trait-{in_address(row[0].words)}"), *row[1:]) for row in table.rows)
    return View(table.name, table.caption, table.headings, linked, table.more)


def more_of(contents: ReportContents, place: str, locus: int | None = None, *, beside: Sequence[str] = ()) -> list[View]:
    """Tables of a folder that have no view of their own: those of one locus, or those that belong to none.

    beside: tables that are shown elsewhere.
    """
    blotted = lead_list(contents)
    found = []
    for name, frame in contents.more.items():
        folder, stem = name.split("/")
        of_loci = "locus" in frame.columns
        if folder != place or name in beside or frame.height == 0 or of_loci != (locus is not None):
            continue
        shown = frame.filter(pl.col("locus") == locus).drop("locus") if locus is not None else frame
        if shown.height > 0:
            ending = "" if locus is None else f"-{locus}"
            caption = CAPTIONS.get(name) or CAPTIONS.get(stem) or stem.replace("_", " ")
            table = plain(f"{folder}-{stem}{ending}", caption, shown.head(MOST_PLAIN), blotted)
            found.append(replace(table, more=max(shown.height - MOST_PLAIN, 0)))
    return found


def plain(name: str, caption: str, frame: pl.DataFrame, blotted: set[str]) -> View:
    """A table as it is: headings from its columns, numbers by their kind, names of people blotted out."""
    words = pl.selectors.string().map_elements(lambda text: without_names(text, blotted), return_dtype=pl.String)
    forms = {True: ".4g", False: ""}
    spelling = {
        column: (HEADINGS.get(column, column.replace("_", " ")), ",d" if kind.is_integer() else forms[kind.is_float()])
        for column, kind in frame.schema.items()
    }
    return view(name, caption, frame.with_columns(words), spelling)


def strega(contents: ReportContents) -> View:
    """The STREGA checklist."""
    return view("strega", checklist.CAPTION, checklist.items(contents), checklist.SPELLING)


def beside_chance(contents: ReportContents) -> View | None:
    """Each count of the study beside that of its null twin."""
    if contents.null_study is None:
        return None
    here, there = (_counts(one) for one in (contents, contents.null_study))
    rows = [{"what": what, "here": number, "there": there[what]} for what, number in here.items()]
    spelling = {"what": ("count", ""), "here": ("this study", ",d"), "there": ("on shuffled people", ",d")}
    return view("beside", "Counts beside those of the null twin: the same chain and threshold", pl.DataFrame(rows), spelling)


def significant_variants(contents: ReportContents) -> int:
    """How many different variants are significant, each counted once however many traits it is significant for."""
    return contents.hits.frame.select(VARIANT_KEY).n_unique()


def _counts(contents: ReportContents) -> dict[str, int]:
    return {
        "significant variants": significant_variants(contents),
        "significant variant–trait pairs": len(contents.hits), "loci": len(contents.loci),
        "genes hit": contents.genes.frame["gene"].drop_nulls().n_unique(),
        "edges of the network": len(contents.edges),
        "clusters": contents.clusters.frame["cluster"].drop_nulls().n_unique(),
        "terms within the limits": contents.terms.frame.filter(pl.col("kept")).height,
    }  # fmt: skip


def thresholds(contents: ReportContents) -> View:
    """All thresholds side by side."""
    spelling = {
        "kind": ("threshold", ""), "neglog10p": ("−log10 p", ".2f"), "low": ("from", ".2f"), "high": ("to", ".2f"),
        "significant": ("significant rows", ",d"), "loci": ("loci", ",d"), "used": ("used", ""), "note": ("how", ""),
    }  # fmt: skip
    beside = "" if contents.threshold_caveat is None else f"; {contents.threshold_caveat}"
    caption = f"Thresholds side by side, and what lies beyond each{beside}"
    return view("thresholds", caption, contents.thresholds.frame, spelling)


def power(contents: ReportContents) -> View:
    """What could have been found."""
    spelling = {
        "kind": ("threshold", ""), "share_at_power_50": ("50 % power", ".2%"),
        "share_at_power_80": ("80 % power", ".2%"), "share_at_power_95": ("95 % power", ".2%"),
    }  # fmt: skip
    caption = "Smallest share of a trait's variance that a variant must explain to be found with this power"
    return view("power", caption, contents.power, spelling)


def errors(contents: ReportContents) -> View | None:
    """Each representation's error beside PCA's and the mean's."""
    frames = [r.errors.with_columns(representation=pl.lit(r.name)) for r in contents.representations if r.errors.height > 0]
    if not frames:
        return None
    spelling = {
        "representation": ("representation", ""), "method": ("method", ""), "mse": ("mean squared error", ".4g"),
        "pearson_r": ("correlation", ".4f"), "mae_uv": ("mean absolute error (µV)", ".1f"),
        "loss": ("loss with penalty", ".4g"),
    }  # fmt: skip
    caption = "Reconstruction of people kept aside: each representation beside 32 principal components and the mean"
    table = pl.concat(frames, how="vertical_relaxed")
    if "loss" in table.columns and table["loss"].is_null().all():
        table = table.drop("loss")
    return view("errors", caption, table, spelling)


def agreement(contents: ReportContents) -> View | None:
    """Measurements beside the recorder's own; None where no recorder left any."""
    frames = [r.agreement for r in contents.representations if r.agreement.height > 0]
    if not frames:
        return None
    spelling = {
        "measurement": ("measurement", ""), "n": ("people", ",d"), "mean_difference": ("mean difference", ".1f"),
        "sd": ("SD", ".1f"), "low": ("lower limit", ".1f"), "high": ("upper limit", ".1f"),
        "median_difference": ("median difference", ".1f"), "r": ("correlation", ".3f"),
    }  # fmt: skip
    return view(
        "agreement", "Measured here less measured by the recorder, with limits of agreement", pl.concat(frames), spelling
    )


def terms(contents: ReportContents) -> View | None:
    """Terms within the study's limits; if there are none, the strongest of those tested."""
    frame = contents.terms.frame
    if frame.height == 0:
        return None
    kept = frame.filter(pl.col("kept"))
    shown = kept if kept.height > 0 else frame.head(20)
    spelling = {
        "category": ("category", ""), "term": ("term", ""), "description": ("description", ""),
        "observed": ("observed", ",d"), "expected": ("expected", ".2f"), "strength": ("strength", ".2f"),
        "fdr": ("FDR", ".2g"), "group": ("group", ""), "reason": ("because of", ""), "genes": ("genes", ""),
    }  # fmt: skip
    caption = f"Enriched terms ({kept.height} of {frame.height} tested)"
    if kept.height == 0:
        caption = f"No term is within the study's limits; the strongest of {frame.height} tested"
    shown = shown.with_columns(pl.col("genes").str.replace_all(";", ", "))
    return view("enrichment", caption, shown.sort("fdr", "category", "term", nulls_last=True), spelling)


def clusters(contents: ReportContents) -> View | None:
    """One row per cluster with its colour and genes, one row of all genes without an edge."""
    frame = contents.clusters.frame
    if frame.height == 0:
        return None
    linked, alone = frame.filter(pl.col("degree") > 0), frame.filter(pl.col("degree") == 0).sort("gene")
    grouped = linked.sort("cluster", "gene").group_by("cluster", maintain_order=True)
    table = grouped.agg(
        pl.col("colour", "name", "named_by").first(), size=pl.len(), genes=pl.col("gene").str.join(", ")
    ).with_columns(pl.col("size").cast(pl.Int64))
    row = {"cluster": None, "colour": None, "name": "hit genes without an edge", "named_by": None, "size": alone.height}
    rest = pl.DataFrame([row | {"genes": ", ".join(alone["gene"])}], schema=table.schema)
    spelling = {
        "colour": ("colour", ""), "cluster": ("cluster", "d"), "size": ("genes", "d"), "name": ("description", ""),
        "named_by": ("named by", ""), "genes": ("which", ""),
    }  # fmt: skip
    caption = f"MCL clusters of the network: {table.height}; hit genes without an edge: {alone.height}"
    # A table that is cut on the page must not lose the genes without an edge.
    rows = [rest, table] if table.height >= MOST_ROWS else [table, rest]
    shown = view("clusters", caption, pl.concat(rows) if alone.height else table, spelling)
    return replace(shown, rows=tuple((replace(row[0], colour=row[0].key or None), *row[1:]) for row in shown.rows))


def traits_left_out(contents: ReportContents) -> View | None:
    """Features that made no trait, by reason."""
    frame = contents.traits_report
    if "status" not in frame.columns:
        return None
    dropped = frame.filter(pl.col("status") != "kept")
    return _by_reason(dropped.group_by("reason").len(), "traits_left_out", "Features that are no traits", "features")


def variants_left_out(contents: ReportContents) -> View | None:
    """Variants that were not tested, by reason."""
    frame = contents.left_out.rename({"variants": "len"})
    return _by_reason(frame, "variants_left_out", "Variants not tested", "variants")


def _by_reason(counted: pl.DataFrame, name: str, caption: str, what: str) -> View | None:
    if counted.height == 0:
        return None
    ordered = counted.sort("len", "reason", descending=[True, False])
    return view(name, caption, ordered, {"reason": ("reason", ""), "len": (what, ",d")})


def planted(contents: ReportContents, window_bp: int) -> View | None:
    """Each planted effect of a simulated cohort beside the locus that lies within `window_bp` of it."""
    if contents.planted is None:
        return None
    rows = [_met(contents, effect, window_bp) for effect in contents.planted.iter_rows(named=True)]
    spelling = {
        "variant": ("planted variant", ""), "chrom": ("chr", ""), "pos": ("position", ",d"), "parameter": ("parameter", ""),
        "effect": ("effect", ""), "locus": ("found as locus", "d"), "trait": ("by trait", ""),
        "neglog10p": ("−log10 p", ".2f"), "distance_bp": ("distance (bp)", ",d"),
    }  # fmt: skip
    schema = {"locus": pl.Int64, "trait": pl.String, "neglog10p": pl.Float64, "distance_bp": pl.Int64}
    return view("planted", "Planted effects and what was found of them", pl.DataFrame(rows, schema_overrides=schema), spelling)


def _met(contents: ReportContents, effect: Mapping[str, Any], window_bp: int) -> dict[str, Any]:
    row = {name: effect.get(name) for name in ("variant", "chrom", "pos", "parameter")}
    row |= {"effect": f"{effect.get('effect')} {effect.get('unit') or ''}".strip()}
    near = found_near(contents, str(effect["chrom"]), int(effect["pos"]), window_bp)
    if near is None:
        return row | {"locus": None, "trait": "not found", "neglog10p": None, "distance_bp": None}
    distance = abs(int(near["pos"]) - int(effect["pos"]))
    return row | {
        "locus": near["locus"], "trait": near["best_trait"], "neglog10p": near["neglog10p"], "distance_bp": distance,
    }  # fmt: skip


def found_near(contents: ReportContents, chrom: str, pos: int, window_bp: int) -> Mapping[str, Any] | None:
    """The strongest locus that reaches to within `window_bp` of a place."""
    reach = (pl.col("chrom") == chrom) & (pl.col("start") - window_bp <= pos) & (pl.col("stop") + window_bp >= pos)
    near = contents.loci.frame.filter(reach).sort("neglog10p", descending=True)
    return near.row(0, named=True) if near.height > 0 else None


def unplanted(contents: ReportContents, window_bp: int) -> Sequence[int]:
    """Loci without a planted effect near them."""
    if contents.planted is None:
        return ()
    met = {
        near["locus"]
        for chrom, pos in contents.planted.select("chrom", "pos").iter_rows()
        for near in _all_near(contents, str(chrom), int(pos), window_bp)
    }
    return [locus for locus in contents.loci.frame["locus"] if locus not in met]


def _all_near(contents: ReportContents, chrom: str, pos: int, window_bp: int) -> Sequence[Mapping[str, Any]]:
    reach = (pl.col("chrom") == chrom) & (pl.col("start") - window_bp <= pos) & (pl.col("stop") + window_bp >= pos)
    return contents.loci.frame.filter(reach).to_dicts()

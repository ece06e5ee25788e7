"""Contents of the report beyond the tables: regional associations with genes, decoded effects, feature traversals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ecgwas import genes as gene_sources
from ecgwas import report, represent
from ecgwas.genes import recombination_map
from ecgwas.genes.sources.gene_positions import ChromosomeGenes, GeneModel, Window
from ecgwas.genotypes import chromosomes
from ecgwas.leads import LEADS
from ecgwas.loci.individual_data import KEY_AND_NAME, lead_variant_of
from ecgwas.stages import traits
from ecgwas.stages.represent import Fitted
from ecgwas.study import RepresentationOptions, Study
from ecgwas.tables import CHI2_EDGES, Features, Loci, ScanResult, files

MOVED = 2.0
"""Standard deviations by which a feature is shifted."""

STRIP_MS = 2500.0
"""Length of a decoded recording that is drawn, as in one column of a printed ECG."""

BIN_WIDTH = 0.1
"""Width of the bins of -log10 p below the smallest that the scan kept."""


def strongest(loci: Loci, count: int) -> pl.DataFrame:
    """The strongest loci, at most `count`."""
    return loci.frame.sort("neglog10p", "locus", descending=[True, False]).head(count)


def neighbourhoods(study: Study, loci: Loci) -> tuple[report.LocusRegion, ...]:
    """Regional associations of the strongest loci, as tested by stage `loci`, with genes and recombination rates."""
    chosen = strongest(loci, study.report.max_loci)
    if chosen.height == 0:
        return ()
    tests = files.NEIGHBOURHOODS.read(study.results).frame
    of_signals = files.SIGNAL_NEIGHBOURHOODS.read(study.results).frame
    key = pl.struct(KEY_AND_NAME).alias("lead")
    leads = files.CONDITIONAL.read(study.results).frame.select("locus", key, signal="step")
    of_signals = of_signals.join(leads, on=["locus", "signal"], how="left", maintain_order="left")
    regions = [
        _region(locus, *(table.filter(pl.col("locus") == locus["locus"]) for table in (tests, of_signals)))
        for locus in chosen.iter_rows(named=True)
    ]
    windows = [(region.chrom, region.start, region.stop) for region in regions]
    genes, rates = genes_in(study, windows), recombination_in(study, windows)
    return tuple(replace(region, genes=genes[i], recombination=rates[i]) for i, region in enumerate(regions))


def _region(locus: Mapping[str, Any], tests: pl.DataFrame, of_signals: pl.DataFrame) -> report.LocusRegion:
    """Without genes and recombination rates."""
    start, stop = (tests[name][0] if tests.height else locus[name] for name in ("start", "stop"))
    lead, by_trait = lead_variant_of(locus), {}
    for (trait,), rows in tests.group_by("trait", maintain_order=True):
        by_trait[str(trait)] = region_tests(rows)
    best = by_trait.pop(locus["best_trait"], region_tests(tests.clear()))
    layers = [report.RegionLayer(trait, None, lead, rows) for trait, rows in by_trait.items()]
    layers += [_signal_layer(locus, rows, best) for _, rows in of_signals.group_by("signal", maintain_order=True)]
    return report.LocusRegion(
        locus["locus"], locus["best_trait"], locus["chrom"], start, stop, lead, best, genes_frame([]), tuple(layers)
    )


def region_tests(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of Neighbourhoods with the columns of LocusRegion.tests."""
    columns = ("variant", "pos", "effect_allele", "other_allele", "eaf", "n", "beta", "se", "neglog10p")
    return rows.select(*columns, r2="r2_with_lead")


def _signal_layer(locus: Mapping[str, Any], rows: pl.DataFrame, best: pl.DataFrame) -> report.RegionLayer:
    """rows: of SignalNeighbourhoods, one signal, with column lead; best: tests of the same trait, with frequencies."""
    key = ("variant", "pos", "effect_allele", "other_allele")
    counts = best.select(*key, "eaf", "n").unique(key)
    joined = rows.join(counts, on=key, how="left", maintain_order="left", nulls_equal=True)
    tests = region_tests(joined.rename({"r2_with_signal": "r2_with_lead"}))
    return report.RegionLayer(locus["best_trait"], rows["signal"][0], rows["lead"][0], tests)


def genes_in(study: Study, windows: Sequence[Window]) -> list[pl.DataFrame]:
    """Columns GENES_OF_REGION of the genes that touch each window, from the study's table of genes; no rows without one."""
    return [genes_frame(models) for models in gene_sources.gene_models(study.genes, windows)]


def genes_frame(models: Sequence[GeneModel]) -> pl.DataFrame:
    """Columns GENES_OF_REGION."""
    rows = [(gene.symbol, gene.start, gene.stop, gene.strand, [start for start, _ in gene.exons],
             [stop for _, stop in gene.exons]) for gene in models]  # fmt: skip
    return pl.DataFrame(rows, schema=report.GENES_OF_REGION, orient="row")


def recombination_in(study: Study, windows: Sequence[Window]) -> list[pl.DataFrame]:
    """Columns RATES in each window, from the study's genetic map; no rows without one, or on a chromosome that it lacks."""
    path = study.report.recombination_map
    none = pl.DataFrame(schema=report.RATES)
    if path is None:
        return [none for _ in windows]
    maps = recombination_map.read(path, {chrom for chrom, _, _ in windows})
    return [maps[chrom].between(start, stop) if chrom in maps else none for chrom, start, stop in windows]


def chromosome_genes(study: Study) -> Mapping[str, ChromosomeGenes]:
    """Chromosome -> its genes, from the study's table of genes; empty if it names none."""
    positions = gene_sources.gene_positions(study.genes, every_type=True)
    return {} if positions is None else positions.chromosomes


def genes_between(ranges: ChromosomeGenes | None, start: int, stop: int) -> pl.DataFrame:
    """Columns gene, start, stop of the genes that touch start..stop."""
    schema = {"gene": pl.String, "start": pl.Int64, "stop": pl.Int64}
    if ranges is None:
        return pl.DataFrame(schema=schema)
    inside = np.flatnonzero((ranges.stop >= start) & (ranges.start <= stop))
    rows = [(ranges.symbols[k], int(ranges.start[k]), int(ranges.stop[k])) for k in inside]
    return pl.DataFrame(rows, schema=schema, orient="row")


def background(study: Study, results: Sequence[ScanResult]) -> report.Background | None:
    """Counts of tests below keep_neglog10p by trait, chromosome and -log10 p, from the scan's histograms of t squared.

    All tests of a bin of t squared (width 0.01) count at its midpoint. None if the scan kept everything.
    """
    floor = study.scan.keep_neglog10p
    if floor <= 0 or not results:
        return None
    covariates = len(traits.load_covariates(study).names)
    edges = np.append(np.arange(0, floor - 1e-9, BIN_WIDTH), floor)
    midpoints = np.append((CHI2_EDGES[:-2] + CHI2_EDGES[1:-1]) / 2, np.inf)
    chroms = chromosomes.available(study.scan)
    counts = np.zeros((len(results[0].traits), len(chroms), len(edges) - 1), dtype=np.int64)
    for c, result in enumerate(results):
        trait_df = result.people - 2 - covariates
        for df in np.unique(trait_df):
            trait_index = np.flatnonzero(trait_df == df)
            neglog10p = -(stats.t.logsf(np.sqrt(midpoints), max(int(df), 1)) + np.log(2)) / np.log(10)
            bins = np.searchsorted(edges, neglog10p, side="right") - 1
            for h in range(len(edges) - 1):
                counts[trait_index, c, h] = result.chi2_counts[np.ix_(trait_index, bins == h)].sum(axis=1)
    return report.Background(tuple(chroms), edges, counts)


def feature_traversals(fitted: Fitted, times_ms: NDArray[np.float64]) -> dict[str, report.Traversal]:
    """For each feature, beats decoded with the feature MOVED SD below and above its mean and the others at their means.

    times_ms: of the beats or, if the input is strips, of whole recordings, of which the first STRIP_MS are returned. Leads
    without features, or with features of only one signal, are omitted. Empty for representations without a decoder and for
    kinds without traversals.
    """
    options, encoder, features = fitted.options, fitted.encoder, fitted.features
    if not options.has_traversals:
        return {}
    profile = _profile(features)
    middle = encoder.decode(Features(profile.mean))
    if middle is None or middle.shape[2] != len(times_ms):
        return {}
    of_strips = options.uses_strips
    drawn = times_ms < STRIP_MS if of_strips else np.ones(len(times_ms), dtype=bool)
    traversals = {}
    for name in features.names:
        ends = [encoder.decode(_shifted(profile.mean, {name: sign * MOVED * profile.sd[name]})) for sign in (-1, 1)]
        curves = np.stack([middle[0] if curve is None else curve[0] for curve in (ends[0], middle, ends[1])])
        decoded = np.isfinite(curves).all(axis=(0, 2))
        if decoded.any():
            leads = tuple(lead for lead, is_decoded in zip(LEADS, decoded, strict=True) if is_decoded)
            shown = curves[:, decoded][:, :, drawn]
            traversals[name] = report.Traversal(name, MOVED, times_ms[drawn], shown, leads, of_strips)
    return traversals


def source_of_table(options: RepresentationOptions, features: Features) -> str:
    """Where the features of a table come from, in a sentence."""
    (file,) = options.input_files
    count = f"{len(features.names)} feature{'s' if len(features.names) > 1 else ''}"
    return f"{count} made elsewhere, from the table {file.name}: tested as they are, nothing is fitted or decoded."


def device_agreement_fields(study: Study, representation: str) -> dict[str, Any]:
    """A representation's agreement with the ECG device's measurements, as fields of RepresentationResults."""
    if not files.DEVICE_AGREEMENT.exists(study.results, representation=representation):
        return {}
    pairs = files.DEVICE_PAIRS.read(study.results, representation=representation).frame.drop("eid")
    agreement = files.DEVICE_AGREEMENT.read(study.results, representation=representation).frame
    return {"agreement": agreement, "device_pairs": pairs}


@dataclass(frozen=True)
class _Profile:
    """mean: mean features, one row per lead, as of one participant; sd: feature -> (leads,) standard deviations."""

    mean: pl.DataFrame
    sd: Mapping[str, NDArray[np.float64]]


def _profile(features: Features) -> _Profile:
    grouped = features.frame.group_by("lead", maintain_order=True)
    means = grouped.agg(pl.col(features.names).cast(pl.Float64).mean())
    spread = grouped.agg(pl.col(features.names).cast(pl.Float64).std())
    mean = means.select(pl.lit("mean").alias("eid"), "lead", *features.names)
    return _Profile(mean, {name: spread[name].to_numpy() for name in features.names})


def _shifted(mean: pl.DataFrame, shifts: Mapping[str, NDArray[np.float64]]) -> Features:
    return Features(mean.with_columns([(pl.col(name) + pl.Series(values)).alias(name) for name, values in shifts.items()]))


def _beat(encoder: represent.Encoder, features: Features) -> NDArray[np.float32] | None:
    decoded = encoder.decode(features)
    return None if decoded is None or not np.isfinite(decoded).all() else decoded[0]


@dataclass(frozen=True)
class BeatDecoder:
    """Decodes median beats from features: mean (one row per lead) and mean_beat_uv (12, T), the beat decoded from it."""

    fitted: Fitted
    mean: pl.DataFrame
    mean_beat_uv: NDArray[np.float32]


def beat_decoders(representations: Sequence[Fitted], points: int) -> tuple[BeatDecoder, ...]:
    """One for each representation that decodes median beats of this many time points from its features."""
    of_beats = [fitted for fitted in representations if fitted.options.uses_beats]
    means = [(fitted, _profile(fitted.features).mean) for fitted in of_beats]
    decoded = [(fitted, mean, _beat(fitted.encoder, Features(mean))) for fitted, mean in means]
    return tuple(
        BeatDecoder(fitted, mean, beat) for fitted, mean, beat in decoded if beat is not None and beat.shape[1] == points
    )


def decoded_effects(
    decoders: Sequence[BeatDecoder], variant: report.LeadVariant, eids: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """Representation -> (12, T) µV: decoded effect of one allele, g(mean features + effects) - g(mean features).

    The effects are unadjusted slopes of each feature on the dosage, like those of the beat itself.
    """
    dosage = pl.DataFrame({"eid": list(eids), "dosage": variant.dosage}).filter(pl.col("dosage").is_finite())
    effects = {}
    for decoder in decoders:
        table = decoder.fitted.features
        joined = table.frame.join(dosage, on="eid", maintain_order="left").drop_nulls(table.names)
        slopes = joined.group_by("lead", maintain_order=True).agg(
            (pl.cov(name, "dosage") / pl.col("dosage").var()).alias(name) for name in table.names
        )
        shifts = {name: slopes[name].to_numpy() for name in table.names}
        moved = _beat(decoder.fitted.encoder, _shifted(decoder.mean, shifts))
        if moved is not None:
            effects[decoder.fitted.options.name] = moved - decoder.mean_beat_uv
    return effects

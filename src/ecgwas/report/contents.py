"""What a study found, in memory: all that the page shows, and nothing that it does not. What the scan kept stays on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.leads import LEADS
from ecgwas.report.scan_rows import ScanRows
from ecgwas.tables import Associations, Clusters, Edges, Genes, Loci, People, Recordings, Summary, Terms, Thresholds
from ecgwas.tables.loci import threshold_caveat
from ecgwas.tables.recordings import DeviceAgreement, DevicePairs


@dataclass(frozen=True)
class Example:
    """One recording, of nobody named: (12, S) float32 µV raw and clean, (12, T) float32 µV its median beat.

    baseline_removed_uv (12, S) float32 µV, baseline removed, not yet denoised; None where cleaning lacks either step
    """

    raw_uv: NDArray[np.float32]
    clean_uv: NDArray[np.float32]
    beat_uv: NDArray[np.float32]
    beat_times_ms: NDArray[np.float64]
    rate_hz: float
    leads: tuple[str, ...] = LEADS
    baseline_removed_uv: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ReconstructedSignal:
    """One lead of a whole recording, of nobody named, and what the network makes of it.

    mse: normalised units; kept: it has features, as its error is within max_mse; clean_uv, reconstructed_uv (S,) float32 µV
    """

    lead: str
    mse: float
    kept: bool
    clean_uv: NDArray[np.float32]
    reconstructed_uv: NDArray[np.float32]


@dataclass(frozen=True)
class Traversal:
    """Beats, or the start of whole recordings, decoded with one feature moved and all others at their means.

    beats_uv (3, 12, T) float32 µV, at the mean minus `steps` SD, at the mean, at the mean plus `steps` SD. Where each lead has
    features of its own, each lead's is moved. of_strips: recordings, whose times count from their first sample.
    """

    feature: str
    steps: float
    times_ms: NDArray[np.float64]
    beats_uv: NDArray[np.float32]
    leads: tuple[str, ...] = LEADS
    of_strips: bool = False


@dataclass(frozen=True)
class RepresentationResults:
    """How well one representation describes the recordings.

    history         columns epoch, train_loss, validation_loss, learning_rate; no rows if nothing was trained
    errors          columns method, mse, pearson_r, mae_uv, loss, on held-out participants; no rows if it cannot decode
    reliability     Reliability's columns; no rows for whole strips without second visits
    mse             columns lead, mse: one row per recording and lead, nobody named; no rows if it cannot decode
    left_out, kept  signals (leads of recordings) beyond max_mse; signals with features
    reconstruction  (12, T or S) float32 µV, the example's median beat or whole recording as reconstructed; None if it cannot
    traversals      feature -> what it stands for in the beat or recording; none if it cannot decode
    meanings        feature -> what is measured, in words, with its unit; none for learned features
    agreement       DeviceAgreement's columns: measurements beside the recorder's own; no rows if it left none
    device_pairs    columns measurement, measured, device, difference: one row per person and measurement, nobody named
    max_mse         the study's limit of the reconstruction error; None: there is none
    example_mse     lead -> reconstruction error of the example, for whole recordings
    signals         several whole recordings' leads beside their reconstruction;  rate_hz: their samples per second
    architecture    the steps of the network as `ecgwas.represent.neural.architecture` gives them; none if there is no network
    """

    name: str
    kind: str
    history: pl.DataFrame
    errors: pl.DataFrame
    reliability: pl.DataFrame
    mse: pl.DataFrame
    left_out: int = 0
    reconstruction: NDArray[np.float32] | None = None
    traversals: Mapping[str, Traversal] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    agreement: pl.DataFrame = field(default_factory=lambda: DeviceAgreement.empty().frame)
    device_pairs: pl.DataFrame = field(default_factory=lambda: DevicePairs.empty().frame.drop("eid"))
    kept: int = 0
    max_mse: float | None = None
    example_mse: Mapping[str, float | None] = field(default_factory=dict)
    signals: tuple[ReconstructedSignal, ...] = ()
    rate_hz: float | None = None
    architecture: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class GenotypeBeats:
    """Median beats of the people with 0, 1 and 2 copies of a locus' effect allele.

    people   (3,) int64
    mean_uv  (3, 12, T) float64, NaN where nobody has the genotype;  half_width_uv  (3, 12, T), of the 95 % interval
    slope_uv (12, T) float64, least-squares effect of one copy, nothing adjusted for;  slope_half_width_uv  (12, T)
    neglog10p (12, T) float64, of the slope, normal approximation; NaN where it cannot be told
    decoded  representation -> (12, T) float32 µV, effect of one copy as its decoder draws it from the effects on its features
    pooled   0 or 2: the genotype of so few people that they are counted as having one copy; None: each by itself
    """

    locus: int
    variant: str
    effect_allele: str
    other_allele: str
    times_ms: NDArray[np.float64]
    people: NDArray[np.int64]
    mean_uv: NDArray[np.float64]
    half_width_uv: NDArray[np.float64]
    slope_uv: NDArray[np.float64]
    slope_half_width_uv: NDArray[np.float64]
    neglog10p: NDArray[np.float64]
    leads: tuple[str, ...] = LEADS
    decoded: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    pooled: int | None = None


@dataclass(frozen=True)
class LocusRegion:
    """A locus' neighbourhood: its strongest trait against every variant there.

    lead   variant, chrom, pos, effect_allele, other_allele of the lead variant
    tests  columns variant, pos, effect_allele, other_allele, neglog10p, r2 (squared correlation with the lead variant's
           dosage; null if not known)
    genes  columns gene, start, stop (1-based, both included) of the study's table of genes; no rows where it names none
    """

    locus: int
    trait: str
    chrom: str
    start: int
    stop: int
    lead: Mapping[str, Any]
    tests: pl.DataFrame
    genes: pl.DataFrame


@dataclass(frozen=True)
class Background:
    """How many tests lie below what the scan kept.

    chroms (C,); edges (H + 1,) float64 ascending -log10 p; counts (K, C, H) int64 for each of the study's traits
    """

    chroms: tuple[str, ...]
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class ReportContents:
    """All of a study, as its stages left it.

    settings         study.yaml with defaults filled in, as plain values; paths relative
    versions         program -> version;  seed: the study's
    traits_report    traits.csv of stage traits;  trait_names: all that were tested;  covariates: names of those fitted
    associations     rows that the scan kept (-log10 p of at least keep_neglog10p), which stay on disk
    left_out         columns reason, variants: variants not tested for any trait
    qq, power        tables of stage loci;  permutation_max (B,) float64 largest -log10 p of each shuffle; empty: none
    regions          neighbourhoods of the strongest loci;  background: tests below keep_neglog10p; None: not counted
    more             further tables of the stages traits, loci and genes, by folder/name without ending
    null_study       the null twin: the same study on shuffled people, as far as its pictures go; None: not made
    planted          columns variant, chrom, pos, parameter, effect, unit of a simulated cohort; None for real ones
    notes            what is worth knowing, in words
    min_people       groups of fewer people are not shown; 0: the page is not to be passed on
    """

    name: str
    seed: int
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    recordings: Recordings
    people: People
    traits_report: pl.DataFrame
    trait_names: tuple[str, ...]
    representations: tuple[RepresentationResults, ...]
    example: Example | None
    associations: ScanRows
    keep_neglog10p: float
    left_out: pl.DataFrame
    summary: Summary
    thresholds: Thresholds
    hits: Associations
    loci: Loci
    qq: pl.DataFrame
    power: pl.DataFrame
    genes: Genes
    clusters: Clusters
    edges: Edges
    terms: Terms
    permutation_max: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    genotype_beats: tuple[GenotypeBeats, ...] = ()
    regions: tuple[LocusRegion, ...] = ()
    background: Background | None = None
    more: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    null_study: ReportContents | None = None
    planted: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    min_people: int = 0

    @property
    def threshold(self) -> Mapping[str, Any]:
        """The row of `thresholds` that the study used."""
        return self.thresholds.frame.row(by_predicate=pl.col("used"), named=True)

    @property
    def threshold_caveat(self) -> str | None:
        """The warning that belongs beside every threshold; None: there is none."""
        return threshold_caveat(self.more.get("traits/guards", pl.DataFrame()))


@dataclass(frozen=True)
class Figure:
    """A picture: heading, what it shows in words, SVG text, and the numbers drawn as CSV text."""

    title: str
    caption: str
    svg: str
    csv: str


@dataclass(frozen=True)
class Page:
    """The report: one HTML text, and each picture by file name (without ending)."""

    html: str
    figures: Mapping[str, Figure]

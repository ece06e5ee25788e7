"""The contents of the report: all that the page shows of a study, and nothing else. The scan's rows stay on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.leads import LEADS
from ecgwas.report.mean_beats import CaseBeats, GenotypeBeats
from ecgwas.report.plot_data import PlotData
from ecgwas.report.scan_rows import ScanRows
from ecgwas.study import Study
from ecgwas.tables import Clusters, Edges, Genes, Loci, People, Recordings, Summary, Terms, Thresholds, files
from ecgwas.tables.files import ResultFile
from ecgwas.tables.loci import Hits, LeadTests, threshold_caveat
from ecgwas.tables.recordings import DeviceAgreement, DevicePairs


@dataclass(frozen=True)
class Example:
    """One anonymous recording: (12, S) float32 µV raw and clean, (12, T) float32 µV its median beat.

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
    """One lead of an anonymous whole recording, and its reconstruction.

    mse: normalised units; kept: it has features, its error is within max_mse; clean_uv, reconstructed_uv (S,) float32 µV
    """

    lead: str
    mse: float
    kept: bool
    clean_uv: NDArray[np.float32]
    reconstructed_uv: NDArray[np.float32]


@dataclass(frozen=True)
class Traversal:
    """Beats, or the start of whole recordings, decoded with one feature moved and all others at their means.

    beats_uv (3, 12, T) float32 µV, at the mean minus `steps` SD, at the mean, at the mean plus `steps` SD. Where features are
    by lead, the feature is moved in each lead. of_strips: whole recordings, with times from their first sample.
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
    mse             columns lead, mse: one row per recording and lead, without names; no rows if it cannot decode
    signals_excluded, signals_kept   numbers of signals (leads of recordings) beyond max_mse, and with features
    reconstruction  (12, T or S) float32 µV, the example's median beat or whole recording as reconstructed; None if it cannot
    traversals      feature -> what it represents in the beat or recording; none if it cannot decode
    meanings        feature -> what it measures, in words, with its unit; none for learned features
    agreement       DeviceAgreement's columns: measurements compared with the ECG device's; no rows if it left none
    device_pairs    columns measurement, measured, device, difference: one row per participant and measurement, unnamed
    max_mse         the study's limit of the reconstruction error; None: no limit
    example_mse     lead -> reconstruction error of the example, for whole recordings
    signals         leads of several whole recordings with their reconstruction;  rate_hz: their samples per second
    architecture    the steps of the network as `ecgwas.represent.neural.architecture` gives them; none if there is no network
    source          where features come from that were made elsewhere, in a sentence; empty for those of recordings
    """

    name: str
    kind: str
    history: pl.DataFrame
    errors: pl.DataFrame
    reliability: pl.DataFrame
    mse: pl.DataFrame
    signals_excluded: int = 0
    reconstruction: NDArray[np.float32] | None = None
    traversals: Mapping[str, Traversal] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    agreement: pl.DataFrame = field(default_factory=lambda: DeviceAgreement.empty().frame)
    device_pairs: pl.DataFrame = field(default_factory=lambda: DevicePairs.empty().frame.drop("eid"))
    signals_kept: int = 0
    max_mse: float | None = None
    example_mse: Mapping[str, float | None] = field(default_factory=dict)
    signals: tuple[ReconstructedSignal, ...] = ()
    rate_hz: float | None = None
    architecture: tuple[Mapping[str, Any], ...] = ()
    source: str = ""


@dataclass(frozen=True)
class RegionLayer:
    """Further tests of the variants around a locus: of another trait, or of one of several signals.

    signal  step of the signal; the tests are of the locus' strongest trait, conditional on all other signals; None: of another
            trait, unconditional
    lead    as in LocusRegion: the locus' lead variant, or the signal's variant
    tests   as in LocusRegion
    """

    trait: str
    signal: int | None
    lead: Mapping[str, Any]
    tests: pl.DataFrame


GENES_OF_REGION = {
    "gene": pl.String(), "start": pl.Int64(), "stop": pl.Int64(), "strand": pl.String(),
    "exon_starts": pl.List(pl.Int64()), "exon_stops": pl.List(pl.Int64()),
}  # fmt: skip
RATES = {"pos": pl.Int64(), "rate": pl.Float64()}


@dataclass(frozen=True)
class LocusRegion:
    """A locus, or any variant (locus None), and its surroundings: a trait against every variant there.

    trait   of a locus its strongest
    lead    variant, chrom, pos, effect_allele, other_allele of the lead variant, or of that variant
    tests   columns variant, pos, effect_allele, other_allele, eaf, n, beta, se, neglog10p, r2 (squared correlation with the
            lead variant's dosage; null if not known)
    genes   columns GENES_OF_REGION, 1-based, both ends included, of the study's table of genes; no rows without one
    layers  further traits of a locus, and its separate signals
    recombination   columns RATES: cM/Mb from each position to the next; no rows without a genetic map
    """

    locus: int | None
    trait: str
    chrom: str
    start: int
    stop: int
    lead: Mapping[str, Any]
    tests: pl.DataFrame
    genes: pl.DataFrame
    layers: tuple[RegionLayer, ...] = ()
    recombination: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RATES))


@dataclass(frozen=True)
class Background:
    """Numbers of tests below what the scan kept.

    chroms (C,); edges (H + 1,) float64 ascending -log10 p; counts (K, C, H) int64 for each of the study's traits
    """

    chroms: tuple[str, ...]
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class KindWords:
    """What the kinds of a study say of themselves for the methods text; `[@key]` cites a reference.

    representations  `described` of each representation of recordings;  engine: the scan's
    gene_sources     kind -> `maps_by`
    tables           `described` of each feature table
    """

    representations: tuple[str, ...]
    engine: str
    gene_sources: Mapping[str, str]
    tables: tuple[str, ...] = ()

    @classmethod
    def of(cls, study: Study) -> KindWords:
        """From the study's options."""
        sources: dict[str, str] = {source.kind: source.maps_by for source in study.genes}
        of_recordings, of_tables = (
            tuple(options.described for options in study.represent if options.uses_recordings is recorded)
            for recorded in (True, False)
        )
        return cls(of_recordings, study.scan.described, sources, of_tables)


@dataclass(frozen=True)
class RunInfo:
    """The study as it was run.

    settings    study.yaml with defaults filled in, as plain values; paths relative
    kinds       its kinds in words
    versions    program -> version;  seed: the study's
    notes       remarks of the stages, in words
    min_people  groups of fewer people are not shown; 0: the page is not for sharing
    """

    name: str
    seed: int
    settings: Mapping[str, Any]
    kinds: KindWords
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    min_people: int = 0

    @property
    def unit_of_beta(self) -> str:
        """The unit of beta behind a number: SD, or nothing for the units of untransformed features."""
        return "SD" if self.settings["traits"]["transform"] == "rank_normal" else ""


@dataclass(frozen=True)
class Cohort:
    """Recordings, participants, the covariates that were fitted (names), and one recording as an example.

    recordings   None: the study has none, for its features come from tables
    in_tables    name of a feature table -> number of participants in it
    """

    recordings: Recordings | None
    people: People
    covariates: tuple[str, ...] = ()
    example: Example | None = None
    in_tables: Mapping[str, int] = field(default_factory=dict)

    @property
    def tested(self) -> int:
        """Participants in the scan."""
        return self.people.frame.filter(pl.col("status") == "kept").height


@dataclass(frozen=True)
class ScanResults:
    """Tests of all variants against all traits.

    trait_names        all that were tested, in order;  trait_report: traits.csv of stage traits
    rows               rows that the scan kept (-log10 p of at least keep_neglog10p); they stay on disk
    excluded_variants  columns reason, variants: variants not tested for any trait
    qq                 columns trait, expected, observed, low, high
    permutation_max    (B,) float64 largest -log10 p of each permutation; empty: none
    background         tests below keep_neglog10p; None: not counted
    """

    trait_names: tuple[str, ...]
    trait_report: pl.DataFrame
    rows: ScanRows
    keep_neglog10p: float
    excluded_variants: pl.DataFrame
    summary: Summary
    qq: pl.DataFrame
    permutation_max: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    background: Background | None = None

    @property
    def variants_tested(self) -> int:
        """Variants tested for the trait that has the most."""
        return max(self.summary.frame["tests"].to_list(), default=0)

    @property
    def strongest(self) -> pl.DataFrame:
        """Columns trait, neglog10p: the strongest test of each trait, kept or not."""
        return self.qq.group_by("trait").agg(neglog10p=pl.col("observed").max())


@dataclass(frozen=True)
class LociResults:
    """Significant associations and the loci that they form.

    power           what could have been found, by threshold
    genotype_beats  mean beats by genotype at the strongest loci;  regions: the strongest loci and their surroundings
    planted         columns variant, chrom, pos, parameter, effect, unit of a simulated cohort; None for real ones
    lead_tests      columns of LeadTests: the lead variant of each locus against every trait
    """

    thresholds: Thresholds
    hits: Hits
    loci: Loci
    power: pl.DataFrame
    genotype_beats: tuple[GenotypeBeats, ...] = ()
    regions: tuple[LocusRegion, ...] = ()
    planted: pl.DataFrame | None = None
    lead_tests: pl.DataFrame = field(default_factory=lambda: LeadTests.empty().frame)

    @property
    def threshold(self) -> Mapping[str, Any]:
        """The row of `thresholds` that the study used."""
        return self.thresholds.frame.row(by_predicate=pl.col("used"), named=True)

    @property
    def min_neglog10p(self) -> float:
        """-log10 p of the study's threshold."""
        return float(self.threshold["neglog10p"])


@dataclass(frozen=True)
class GeneResults:
    """Genes of the significant variants, their network and clusters, and the enriched terms."""

    genes: Genes
    clusters: Clusters
    edges: Edges
    terms: Terms


@dataclass(frozen=True)
class NullStudy:
    """What the same study finds on permuted participants, as far as the page compares it."""

    trait_names: tuple[str, ...]
    loci: LociResults
    genes: GeneResults


@dataclass(frozen=True)
class ReportContents:
    """All that the page shows of a study.

    tables      further tables of the stages; one that the study does not have is absent
    null_study  None: it was not run, or at another threshold
    case_beats  of the outcomes with the strongest significant tests
    """

    run: RunInfo
    cohort: Cohort
    representations: tuple[RepresentationResults, ...]
    scan: ScanResults
    loci: LociResults
    genes: GeneResults
    tables: Mapping[ResultFile, pl.DataFrame] = field(default_factory=dict)
    null_study: NullStudy | None = None
    case_beats: tuple[CaseBeats, ...] = ()

    @property
    def threshold_caveat(self) -> str | None:
        """The warning that belongs next to every mention of the threshold; None: there is none."""
        return threshold_caveat(self.tables.get(files.SAMPLE_GUARDS, pl.DataFrame()))


@dataclass(frozen=True)
class Figure:
    """A figure: title, caption, SVG text, the numbers drawn as CSV text, and what a reader can point at; plot None: nothing."""

    title: str
    caption: str
    svg: str
    csv: str
    plot: PlotData | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Page:
    """The report: one HTML text, and each figure by file name (without ending)."""

    html: str
    figures: Mapping[str, Figure]

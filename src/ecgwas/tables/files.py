"""Every file of a results folder, declared once: stage, name, table, whether it is about people, whether it may be shared.

Stages, report, share, audit, terminal and docs take names and types from here; no other module spells the name of a results
file. `about_people` keeps participants' data off the shared page, and only files declared `shared` go into the shared folder.

    files.HITS.read(study.results)                              the table Hits, checked
    files.FEATURES.path(study.results, representation="pca")    results/represent/pca/features.parquet
    files.HITS.write(hits, out)                                 `out`: the folder that a stage's part writes into
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ecgwas.tables import (
    Associations,
    Clusters,
    Covariates,
    Edges,
    Features,
    Genes,
    Guards,
    LeftOutVariants,
    Loci,
    People,
    Recordings,
    SetAssociations,
    Summary,
    Table,
    Terms,
    Thresholds,
    Traits,
    scores,
)
from ecgwas.tables.calibration import Heritability, Inflation, Polygenic, Power, QQPoints
from ecgwas.tables.comparison import Comparison
from ecgwas.tables.genes import (
    ClusterTerms,
    ClusterView,
    GeneCounts,
    GeneLeads,
    LocusTerms,
    NetworkTests,
    Published,
    TermChoice,
    Unplaced,
)
from ecgwas.tables.loci import (
    Audit,
    Clumps,
    Conditional,
    Credible,
    ExcludedCounts,
    GroupEffects,
    Hits,
    KnownTested,
    LeadTests,
    Matching,
    Membership,
    Neighbourhoods,
    SetHits,
    SignalNeighbourhoods,
    UntestedCounts,
    VariantCounts,
    VariantTraits,
)
from ecgwas.tables.outcomes import OutcomeExclusions, Outcomes, OutcomeScreen, OutcomeTests, OutcomeThresholds
from ecgwas.tables.predictions import DecisionCurves, PredictionRisks, Predictions, PredictionTargets, PredictionWeights
from ecgwas.tables.recordings import (
    Ancestry,
    DeviceAgreement,
    DeviceMeasurements,
    DevicePairs,
    FiducialPoints,
    LeadCounts,
    LeadQuality,
    ReconstructionErrors,
    RelatedPairs,
    Reliability,
    RhythmCounts,
    SeedStability,
    SignalErrors,
    TrainingHistory,
    TraitReport,
)
from ecgwas.tables.result_file import ResultFile as ResultFile
from ecgwas.tables.result_file import TableFile as TableFile

RECORDINGS = TableFile("read", "recordings.parquet", table=Recordings)
REPEATS = TableFile("read", "repeats.parquet", table=Recordings)
DEVICE_MEASUREMENTS = TableFile("read", "device_measurements.parquet", table=DeviceMeasurements)
FIDUCIALS = TableFile("read", "fiducials.parquet", table=FiducialPoints, note="if a representation uses them")
LEAD_QUALITY = TableFile("read", "lead_quality.parquet", table=LeadQuality)
LEAD_COUNTS = TableFile("read", "leads.csv", False, table=LeadCounts, shared=True)
RHYTHM_COUNTS = TableFile("read", "rhythms.csv", False, table=RhythmCounts, shared=True)

PART_RECORDINGS = TableFile("read", "signals/{visits}/recordings.parquet", table=Recordings)
PART_DEVICE_MEASUREMENTS = TableFile("read", "signals/{visits}/device_measurements.parquet", table=DeviceMeasurements)
PART_FIDUCIALS = TableFile(
    "read", "signals/{visits}/fiducials.parquet", table=FiducialPoints, note="if a representation uses them"
)
PART_LEAD_QUALITY = TableFile("read", "signals/{visits}/lead_quality.parquet", table=LeadQuality)
SIGNALS = ResultFile("read", "signals/{visits}/signals.json")
SIGNAL_ARRAY = ResultFile("read", "signals/{visits}/{array}.npy")

FEATURES = TableFile("represent", "{representation}/features.parquet", table=Features)
FEATURES_ODD = TableFile(
    "represent", "{representation}/features_odd.parquet", table=Features, note="representations of median beats"
)
FEATURES_EVEN = TableFile(
    "represent", "{representation}/features_even.parquet", table=Features, note="representations of median beats"
)
FEATURES_OF_REPEATS = TableFile(
    "represent", "{representation}/features_repeat.parquet", table=Features, note="if anyone has two visits"
)
FEATURES_OF_SEED = TableFile(
    "represent", "{representation}/features_seed{number}.parquet", table=Features, note="with `other_seeds`"
)
RELIABILITY = TableFile(
    "represent", "{representation}/reliability.csv", False, table=Reliability, shared=True,
    note="representations of median beats, and all if anyone has two visits",
)  # fmt: skip
HISTORY = TableFile("represent", "{representation}/history.csv", False, table=TrainingHistory, shared=True)
ERRORS = TableFile("represent", "{representation}/errors.csv", False, table=ReconstructionErrors, shared=True)
STABILITY = TableFile("represent", "{representation}/stability.csv", False, table=SeedStability, note="with `other_seeds`")
WITH_FEATURES = TableFile("represent", "{representation}/kept.csv", table=SignalErrors, note="signals with features")
WITHOUT_FEATURES = TableFile("represent", "{representation}/left_out.csv", table=SignalErrors, note="without features")
DEVICE_PAIRS = TableFile("represent", "{representation}/device_pairs.parquet", table=DevicePairs, note="kind `intervals`")
DEVICE_AGREEMENT = TableFile(
    "represent", "{representation}/device_agreement.csv", False, table=DeviceAgreement, note="kind `intervals`"
)
ENCODER = ResultFile("represent", "{representation}/encoder/{rest}")

TRAITS = TableFile("traits", "traits.parquet", table=Traits)
COVARIATES = TableFile("traits", "covariates.parquet", table=Covariates)
ANCESTRY = TableFile("traits", "ancestry.parquet", table=Ancestry)
RELATED_PAIRS = TableFile(
    "traits", "related_pairs.parquet", table=RelatedPairs, note="with `scan.relatives: family` and no `scan.kinship`"
)
PEOPLE = TableFile("traits", "people.csv", table=People)
TRAIT_REPORT = TableFile("traits", "traits.csv", False, table=TraitReport, shared=True)
SAMPLE_GUARDS = TableFile("traits", "guards.csv", False, table=Guards, shared=True)

ASSOCIATIONS = TableFile("scan", "{part}.parquet", False, table=Associations)
SET_ASSOCIATIONS = TableFile("scan", "sets/{part}.parquet", False, table=SetAssociations)
LEFT_OUT_VARIANTS = TableFile("scan", "left_out/{part}.parquet", False, table=LeftOutVariants)
PART_VARIANT_COUNTS = TableFile("scan", "variants/{part}.csv", False, table=VariantCounts)
TEST_COUNTS = ResultFile("scan", "tests/{part}.npz", False)
ENGINE_FILES = ResultFile("scan", "{engine}/{part}/{rest}", note="with `scan.dense`, and by kind `plink2`")

POLYGENIC = TableFile(
    "scan", "polygenic/polygenic.csv", False, table=Polygenic, shared=True,
    note="with `scan.relatives: polygenic` and more than `scan.exact_people` genotyped people",
)  # fmt: skip
PREDICTIONS = ResultFile("scan", "polygenic/{chromosome}.npy", note="with `polygenic/polygenic.csv`, unless that is empty")

THRESHOLDS = TableFile("loci", "thresholds.csv", False, table=Thresholds, shared=True)
SUMMARY = TableFile("loci", "summary.csv", False, table=Summary, shared=True)
HITS = TableFile("loci", "hits.csv", False, table=Hits, shared=True)
LOCI = TableFile("loci", "loci.csv", False, table=Loci, shared=True)
CLUMPS = TableFile("loci", "clumps.csv", False, table=Clumps, shared=True)
SET_HITS = TableFile("loci", "multitrait.csv", False, table=SetHits, shared=True)
CONDITIONAL = TableFile("loci", "conditional.csv", False, table=Conditional, shared=True)
CREDIBLE = TableFile("loci", "credible.csv", False, table=Credible, shared=True)
AUDIT = TableFile("loci", "audit.csv", False, table=Audit, shared=True)
NEIGHBOURHOODS = TableFile("loci", "neighbourhoods.parquet", False, table=Neighbourhoods)
SIGNAL_NEIGHBOURHOODS = TableFile("loci", "signal_neighbourhoods.parquet", False, table=SignalNeighbourhoods)
LEAD_TESTS = TableFile("loci", "lead_variants.parquet", False, table=LeadTests)
GROUP_EFFECTS = TableFile("loci", "group_effects.csv", False, table=GroupEffects, shared=True)
INFLATION = TableFile("loci", "inflation.csv", False, table=Inflation, shared=True)
HERITABILITY = TableFile("loci", "heritability.csv", False, table=Heritability, shared=True)
KNOWN = TableFile("loci", "known.csv", False, table=KnownTested, shared=True)
QQ = TableFile("loci", "qq.csv", False, table=QQPoints, shared=True)
POWER = TableFile("loci", "power.csv", False, table=Power, shared=True)
VARIANT_COUNTS = TableFile("loci", "variants.csv", False, table=VariantCounts, shared=True)
SCAN_GUARDS = TableFile("loci", "guards.csv", False, table=Guards, shared=True)

GENES = TableFile("genes", "genes.csv", False, table=Genes, shared=True)
GENE_COUNTS = TableFile("genes", "gene_counts.csv", False, table=GeneCounts, shared=True)
GENE_LEADS = TableFile("genes", "gene_leads.csv", False, table=GeneLeads, shared=True)
CLUSTERS = TableFile("genes", "clusters.csv", False, table=Clusters, shared=True)
EDGES = TableFile("genes", "edges.csv", False, table=Edges, shared=True)
NETWORK_TESTS = TableFile("genes", "network_tests.csv", False, table=NetworkTests, shared=True)
TERMS = TableFile("genes", "enrichment.csv", False, table=Terms, shared=True)
TERM_CHOICE = TableFile("genes", "term_choice.csv", False, table=TermChoice, shared=True)
CLUSTER_TERMS = TableFile("genes", "cluster_terms.csv", False, table=ClusterTerms, shared=True)
CLUSTER_VIEW = TableFile("genes", "cluster_view.csv", False, table=ClusterView, shared=True)
PUBLISHED = TableFile("genes", "published.csv", False, table=Published, shared=True)
UNPLACED = TableFile("genes", "unplaced.csv", False, table=Unplaced, shared=True)
LOCUS_TERMS = TableFile("genes", "locus_terms.csv", False, table=LocusTerms, shared=True)
GENE_NOTES = ResultFile("genes", "notes.json", False)

OUTCOMES = TableFile("outcomes", "outcomes.csv", False, table=Outcomes, shared=True)
OUTCOME_EXCLUSIONS = TableFile("outcomes", "excluded.csv", False, table=OutcomeExclusions, shared=True)
OUTCOME_SCREEN = TableFile("outcomes", "screen.parquet", False, table=OutcomeScreen)
OUTCOME_TESTS = TableFile("outcomes", "outcome_tests.csv", False, table=OutcomeTests, shared=True)
OUTCOME_THRESHOLDS = TableFile("outcomes", "thresholds.csv", False, table=OutcomeThresholds, shared=True)

PREDICTION_TARGETS = TableFile("predict", "targets.csv", False, table=PredictionTargets, shared=True)
PREDICTION_MODELS = TableFile("predict", "models.csv", False, table=Predictions, shared=True)
DECISION_CURVES = TableFile("predict", "decision_curves.csv", False, table=DecisionCurves, shared=True)
PREDICTION_WEIGHTS = TableFile("predict", "weights.csv", False, table=PredictionWeights, shared=True)
PREDICTION_RISKS = TableFile("predict", "risks.parquet", table=PredictionRisks)

SCORES = TableFile("scores", "scores.parquet", table=Traits, note="with `files`")
SCORE_FILES = TableFile("scores", "score_files.csv", False, table=scores.ScoreFiles, shared=True, note="with `files`")
SCORE_MATCHES = TableFile("scores", "matches.csv", False, table=scores.ScoreMatches, shared=True, note="with `files`")
SCORE_VARIANTS = TableFile("scores", "variants.parquet", False, table=scores.ScoreVariants, note="with `files`")
SCORE_TRAITS = TableFile("scores", "score_traits.csv", False, table=scores.ScoreTraits, shared=True, note="with `files`")
SCORE_OUTCOMES = TableFile("scores", "score_outcomes.csv", False, table=scores.ScoreOutcomes, shared=True, note="if `outcomes`")
OWN_SCORES = TableFile("scores", "own_scores.parquet", table=Traits, note="with `own`")
OWN_SCORE_TESTS = TableFile("scores", "own_scores.csv", False, table=scores.OwnScoreTests, shared=True, note="with `own`")
DISEASE_SCORES = TableFile("scores", "disease_scores.csv", False, table=scores.DiseaseScores, shared=True, note="if `diseases`")
OWN_WEIGHTS = ResultFile("scores", "weights/{score}.txt.gz", False, note="of the traits in `scores.own.weights`")

REPORT = ResultFile("report", "report.html", meaning="The report, as one page.")
FIGURE = ResultFile("report", "figures/{figure}.svg", meaning="A picture of the report.")
FIGURE_NUMBERS = ResultFile("report", "figures/{figure}.csv", meaning="The numbers of a picture of the report.")

MATCHING = TableFile("share", "tables/share/matching.csv", False, table=Matching, shared=True, note="with `share.matching`")
MEMBERSHIP = TableFile(
    "share", "tables/share/membership.csv", False, table=Membership, shared=True, note="with `share.membership`"
)
SHARED_ASSOCIATIONS = TableFile("share", "tables/scan/associations.parquet", False, table=Associations, shared=True)
EXCLUDED_COUNTS = TableFile("share", "tables/read/left_out.csv", False, table=ExcludedCounts, shared=True)
UNTESTED_COUNTS = TableFile("share", "tables/scan/variants_left_out.csv", False, table=UntestedCounts, shared=True)
SHARED_README = ResultFile("share", "README.md", False, shared=True, meaning="What the folder holds, and what it may reveal.")
SHARED_ABOUT = ResultFile(
    "share", "about.json", False, shared=True, meaning="Name of the study, version of ecgwas, smallest group that is shown."
)
SHARED_WORKFLOW = ResultFile(
    "share", "workflow/ecgwas.smk", False, shared=True, meaning="The stages of ecgwas and their order, as rules of Snakemake."
)
SHARED_CRATE = ResultFile(
    "share", "ro-crate-metadata.json", False, shared=True, meaning="This description: an RO-Crate of the run and its results."
)
SHARED_PAGE = tuple(replace(one, stage="share", about_people=False, shared=True) for one in (REPORT, FIGURE, FIGURE_NUMBERS))
"""Page, pictures and their numbers, drawn anew from what may be shared."""

NOTE = ResultFile("notes", "{stage}/{part}.json", note="how each part was made")
PRIVATE_README = ResultFile("", "README.md")
PLAN = ResultFile("", "plan.json", note="by `ecgwas plan` and `ecgwas run --on`")
PRINT_FIGURE = ResultFile("figures", "{figure}.{ending}", note="by `ecgwas figures`")
LOOK_FIGURE = ResultFile("look", "{variant}/figures/{figure}.svg", note="by `ecgwas look`")
LOOK_NUMBERS = ResultFile("look", "{variant}/figures/{figure}.csv", note="by `ecgwas look`")
LOOK_TRAITS = TableFile("look", "{variant}/all_traits.csv", False, table=VariantTraits, note="by `ecgwas look`")
COMPARISON = TableFile("", "compare.csv", False, table=Comparison, note="by `ecgwas compare` with one study")

ALL: tuple[ResultFile, ...] = (*(one for one in dict(globals()).values() if isinstance(one, ResultFile)), *SHARED_PAGE)
"""Every file, in the order of the stages; at the end those of commands."""


def of_stage(stage: str) -> Iterator[ResultFile]:
    """The files below results/<stage>; of `share` also the copies of other stages' files."""
    yield from (one for one in ALL if one.stage == stage)
    if stage == "share":
        yield from (one.shared_copy for one in ALL if one.shared and one.stage != "share")


def tables_of(stage: str) -> tuple[type[Table], ...]:
    """The declared tables among a stage's files, each once."""
    return _tables(of_stage(stage))


def shared_tables() -> tuple[type[Table], ...]:
    """The declared tables of which results/share holds a copy, each once."""
    return _tables(one for one in ALL if one.shared)


def _tables(declared: Iterable[ResultFile]) -> tuple[type[Table], ...]:
    tables = (one.table for one in declared if isinstance(one, TableFile) and issubclass(one.table, Table))
    return tuple(dict.fromkeys(tables))


def declaration(stage: str, name: str) -> ResultFile | None:
    """The declaration of a file that a stage writes (name: a path below its folder); None if it writes none of that name."""
    return next((one for one in of_stage(stage) if one.matches(name)), None)


def is_declared(stage: str, name: str) -> bool:
    """True if a stage writes a file of that name (a path below its folder)."""
    return declaration(stage, name) is not None

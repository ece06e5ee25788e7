"""Every file of a results folder, declared once: stage, name, table, whether it is about people, whether it may be shared.

Stages, report, share, audit, terminal and docs take names and types from here; no other module spells the name of a results
file. `about_people` keeps participants' data off the shared page, and only files declared `shared` go into the shared folder.

    files.HITS.read(study.results)                              the table Hits, checked
    files.FEATURES.path(study.results, representation="pca")    results/represent/pca/features.parquet
    files.HITS.write(hits, out)                                 `out`: the folder that a stage's part writes into
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

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

PLACEHOLDER = re.compile(r"\{(\w+)\}")
ANY_DEPTH = ("visits", "rest")
"""Placeholders that stand for a path, not for a name."""

SHARED_TABLES = "tables"
"""Folder of results/share that holds the shared copies of tables."""


@dataclass(frozen=True)
class ResultFile:
    """A file, or a family of files, below results/<stage>.

    name           below the stage's folder; placeholders such as {part} stand for a name, {visits} and {rest} for a path of
                   any depth; {rest} may be omitted, for the folder itself
    about_people   it has participants' ids, rows, signals or figures, or a model fitted to them, and is never shared
    shared         stage `share` writes a redacted copy, without any one participant and without small groups
    note           when it is written, if not always, or which rows of the table it holds
    meaning        what it holds, for files without a declared table; whatever is shared is described
    """

    stage: str
    name: str
    about_people: bool = True
    shared: bool = field(default=False, kw_only=True)
    note: str = field(default="", kw_only=True)
    meaning: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if self.shared and self.about_people:
            raise ValueError(f"{self.stage}/{self.name} is about people and cannot be shared")
        if self.shared and not self.described:
            raise ValueError(f"{self.stage}/{self.name} is shared and needs a meaning")

    @property
    def described(self) -> str:
        """What it holds, in a sentence."""
        return self.meaning

    def within(self, folder: Path, /, **names: str | int) -> Path:
        """Its path below a stage's folder, or below the folder that stands for it while a part is being written."""
        return folder / self.name.format(**{"rest": "", **names})

    def path(self, results: Path, /, **names: str | int) -> Path:
        """Its path below a study's results folder."""
        return self.within(results / self.stage, **names)

    def exists(self, results: Path, /, **names: str | int) -> bool:
        """True if the file is there."""
        return self.path(results, **names).exists()

    def matches(self, name: str) -> bool:
        """True if a path below the stage's folder is this file, or one of this family."""
        return self._pattern.fullmatch(name) is not None

    def all_names(self, results: Path) -> list[dict[str, str]]:
        """Values of the placeholders of each existing file of this family, in order of paths."""
        folder = results / self.stage
        last = PLACEHOLDER.sub("*", Path(self.name).name)
        below = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob(last)))
        return [match.groupdict() for name in below if (match := self._pattern.fullmatch(name))]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The name as a regular expression, with a group for each placeholder."""
        pieces = PLACEHOLDER.split(self.name)
        groups = (f"(?P<{name}>{'.+' if name in ANY_DEPTH else '[^/]+'})" for name in pieces[1::2])
        fixed = (re.escape(piece) for piece in pieces[::2])
        return re.compile("".join(piece for both in zip_longest(fixed, groups, fillvalue="") for piece in both))

    @property
    def place(self) -> str:
        """results/<stage>/<name>, for messages and docs."""
        return "/".join(piece for piece in ("results", self.stage, self.name) if piece)

    @property
    def shared_copy(self) -> ResultFile:
        """The copy in results/share. Raises ValueError for a file that may not be shared."""
        if not self.shared:
            raise ValueError(f"{self.stage}/{self.name} may not be shared")
        if self.stage == "share":
            return self
        name = f"{SHARED_TABLES}/{self.stage}/{self.name}"
        return ResultFile("share", name, about_people=False, shared=True, meaning=self.described)


class Readable(Protocol):
    """A class of tables that are read from a path and written to one."""

    @classmethod
    def read(cls, path: Path) -> Self: ...

    def write(self, path: Path) -> None: ...


T = TypeVar("T", bound=Readable)


@dataclass(frozen=True)
class TableFile(ResultFile, Generic[T]):
    """A results file with a declared table, whose class has its columns and their version."""

    table: type[T] = field(kw_only=True)

    @property
    def described(self) -> str:
        """What its table holds: the first paragraph of the docstring."""
        return self.meaning or " ".join((self.table.__doc__ or "").strip().split("\n\n")[0].split())

    def read(self, results: Path, /, **names: str | int) -> T:
        """The table. Raises InputError if another version of ecgwas wrote other columns, OSError if there is no file."""
        return self.table.read(self.path(results, **names))

    def write(self, table: T, folder: Path, /, **names: str | int) -> None:
        """Below the stage's folder, or the one that stands for it while a part is being written."""
        path = self.within(folder, **names)
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write(path)


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

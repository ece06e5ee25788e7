"""The tables that flow between packages and to users: columns declared once, checked on construction.

Each column has a name, a type and a meaning; docs/tables.md is made from them. Tables are polars data frames inside
frozen objects. Missing is null (never NaN, -9 or an empty string) in tables, NaN in float arrays.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.tables.matrices import Covariates as Covariates
from ecgwas.tables.matrices import Traits as Traits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Column:
    """One column: polars type and meaning (with unit)."""

    dtype: Any
    meaning: str


TEXT = pl.String()
WHOLE = pl.Int64()
REAL = pl.Float64()
FLAG = pl.Boolean()

VARIANT_KEY = ("chrom", "pos", "effect_allele", "other_allele")
"""Columns that identify a variant, by which tables are joined. A variant's name is only a label, which may be missing (`.`) or
used at several positions."""


@dataclass(frozen=True)
class Table:
    """A data frame with declared columns in declared order; more columns may follow if the table is open.

    further: columns that may follow, where their names are fixed. version: raised when names, types or meanings of the
    columns change; files of another version are not read. renamed: earlier name -> name of a column; `read` accepts both, and
    warns of the earlier one. later: columns that files of earlier versions lack; `read` fills them with null.
    """

    frame: pl.DataFrame
    columns: ClassVar[Mapping[str, Column]] = {}
    further: ClassVar[Mapping[str, Column]] = {}
    open: ClassVar[bool] = False
    version: ClassVar[int] = 1
    renamed: ClassVar[Mapping[str, str]] = {}
    later: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        absent = [name for name in self.columns if name not in self.frame.columns]
        if absent:
            raise ValueError(f"{type(self).__name__} lacks columns {absent}")
        extra = [name for name in self.frame.columns if name not in self.columns]
        if extra and not self.open:
            raise ValueError(f"{type(self).__name__} has unknown columns {extra}")
        casts = [pl.col(name).cast(column.dtype) for name, column in self.columns.items()]
        object.__setattr__(self, "frame", self.frame.select(*casts, *extra))

    @classmethod
    def empty(cls) -> Self:
        """The table with its header and no rows."""
        return cls(pl.DataFrame(schema={name: column.dtype for name, column in cls.columns.items()}))

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """From records; the empty table if there are none."""
        if not rows:
            return cls.empty()
        schema = {name: column.dtype for name, column in cls.columns.items()}
        return cls(pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None))

    @classmethod
    def read(cls, path: Path) -> Self:
        """From .parquet or .csv. Raises InputError if another version of ecgwas wrote other columns."""
        schema = {name: column.dtype for name, column in cls.columns.items()}
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            types = schema | {name: column.dtype for name, column in cls.further.items()}
            frame = pl.read_csv(path, schema_overrides=types, infer_schema_length=None)
        for old in [name for name in cls.renamed if name in frame.columns]:
            logger.warning("%s: the column %s is now called %s", path, old, cls.renamed[old])
            frame = frame.rename({old: cls.renamed[old]})
        frame = frame.with_columns(pl.lit(None).alias(name) for name in cls.later if name not in frame.columns)
        absent = [name for name in schema if name not in frame.columns]
        extra = [] if cls.open else [name for name in frame.columns if name not in schema]
        if absent or extra:
            words = " and ".join(f"{verb} {first_few(n)}" for verb, n in (("lacks", absent), ("also has", extra)) if n)
            problem = f"{path.name} {words}: not the columns of table {cls.__name__}, version {cls.version}"
            raise InputError(problem, where=path, fix="another version of ecgwas wrote it; `ecgwas run` makes it again")
        return cls(frame)

    def write(self, path: Path) -> None:
        """To .parquet or .csv; the same table gives the same bytes."""
        if path.suffix == ".parquet":
            self.frame.write_parquet(path, compression="zstd", statistics=False)
            return
        self.frame.write_csv(path)

    def __len__(self) -> int:
        return self.frame.height


class Recordings(Table):
    """Every recording file found: kept, or excluded with the reason."""

    columns = {
        "eid": Column(TEXT, "participant"), "lead": Column(TEXT, "lead of a one-lead file; 12L for a file of all leads"),
        "instance": Column(TEXT, "visit and array, as in 2_0"),
        "path": Column(TEXT, "file, relative to the recordings' folder"), "status": Column(TEXT, "kept | left_out | duplicate"),
        "reason": Column(TEXT, "why it was not kept; of a kept recording, a warning, usually empty"),
        "rate_hz": Column(REAL, "samples per second of the file; null if it could not be read"),
        "seconds": Column(REAL, "length of the file, s; null if it could not be read"),
        "row": Column(WHOLE, "row in the signal arrays; null if not kept"),
        "beats": Column(WHOLE, "beats in the median beat; null if not kept"),
        "noise_uv": Column(REAL, "beat-to-beat noise, median over leads, µV; null if not kept"),
        "rhythm": Column(TEXT, "sinus_rhythm, or names of read.rhythms separated by commas; null if no beats were found"),
        "rhythm_reason": Column(TEXT, "the measurements that decided; without a rhythm, why there is none"),
        "ectopic_beats": Column(WHOLE, "premature beats and beats of other origin; null without rhythm"),
        "ectopic_share": Column(REAL, "their share of all beats, 0 to 1"),
    }  # fmt: skip
    version = 2
    later = ("rhythm", "rhythm_reason", "ectopic_beats", "ectopic_share")


class Features(Table):
    """Features: one row per participant and lead (12L: all leads together), one column per feature, then mse.

    Features that do not apply to a lead, or could not be measured, are null.
    """

    columns = {"eid": Column(TEXT, "participant"), "lead": Column(TEXT, "lead, or 12L")}
    open = True

    @property
    def names(self) -> list[str]:
        """Names of the feature columns."""
        return [name for name in self.frame.columns if name not in ("eid", "lead", "mse")]


class People(Table):
    """Each participant of any input table: kept, or excluded with the reason."""

    columns = {
        "eid": Column(TEXT, "participant"), "status": Column(TEXT, "kept | dropped"),
        "reason": Column(TEXT, "why excluded; empty when kept"),
    }  # fmt: skip


class Guards(Table):
    """Each guard with its value and verdict."""

    columns = {
        "guard": Column(TEXT, "name of the guard"), "about": Column(TEXT, "people | traits | variants | scan | hits"),
        "status": Column(TEXT, "pass | warn | fail | not judged"),
        "value": Column(REAL, "the value judged; null if there was none"),
        "limit": Column(REAL, "the study's limit; null: the guard is off"),
        "left_out": Column(WHOLE, "how many it excluded"), "of": Column(WHOLE, "of how many"),
        "note": Column(TEXT, "what the value is"),
    }  # fmt: skip


BETA_UNIT = (
    "in standard deviations of the trait's ranked residuals (traits.transform: rank_normal), or in the unit of the trait's "
    "residuals on the covariates (none)"
)
"""Unit of effects: traits are transformed before they are tested."""


class Associations(Table):
    """One row per variant and trait."""

    columns = {
        "trait": Column(TEXT, "<representation>.<lead>.<feature>"),
        "variant": Column(TEXT, "variant id of the genotype file"), "chrom": Column(TEXT, "chromosome without chr"),
        "pos": Column(WHOLE, "position, 1-based"), "effect_allele": Column(TEXT, "the allele that beta counts"),
        "other_allele": Column(TEXT, "the other allele"),
        "eaf": Column(REAL, "frequency of the effect allele among the participants tested"),
        "n": Column(WHOLE, "participants tested"), "beta": Column(REAL, f"effect of one effect allele, {BETA_UNIT}"),
        "se": Column(REAL, "standard error of beta, in its unit"), "t": Column(REAL, "beta / se"),
        "neglog10p": Column(REAL, "-log10 p of the two-sided t test, computed in log space"),
    }  # fmt: skip


class SetAssociations(Table):
    """One row per variant and trait set with -log10 p of 3 or more (all rows if there are fewer than 1,000 variants)."""

    columns = {
        "set": Column(TEXT, "traits of one representation at one lead, or of one representation: <representation>[.<lead>]"),
        "variant": Column(TEXT, "variant id of the genotype file"), "chrom": Column(TEXT, "chromosome without chr"),
        "pos": Column(WHOLE, "position, 1-based"), "effect_allele": Column(TEXT, "effect allele"),
        "other_allele": Column(TEXT, "the other allele"),
        "eaf": Column(REAL, "frequency of the effect allele among the participants tested"),
        "omnibus": Column(REAL, "-log10 p of the omnibus test, nominal"),
        "acat": Column(REAL, "-log10 p of the aggregated Cauchy test, nominal"),
        "best_trait": Column(TEXT, "trait of the set with the smallest p of its own test"),
    }  # fmt: skip


class LeftOutVariants(Table):
    """Variants that were not tested, for all traits or for one, and why."""

    columns = {
        "variant": Column(TEXT, "variant id"), "chrom": Column(TEXT, "chromosome"), "pos": Column(WHOLE, "position, 1-based"),
        "effect_allele": Column(TEXT, "effect allele"), "other_allele": Column(TEXT, "the other allele"),
        "trait": Column(TEXT, "trait; empty: all traits"),
        "reason": Column(TEXT, "filter or PLINK 2 error code, such as maf, mac, call_rate, hwe, CONST_OMITTED_ALLELE"),
    }  # fmt: skip


class Summary(Table):
    """One row per trait after the scan."""

    columns = {
        "trait": Column(TEXT, "trait"), "n": Column(WHOLE, "people"),
        "lambda_gc": Column(REAL, "genomic inflation: median chi-square / 0.4549"),
        "threshold": Column(REAL, "p-value below which a test of this trait is significant"),
        "significant": Column(WHOLE, "significant variants"),
        "tests": Column(WHOLE, "variants tested"),
        "not_computed": Column(WHOLE, "tests without a p-value (NA)"),
    }  # fmt: skip


class Thresholds(Table):
    """All thresholds, of which one is used."""

    version = 2
    later = ("people", "permutations", "estimator")

    columns = {
        "kind": Column(TEXT, "published | bonferroni | effective | effective_galwey | permutation | given | sets (of traits); "
                             "if a sample was permuted also permutation_empirical, sets_empirical (order statistics), "
                             "permutation_effective or sets_fitted: what the estimator gives that is not used"),
        "p": Column(REAL, "p-value"), "neglog10p": Column(REAL, "-log10 of it"),
        "low": Column(REAL, "-log10: lower end of its Monte-Carlo interval; null if exact"),
        "high": Column(REAL, "-log10: upper end"),
        "significant": Column(WHOLE, "associations beyond it"), "loci": Column(WHOLE, "loci beyond it"),
        "used": Column(FLAG, "the study's threshold"), "note": Column(TEXT, "how it was determined"),
        "people": Column(WHOLE, "participants permuted; null: not by permutation"),
        "permutations": Column(WHOLE, "number of permutations; null: not by permutation"),
        "estimator": Column(TEXT, "order statistic | fitted | effective tests; null: not by permutation"),
    }  # fmt: skip


NATURAL_EFFECT = {
    "effect": Column(REAL, "effect of one effect allele in `unit`: least squares on the trait's untransformed values, with the "
                           "scan's participants, covariates and missing calls; null: the trait has no unit"),
    "effect_se": Column(REAL, "standard error of effect, in its unit"),
    "unit": Column(TEXT, "unit of the trait's untransformed values, such as ms; null: it has none"),
}  # fmt: skip
"""Columns of an effect in the unit of a measured trait."""

HETEROGENEITY = {
    "q_p_ancestry": Column(REAL, "p of different effects in ancestry groups (Cochran's Q); null: one group, or too few people"),
    "q_p_sex": Column(REAL, "p of different effects in men and women; null: unknown, or too few people"),
}  # fmt: skip
"""Columns of hits about groups of people."""


class Loci(Table):
    """Significant variants that belong together. Further columns: test, set, known and what is known, clumps, signals,
    long_range_linkage, neglog10p_conditional (of the lead variant, conditional on the lead variants of the other loci);
    effect, effect_se, unit (of the lead variant on the best trait)."""

    version = 2

    columns = {
        "locus": Column(WHOLE, "number, by position"), "lead_variant": Column(TEXT, "variant with the strongest association"),
        "chrom": Column(TEXT, "chromosome"), "pos": Column(WHOLE, "position of the lead variant"),
        "start": Column(WHOLE, "first significant position"), "stop": Column(WHOLE, "last significant position"),
        "effect_allele": Column(TEXT, "of the lead variant"), "other_allele": Column(TEXT, "of the lead variant"),
        "eaf": Column(REAL, "of the lead variant"),
        "best_trait": Column(TEXT, "trait of the strongest association"), "neglog10p": Column(REAL, "of it"),
        "traits": Column(WHOLE, "traits with a hit in the locus"), "variants": Column(WHOLE, "variants with a hit in it"),
    }  # fmt: skip
    further = {
        "test": Column(TEXT, "single | omnibus | acat: the test that found the locus"),
        "set": Column(TEXT, "trait set of a locus that only sets find; else null"),
        "known": Column(TEXT, "known | new; null: the study names no table of known loci"),
        "known_distance_bp": Column(WHOLE, "distance to the nearest known locus, 0 inside; null: none on the chromosome"),
        "known_traits": Column(TEXT, "published traits, ; between"), "known_genes": Column(TEXT, "their genes, ; between"),
        "clumps": Column(WHOLE, "clumps by linkage disequilibrium"), "signals": Column(WHOLE, "separate signals"),
        "long_range_linkage": Column(TEXT, "region of long-range linkage disequilibrium that the locus touches; null: none"),
        "neglog10p_conditional": Column(REAL, "-log10 p of the lead variant, conditional on the other loci's lead variants"),
        **NATURAL_EFFECT,
    }  # fmt: skip
    open = True
    renamed = {"neglog10p_beside": "neglog10p_conditional"}


class Genes(Table):
    """Genes of each locus and hit variant."""

    columns = {
        "locus": Column(WHOLE, "locus"), "variant": Column(TEXT, "hit variant"), "chrom": Column(TEXT, "chromosome"),
        "pos": Column(WHOLE, "position of the variant"), "effect_allele": Column(TEXT, "of the variant"),
        "other_allele": Column(TEXT, "of the variant"), "gene": Column(TEXT, "gene symbol; null if none was found"),
        "distance_bp": Column(WHOLE, "0 inside the gene, otherwise distance to its nearer end; null if unknown"),
        "rank": Column(WHOLE, "1 = nearest gene of the variant"),
        "relation": Column(TEXT, "overlap | nearest | linked (by evidence, wherever it lies) | none"),
        "evidence": Column(TEXT, "further information from the source: consequence, score, why no gene; null if none"),
        "source": Column(TEXT, "kind of the source"), "source_version": Column(TEXT, "file or service version"),
    }  # fmt: skip


class Clusters(Table):
    """MCL clusters of the network of hit genes."""

    columns = {
        "gene": Column(TEXT, "gene symbol"), "cluster": Column(WHOLE, "number, largest cluster first"),
        "size": Column(WHOLE, "genes in the cluster"), "degree": Column(WHOLE, "edges of the gene"),
        "name": Column(TEXT, "of the cluster: kept term of smallest FDR, else the genes with most edges; null below 3 genes"),
        "named_by": Column(TEXT, "origin of the name: term, with category and FDR | edges"),
        "colour": Column(TEXT, "of the cluster in pictures, #rrggbb; null of a single gene"),
    }  # fmt: skip


class Edges(Table):
    """Edges of the network of hit genes."""

    columns = {
        "gene_a": Column(TEXT, "gene symbol"), "gene_b": Column(TEXT, "gene symbol"),
        "score": Column(REAL, "STRING combined score, 0-1"), "cluster": Column(WHOLE, "cluster of both; null between clusters"),
    }  # fmt: skip


class Terms(Table):
    """Enrichment of the hit genes: every tested term with a hit gene."""

    columns = {
        "category": Column(TEXT, "source of the term"), "term": Column(TEXT, "identifier"),
        "description": Column(TEXT, "name of the term"), "observed": Column(WHOLE, "hit genes in the term"),
        "expected": Column(REAL, "hit genes expected by chance"), "background": Column(WHOLE, "background genes in the term"),
        "strength": Column(REAL, "log10(observed / expected)"), "p": Column(REAL, "hypergeometric upper tail"),
        "fdr": Column(REAL, "Benjamini-Hochberg within the category"), "kept": Column(FLAG, "within the study's limits"),
        "group": Column(TEXT, "cardiovascular | immune | neurological | metabolic | other"),
        "reason": Column(TEXT, "why it is in the group: ancestry in an ontology, a word, the source study; null for other"),
        "cardiovascular": Column(FLAG, "its group is cardiovascular"), "genes": Column(TEXT, "hit genes, ; between"),
    }  # fmt: skip
    open = True


CHI2_EDGES = np.concatenate([np.arange(0.0, 40.0, 0.01), [np.inf]])
"""Bin edges of the chi-square histogram that every scan keeps for each trait."""


@dataclass(frozen=True)
class ScanResult:
    """The result of an engine for one genotype part.

    associations   rows at or above the study's keep_neglog10p
    left_out       variants not tested, with reasons
    traits         K names, the order of the arrays below
    people         (K,) int64, participants with a value of the trait
    tests          (K,) int64, variants tested;  not_computed (K,) int64, tests without a p-value
    chi2_counts    (K, len(CHI2_EDGES) - 1) int64, histogram of t squared over all tests
    permutation_max (B,) float64, largest -log10 p over all traits and variants of the part in each permutation; empty: none
    counts         outcomes of the part's variants, columns of tables.loci.VariantCounts
    sets           tests of trait sets;  set_permutation_max (B,) float64, largest -log10 p of one in each permutation
    permuted_people number of participants permuted, 0 without permutations
    permuted_tests number of tests of each permutation if a sample of the participants was permuted, 0 if all were
    effective_tests (2, L) float64, their effective number at each of scan/permutation/effective_tests.py's LEVELS, and its
                   variance; (2, 0) if all participants were permuted
    """

    associations: Associations
    left_out: LeftOutVariants
    traits: tuple[str, ...]
    people: NDArray[np.int64]
    tests: NDArray[np.int64]
    not_computed: NDArray[np.int64]
    chi2_counts: NDArray[np.int64]
    permutation_max: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    counts: pl.DataFrame = field(default_factory=pl.DataFrame)
    sets: SetAssociations = field(default_factory=SetAssociations.empty)
    set_permutation_max: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    permuted_people: int = 0
    permuted_tests: int = 0
    effective_tests: NDArray[np.float64] = field(default_factory=lambda: np.empty((2, 0)))

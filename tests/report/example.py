"""A study's contents made of chance and a few planted numbers: `make_contents(seed)`, `make_contents(hits=False)`.

| part | shape | meaning |
|---|---|---|
| people | 80 recorded, 74 tested | eids as in factories.make_eids |
| traits | pca.12L.f01-f08, ae.I-V6.f01-f06, clinical.12L.* | 83 of them |
| associations | about 20 a trait of -log10 p 3 and more | six chromosomes; three loci planted, in TTN, SCN5A, NOS1AP |
| genotype_beats | one per locus | from simulated beats, dosage planted as amplitude |
| regions | one per locus | 80 variants, genes on both sides; linkage falls with distance; the first with layers |
| lead_tests | three per trait | each lead variant against every trait |
| null_study | | the same study without hits, but for one variant in GENE1 |
| tables | audit, credible, guards | by locus, or of the study; loci/multitrait has no rows |
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ecgwas.leads import LEADS
from ecgwas.loci.individual_data import lead_variant_of
from ecgwas.report import (
    GENES_OF_REGION,
    RATES,
    Background,
    Cohort,
    Example,
    GeneResults,
    GenotypeBeats,
    KindWords,
    LeadVariant,
    LociResults,
    LocusRegion,
    NullStudy,
    Page,
    ReconstructedSignal,
    RegionLayer,
    ReportContents,
    RepresentationResults,
    RunInfo,
    ScanResults,
    ScanRows,
    Traversal,
    genotype_beats,
    render,
)
from ecgwas.report.figures.svg import SERIES
from ecgwas.study import ReportOptions, Study
from ecgwas.tables import Associations, Clusters, Edges, Genes, Loci, People, Recordings, Summary, Terms, Thresholds, files
from ecgwas.tables.calibration import Heritability
from ecgwas.tables.files import ResultFile
from ecgwas.tables.loci import Audit, Credible, Hits, LeadTests
from ecgwas.tables.recordings import Reliability
from tests.factories import make_eids, make_signals, with_beats

PEOPLE, THRESHOLD = 80, 8.4
CHROMOSOMES = {"1": 160_000_000, "2": 178_000_000, "3": 38_000_000, "6": 36_000_000, "11": 22_000_000, "X": 55_000_000}
PLANTED = (("1", "rs12143842", "NOS1AP", 14.2), ("2", "rs142556838", "TTN", 11.0), ("3", "rs6801957", "SCN5A", 19.5))
COVARIATES = ("age", "sex", "center=11002", "center=11004", "computed_pc1", "computed_pc2")
NETWORK = ("SCN5A", "SCN10A", "NOS1AP", "TTN", "KCNQ1", "CDKN1A", "TBX5", "NPPA", "MYH6", "MYH7")


def trait_names() -> tuple[str, ...]:
    together = [f"pca.12L.f{i:02d}" for i in range(1, 9)]
    each = [f"ae.{lead}.f{i:02d}" for lead in LEADS for i in range(1, 7)]
    return (*together, *each, "clinical.12L.qt_ms", "clinical.12L.pr_ms", "clinical.12L.heart_rate_bpm")


@cache
def make_contents(seed: int = 1, *, hits: bool = True, max_traits_with_hits: int = 12) -> ReportContents:
    rng, study = np.random.default_rng(seed), make_study()
    rows = _associations(rng, hits, max_traits_with_hits)
    associations = Associations.of(rows)
    significant = Associations(associations.frame.filter(pl.col("neglog10p") > THRESHOLD))
    loci = _loci() if hits else Loci.empty()
    versions = {"ecgwas": "0.1.0", "numpy": "2.3.0", "polars": "2.1.0"}
    representations, example, summary = _representations(rng), _example(rng), _summary(rng, significant)
    permutation_max, regions, background = rng.gumbel(6.2, 0.7, 500), _regions(rng, loci), _background(rng)
    return ReportContents(
        run=RunInfo(
            "synthetic", seed, study.as_written(study), KindWords.of(study), versions, ("2 hit genes are not in STRING",)
        ),
        cohort=Cohort(_recordings(), _people(), COVARIATES, example),
        representations=representations,
        scan=ScanResults(
            trait_names=trait_names(),
            trait_report=pl.DataFrame({"trait": ["ae.V9.f01"], "status": ["left_out"], "reason": ["constant"], "n": [74]}),
            rows=ScanRows.of(associations),
            keep_neglog10p=3.0,
            excluded_variants=pl.DataFrame({"reason": ["maf", "call_rate"], "variants": [1203, 17]}),
            summary=summary,
            qq=_qq(associations),
            permutation_max=permutation_max,
            background=background,
        ),
        loci=LociResults(
            thresholds=_thresholds(len(significant), len(loci)),
            hits=Hits.of_associations(significant),
            loci=loci,
            power=_power(),
            genotype_beats=_beats() if hits else (),
            regions=regions,
            planted=_planted(),
            lead_tests=_lead_tests(loci),
        ),
        genes=GeneResults(
            genes=_genes(loci),
            clusters=_clusters() if hits else Clusters.empty(),
            edges=_edges() if hits else Edges.empty(),
            terms=_terms() if hits else Terms.empty(),
        ),
        tables=_tables(loci),
        null_study=make_null_study(seed) if hits else None,
    )


@cache
def page_of(kind: str) -> Page:
    """The page of a study, drawn once for all tests: "full", "without hits", "empty", "measured"."""
    makers = {"full": make_contents, "without hits": lambda: make_contents(hits=False), "empty": make_empty_contents,
              "measured": lambda: with_measured_hits(make_contents())}  # fmt: skip
    return render(ReportOptions(), makers[kind]())


MEASURED = {"clinical.12L.qt_ms": "ms", "clinical.12L.heart_rate_bpm": "beats/min"}


def with_measured_hits(contents: ReportContents) -> ReportContents:
    """Hits of two measured traits at the first two loci, with effects in their units and corrected for the winner's curse."""
    places = [(chrom, variant) for chrom, variant, _, _ in PLANTED[:2]]
    rows = [_row(trait, variant, chrom, CHROMOSOMES[chrom], 9.0 + k) | {"beta": -0.4, "se": 0.06}
            for k, trait in enumerate(MEASURED) for chrom, variant in places]  # fmt: skip
    effects = pl.DataFrame([{"effect": -6.25 / (1 + k), "effect_se": 0.871 / (1 + k), "unit": unit}
                            for k, unit in enumerate(MEASURED.values()) for _ in places])  # fmt: skip
    more = Hits.of_associations(Associations.of(rows), effects)
    audited = Audit.of([_audited({"best_trait": row["trait"], "lead_variant": row["variant"], **row}, None)
                        | {"beta_corrected": -0.3, "beta_corrected_low": -0.45, "beta_corrected_high": -0.1}
                        for row in rows])  # fmt: skip
    audit = pl.concat([contents.tables[files.AUDIT], audited.frame])
    with_unit = pl.DataFrame({"trait": list(MEASURED), "status": "kept", "reason": None, "n": 74, "unit": MEASURED.values()})
    return changed(
        contents, hits=Hits(pl.concat([contents.loci.hits.frame, more.frame])),
        rows=ScanRows.of(Associations(pl.concat([rows_of(contents), more.associations.frame]))),
        trait_report=pl.concat([contents.scan.trait_report, with_unit], how="diagonal_relaxed"),
        tables={**contents.tables, files.AUDIT: audit},
    )  # fmt: skip


def changed(contents: ReportContents, **fields: Any) -> ReportContents:
    """The contents with other fields, in whichever part they are: `changed(contents, hits=..., notes=...)`."""
    for part in ("run", "cohort", "scan", "loci", "genes"):
        own = {name: fields.pop(name) for name in list(fields) if name in getattr(contents, part).__dataclass_fields__}
        contents = replace(contents, **{part: replace(getattr(contents, part), **own)})
    return replace(contents, **fields)


def rows_of(contents: ReportContents) -> pl.DataFrame:
    """All rows that the scan kept, in memory."""
    return pl.concat([Associations.empty().frame, *contents.scan.rows.chunks(list(Associations.columns))])


def make_null_study(seed: int = 1) -> NullStudy:
    """One variant passes the threshold, and lies in a gene."""
    quiet = make_contents(seed + 100, hits=False)
    row = _row("ae.V1.f01", "rs5", "6", CHROMOSOMES["6"], THRESHOLD + 0.3)
    locus = {"locus": 1, "lead_variant": "rs5", "chrom": "6", "pos": CHROMOSOMES["6"], "start": CHROMOSOMES["6"],
             "stop": CHROMOSOMES["6"], "effect_allele": "A", "other_allele": "G", "eaf": 0.31, "best_trait": "ae.V1.f01",
             "neglog10p": THRESHOLD + 0.3, "traits": 1, "variants": 1}  # fmt: skip
    gene = {"locus": 1, "variant": "rs5", "chrom": "6", "pos": CHROMOSOMES["6"], "effect_allele": "A",
            "other_allele": "G", "gene": "GENE1", "distance_bp": 0, "rank": 1,
            "relation": "overlap", "source": "regions", "source_version": "glist-hg19",
            "evidence": None}  # fmt: skip
    loci = replace(quiet.loci, hits=Hits.of_associations(Associations.of([row])), loci=Loci.of([locus]))
    return NullStudy(quiet.scan.trait_names, loci, replace(quiet.genes, genes=Genes.of([gene])))


def make_empty_contents() -> ReportContents:
    """Nothing learned, nothing found, nothing shuffled, nothing mapped."""
    full = make_contents(hits=False)
    clinical = replace(full.representations[-1], name="clinical")
    return changed(
        full, representations=(clinical,), example=None, rows=ScanRows.of(Associations.empty()), permutation_max=np.empty(0),
        qq=full.scan.qq.clear(), planted=None, notes=(), excluded_variants=full.scan.excluded_variants.clear(),
        trait_names=("clinical.12L.qt_ms",), summary=Summary(full.scan.summary.frame.tail(1)),
        trait_report=full.scan.trait_report.clear(), background=None, tables={},
    )  # fmt: skip


def _regions(rng: np.random.Generator, loci: Loci) -> tuple[LocusRegion, ...]:
    return tuple(_region(rng, row) for row in loci.frame.iter_rows(named=True))


def _region(rng: np.random.Generator, locus: dict[str, Any]) -> LocusRegion:
    middle = locus["pos"]
    places = np.unique(np.append(middle, middle + rng.integers(-250_000, 250_000, 80)))
    r2 = np.exp(-np.abs(places - middle) / 60_000)
    tests = pl.DataFrame({"variant": [f"rs{at}" for at in places], "pos": places, "effect_allele": "A",
                          "other_allele": "G", "eaf": 0.31, "n": 74, "beta": 0.1, "se": 0.02,
                          "neglog10p": locus["neglog10p"] * r2,
                          "r2": r2}).with_columns(variant=pl.when(pl.col("pos") == middle).then(pl.lit(locus["lead_variant"]))
                                                  .otherwise(pl.col("variant")))  # fmt: skip
    exons = [[], [middle - 9_000, middle + 5_000, middle + 29_000], []]
    genes = pl.DataFrame({"gene": ["LEFT1", "MIDDLE1", "RIGHT1"], "start": [middle - 300_000, middle - 9_000, middle + 90_000],
                          "stop": [middle - 100_000, middle + 30_000, middle + 200_000], "strand": ["+", "-", None],
                          "exon_starts": exons, "exon_stops": [[at + 1_000 for at in starts] for starts in exons]},
                         schema=GENES_OF_REGION)  # fmt: skip
    rates = pl.DataFrame({"pos": [middle - 260_000, middle - 50_000, middle - 48_000, middle + 260_000],
                          "rate": [0.2, 42.0, 1.5, None]}, schema=RATES)  # fmt: skip
    return LocusRegion(locus["locus"], locus["best_trait"], locus["chrom"], middle - 250_000, middle + 250_000,
                  lead_variant_of(locus), tests, genes, _layers(locus, tests), rates)  # fmt: skip


def _layers(locus: dict[str, Any], tests: pl.DataFrame) -> tuple[RegionLayer, ...]:
    """Of the first locus another trait and two signals."""
    if locus["locus"] != 1:
        return ()
    lead = lead_variant_of(locus)
    second = tests.row(3, named=True)
    other = lead | {name: second[name] for name in ("variant", "pos", "effect_allele", "other_allele")}
    weaker = tests.with_columns(pl.col("neglog10p") / 2)
    own = pl.when(pl.col("pos") == second["pos"]).then(1.0).otherwise(0.1)
    of_other = tests.with_columns(r2=own, neglog10p=own * 9)
    return (RegionLayer("clinical.12L.qt_ms", None, lead, weaker), RegionLayer(locus["best_trait"], 1, lead, tests),
            RegionLayer(locus["best_trait"], 2, other, of_other))  # fmt: skip


def _lead_tests(loci: Loci) -> pl.DataFrame:
    """Each lead variant against every trait; of the strongest trait the locus' own test."""
    rows = []
    for locus in loci.frame.iter_rows(named=True):
        for k, trait in enumerate(trait_names()):
            height = locus["neglog10p"] if trait == locus["best_trait"] else 0.05 * (k % 50)
            row = _row(trait, locus["lead_variant"], locus["chrom"], locus["pos"], height)
            rows.append({"locus": locus["locus"], **row, "beta": 0.1 if k % 2 else -0.1})
    return LeadTests.of(rows).frame


def _background(rng: np.random.Generator) -> Background:
    edges = np.linspace(0, 3, 31)
    expected = 8_000 * -np.diff(10.0**-edges)
    counts = rng.poisson(expected, (len(trait_names()), len(CHROMOSOMES), 30))
    return Background(tuple(CHROMOSOMES), edges, counts)


def _tables(loci: Loci) -> dict[ResultFile, pl.DataFrame]:
    """Further tables with the columns that the stages write; the lead of locus 2 is suspicious."""
    leads = list(loci.frame.iter_rows(named=True))
    audit = Audit.of([_audited(row, "one person" if row["locus"] == 2 else None) for row in leads])
    credible = Credible.of([{"locus": row["locus"], "trait": row["best_trait"], "set": 1, "method": "susie",
                             "variant": row["lead_variant"], "chrom": row["chrom"], "pos": row["pos"], "effect_allele": "A",
                             "other_allele": "G", "posterior": 0.91, "inclusion": 0.95, "variants": 1,
                             "coverage": 0.96, "purity": 1.0}
                            for row in leads])  # fmt: skip
    heritability = Heritability.of([{"trait": "ae.V3.f02", "people": 74, "variants": 900, "heritability": -0.04, "se": 0.2,
                                      "greml": 0.0, "greml_se": 0.2, "greml_p": 1.0}])  # fmt: skip
    guards = pl.DataFrame({"guard": ["kinship"], "status": ["pass"], "value": [0.02], "limit": [0.0884], "left_out": [3]})
    return {files.AUDIT: audit.frame, files.CREDIBLE: credible.frame, files.HERITABILITY: heritability.frame,
            files.SAMPLE_GUARDS: guards, files.SCAN_GUARDS: guards, files.SET_HITS: guards.clear()}  # fmt: skip


def _audited(locus: dict[str, Any], flag: str | None) -> dict[str, Any]:
    numbers = {name: 0.5 for name, column in Audit.columns.items() if column.dtype == pl.Float64()}
    counts = {name: 20 for name, column in Audit.columns.items() if column.dtype == pl.Int64()}
    place = {name: locus[name] for name in ("chrom", "pos", "effect_allele", "other_allele", "eaf", "neglog10p")}
    return numbers | counts | place | {"trait": locus["best_trait"], "variant": locus["lead_variant"], "flags": flag}


def make_study() -> Study:
    return Study.model_validate(
        {
            "name": "synthetic", "read": {"recordings": "ecg"}, "traits": {"covariates": "covariates.tsv"},
            "scan": {"kind": "matrix", "genotypes": "genotypes/cohort"},
            "represent": [{"kind": "pca", "name": "pca", "features": 8},
                          {"kind": "residual_autoencoder", "name": "ae", "features": 6},
                          {"kind": "intervals", "name": "clinical"}],
            "genes": [{"kind": "regions", "file": "genes.tsv"}, {"kind": "string_files", "links": "links.txt"},
                      {"kind": "enrichment", "terms": "terms.gmt"}],
        },
        context={"folder": Path("study")},
    )  # fmt: skip


def _associations(rng: np.random.Generator, hits: bool, traits_with_hits: int) -> list[dict[str, Any]]:
    rows = []
    for k, trait in enumerate(trait_names()):
        for _ in range(rng.poisson(20)):
            chrom = str(rng.choice(list(CHROMOSOMES)))
            at = int(rng.integers(CHROMOSOMES[chrom] - 2_000_000, CHROMOSOMES[chrom] + 2_000_000))
            rows.append(_row(trait, f"rs{at}", chrom, at, 3 + float(rng.exponential(0.4))))
        if not hits or k * 7 % len(trait_names()) >= traits_with_hits * 2:
            continue
        for chrom, variant, _, strength in PLANTED:
            if (k + len(variant)) % 3 == 0 or (k == 0):
                height = strength * (1 if k == 0 else rng.uniform(0.6, 0.95))
                rows += _signal(rng, trait, variant, chrom, height)
    return rows


def _signal(rng: np.random.Generator, trait: str, variant: str, chrom: str, height: float) -> list[dict[str, Any]]:
    middle = CHROMOSOMES[chrom]
    rows = [_row(trait, variant, chrom, middle, height)]
    for offset in rng.integers(-120_000, 120_000, 25):
        lower = height * float(np.exp(-abs(int(offset)) / 60_000)) * rng.uniform(0.7, 1)
        rows += [_row(trait, f"rs{middle + int(offset)}", chrom, middle + int(offset), lower)] if lower > 3 else []
    return rows


def _row(trait: str, variant: str, chrom: str, pos: int, neglog10p: float) -> dict[str, Any]:
    return {
        "trait": trait, "variant": variant, "chrom": chrom, "pos": pos, "effect_allele": "A", "other_allele": "G", "eaf": 0.31,
        "n": 74, "beta": 0.1, "se": 0.02, "t": 5.0, "neglog10p": neglog10p,
    }  # fmt: skip


def _loci() -> Loci:
    return Loci.of([
        {"locus": i + 1, "lead_variant": variant, "chrom": chrom, "pos": CHROMOSOMES[chrom],
         "start": CHROMOSOMES[chrom] - 60_000, "stop": CHROMOSOMES[chrom] + 60_000, "effect_allele": "A", "other_allele": "G",
         "eaf": 0.31,
         "best_trait": "pca.12L.f01", "neglog10p": strength, "traits": 6 - i, "variants": 14 + i,
         "known": "new" if i == 1 else "known", "known_distance_bp": None}
        for i, (chrom, variant, _, strength) in enumerate(PLANTED)
    ])  # fmt: skip


def _recordings() -> Recordings:
    eids = make_eids(PEOPLE + 4)
    rows = [{"eid": eid, "lead": "12L", "instance": "2_0", "path": f"{eid}_20205_2_0.xml", "status": "kept", "row": i}
            for i, eid in enumerate(eids[:PEOPLE])]  # fmt: skip
    flat = {"lead": "12L", "instance": "2_0", "status": "left_out", "reason": "flat lead V3"}
    rows += [{"eid": eid, "path": f"{eid}.xml", **flat}
             for eid in eids[PEOPLE:]]  # fmt: skip
    again = f"duplicate of {eids[0]}_20205_2_0.xml"
    rows += [{"eid": eids[0], "lead": "12L", "instance": "3_0", "path": "b.xml", "status": "duplicate", "reason": again}]
    measured = {"rate_hz": 500.0, "seconds": 10.0, "beats": 9, "noise_uv": 20.0}
    return Recordings.of([dict.fromkeys(Recordings.columns) | {"path": ""} | measured | row for row in rows])


def _people() -> People:
    eids = make_eids(PEOPLE)
    return People.of([{"eid": eid, "status": "kept" if i < 74 else "dropped", "reason": None if i < 74 else "no genotypes"}
                      for i, eid in enumerate(eids)])  # fmt: skip


@lru_cache(maxsize=1)
def _signals() -> Any:
    return make_signals(PEOPLE, 3)


def _example(rng: np.random.Generator) -> Example:
    signals = _signals()
    clean = np.asarray(signals.strips[0])
    wander = 180 * np.sin(np.arange(clean.shape[1]) / 500 * 1.9) + rng.normal(0, 12, clean.shape)
    return Example((clean + wander).astype(np.float32), clean, np.asarray(signals.beats[0]), signals.beat_times_ms, 500.0)


def _representations(rng: np.random.Generator) -> tuple[RepresentationResults, ...]:
    beat = np.asarray(_signals().beats[0])
    epochs = np.arange(1, 25)
    history = pl.DataFrame({
        "epoch": epochs, "train_loss": 0.8 * np.exp(-epochs / 5) + 0.1, "validation_loss": 0.8 * np.exp(-epochs / 6) + 0.13,
        "learning_rate": [1e-3] * 24, "seconds": rng.random(24),
    })  # fmt: skip
    nothing = history.clear()
    errors = pl.DataFrame({"method": ["self", "pca_32", "mean"], "mse": [0.121, 0.08, 0.91], "pearson_r": [0.93, 0.96, 0.2]})
    mse = pl.DataFrame({"lead": list(LEADS) * PEOPLE, "mse": rng.lognormal(-2, 0.5, 12 * PEOPLE)})
    whole = pl.DataFrame({"lead": ["12L"] * PEOPLE, "mse": rng.lognormal(-3, 0.5, PEOPLE)})
    r = [{"lead": lead, "feature": f"f{i:02d}", "r": float(rng.beta(9, 2))} for lead in LEADS for i in range(1, 7)]
    visits = {"icc": 0.7, "icc_low": 0.5, "icc_high": 0.82, "people": 40}
    reliability = Reliability.of([row | visits for row in r]).frame
    smooth = np.apply_along_axis(lambda row: np.convolve(row, np.ones(9) / 9, "same"), 1, beat)
    return (
        RepresentationResults("pca", "pca", nothing, errors.tail(2), reliability.head(8), whole, 0, beat * 0.97, _moved(beat)),
        RepresentationResults(
            "ae",
            "residual_autoencoder",
            history,
            errors,
            reliability,
            mse,
            3,
            smooth,
            signals_kept=12 * PEOPLE - 3,
            max_mse=0.4,
            signals=_pairs(),
            rate_hz=500.0,
            architecture=ARCHITECTURE,
        ),
        RepresentationResults(
            "clinical",
            "intervals",
            nothing,
            errors.clear(),
            reliability.clear(),
            mse.clear(),
            meanings={"qt_ms": "QRS onset to T end (ms)"},
        ),
    )


def _pairs() -> tuple[ReconstructedSignal, ...]:
    strips = np.asarray(_signals().strips[0])
    return tuple(ReconstructedSignal(LEADS[k], 0.15 * k + 0.1, k < 3, strips[k], 0.8 * strips[k]) for k in range(4))


ARCHITECTURE = (
    {"step": "input", "layers": [], "shape": [1, 5000], "parameters": 0},
    {"step": "encoder 1", "layers": ["conv 7, stride 2", "batch norm"], "shape": [32, 2500], "parameters": 7648},
    {"step": "features", "layers": ["dense 80,000"], "shape": [6], "parameters": 480_006},
    {"step": "decoder 1", "layers": ["doubled in time", "conv 7"], "shape": [32, 5000], "parameters": 14_432},
    {"step": "output", "layers": ["conv 7"], "shape": [1, 5000], "parameters": 225},
)


def _moved(beat: np.ndarray) -> dict[str, Traversal]:
    """Each feature makes the beat higher, the k-th by 2 k %."""
    times = _signals().beat_times_ms
    return {f"f{k:02d}": Traversal(f"f{k:02d}", 2.0, times, np.stack([beat * (1 + 0.02 * k * sign) for sign in (-1, 0, 1)]))
            for k in range(1, 9)}  # fmt: skip


def _beats() -> tuple[GenotypeBeats, ...]:
    """Beats by genotype; the planted dosage of each locus raises amplitudes by 15 % a copy."""
    signals = _signals()
    rng = np.random.default_rng(8)
    variants = []
    beats = np.asarray(signals.beats, dtype=np.float32).copy()
    for i, (_, variant, _, _) in enumerate(PLANTED):
        dosage = rng.binomial(2, 0.4, PEOPLE).astype(float)
        beats[:, :, 170 + 60 * i :] *= (1 + 0.15 * dosage)[:, None, None]
        variants.append(LeadVariant(i + 1, variant, "A", "G", dosage))
    found = genotype_beats(with_beats(signals, beats), variants)
    return tuple(replace(one, decoded={"pca": (one.slope_uv * 0.9).astype(np.float32)}) for one in found)


def _summary(rng: np.random.Generator, significant: Associations) -> Summary:
    counts = dict(significant.frame.group_by("trait").len().iter_rows())
    return Summary.of([
        {"trait": trait, "n": 74, "lambda_gc": float(rng.normal(1, 0.02)), "threshold": 10**-THRESHOLD,
         "significant": counts.get(trait, 0), "tests": 51_234, "not_computed": 0}
        for trait in trait_names()
    ])  # fmt: skip


def _thresholds(significant: int, loci: int) -> Thresholds:
    kinds = (("published", 8.2, None), ("bonferroni", 9.2, None), ("effective", 8.9, None), ("permutation", THRESHOLD, 0.2))
    return Thresholds.of([
        dict.fromkeys(Thresholds.columns)
        | {"kind": kind, "p": 10**-value, "neglog10p": value, "low": value - width if width else None,
         "high": value + width if width else None, "significant": significant, "loci": loci, "used": kind == "permutation",
         "note": "5% family-wise over all traits and variants, 500 permutations of the participants"}
        for kind, value, width in kinds
    ])  # fmt: skip


def _qq(associations: Associations) -> pl.DataFrame:
    frames = []
    tests = 51_234
    ranks = np.unique(np.geomspace(1, tests, 60).astype(int))[::-1]
    for trait in trait_names():
        strongest = np.sort(associations.frame.filter(pl.col("trait") == trait)["neglog10p"].to_numpy())[::-1]
        expected = -np.log10((ranks - 0.5) / tests)
        observed = np.where(ranks <= len(strongest), strongest[np.minimum(ranks, max(len(strongest), 1)) - 1], expected)
        frames.append(pl.DataFrame({"trait": trait, "expected": expected, "observed": observed, "low": expected * 0.85,
                                    "high": expected * 1.2 + 0.1}))  # fmt: skip
    return pl.concat(frames)


def _power() -> pl.DataFrame:
    return pl.DataFrame({"kind": ["bonferroni", "permutation"], "p": [1e-9, 4e-9], "people": [74, 74],
                         "share_at_power_50": [0.3, 0.28], "share_at_power_80": [0.39, 0.37],
                         "share_at_power_95": [0.47, 0.45], "power_at_share_0.01": [0.001, 0.001]})  # fmt: skip


def _genes(loci: Loci) -> Genes:
    rows = []
    for row in loci.frame.iter_rows(named=True):
        gene = PLANTED[row["locus"] - 1][2]
        near = [gene, "SCN10A"] if gene == "SCN5A" else [gene]
        rows += [{"locus": row["locus"], "variant": row["lead_variant"], "chrom": row["chrom"], "pos": row["pos"],
                  "effect_allele": row["effect_allele"], "other_allele": row["other_allele"], "gene": name,
                  "distance_bp": 2_000 * rank, "rank": rank + 1, "relation": "overlap", "evidence": None, "source": "regions",
                  "source_version": "glist-hg19"} for rank, name in enumerate(near)]  # fmt: skip
    return Genes.of(rows)


def _edges() -> Edges:
    pairs = [(0, 1), (0, 2), (1, 2), (0, 4), (2, 4), (3, 8), (8, 9), (3, 9), (6, 7), (7, 8), (0, 6)]
    cluster = [1, 1, 1, 2, 1, 4, 3, 3, 2, 2]
    return Edges.of([{"gene_a": NETWORK[a], "gene_b": NETWORK[b], "score": 0.5 + 0.04 * (a + b) / 2,
                      "cluster": cluster[a] if cluster[a] == cluster[b] else None} for a, b in pairs])  # fmt: skip


def _clusters() -> Clusters:
    cluster = [1, 1, 1, 2, 1, 4, 3, 3, 2, 2]
    return Clusters.of([{"gene": gene, "cluster": c, "size": cluster.count(c), "degree": 2 if c != 4 else 0,
                         "name": "cardiac conduction" if c == 1 else None,
                         "named_by": "term of Process, FDR 0.0001" if c == 1 else None,
                         "colour": SERIES[c - 1] if cluster.count(c) > 1 else None}
                        for gene, c in zip(NETWORK, cluster, strict=True)])  # fmt: skip


def _terms() -> Terms:
    return Terms.of([
        {"category": "Process", "term": f"GO:00{i}", "description": words, "observed": 4, "expected": 0.2, "background": 90,
         "strength": 1.3 - 0.1 * i, "p": 1e-6 * 10**i, "fdr": 1e-4 * 10**i, "kept": i < 2, "cardiovascular": i == 0,
         "group": "cardiovascular" if i == 0 else "other", "reason": "word: cardi" if i == 0 else None,
         "genes": "SCN5A;NOS1AP;TTN;KCNQ1"}
        for i, words in enumerate(("cardiac conduction", "sodium ion transport", "muscle contraction"))
    ])  # fmt: skip


def _planted() -> pl.DataFrame:
    rows = [(variant, chrom, CHROMOSOMES[chrom], "qt_ms", "20", "ms") for chrom, variant, _, _ in PLANTED]
    rows.append(("rs4246215", "11", CHROMOSOMES["11"], "pr_ms", "20", "ms"))
    return pl.DataFrame(rows, schema=["variant", "chrom", "pos", "parameter", "effect", "unit"], orient="row")

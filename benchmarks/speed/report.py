"""How large is the page of a large study, and how long does a reader wait?

    python -m benchmarks.speed.report            384 traits, 1 million variants
    python -m benchmarks.speed.report --variants 10000000
    python -m benchmarks.speed.report --quick    48 traits, 100,000 variants

Tests are drawn from the null, and 24 loci are planted, each with its ECG by genotype and the regional associations of five
traits. 32 features are traversed in 12 leads. The page is opened from a file in Chromium, offline. Prints one line per measure:

    REPORT traits=<K> variants=<M> kept_rows=<n> page_mib=<s> render_cpu_s=<s> peak_mib=<m>
    CHROMIUM first_picture_s=<s> trait_s median=<s> worst=<s> of=<n> first=<s>

first_picture: from the start of navigation to the first paint with content, on a page that was never opened before.
trait: from the change of the address to the drawn Manhattan and QQ plots; `first` includes unpacking all variants' positions.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.record import recorded
from ecgwas.leads import LEADS
from ecgwas.loci.individual_data import lead_variant_of
from ecgwas.progress import peak_memory_mib
from ecgwas.report import (
    GENES_OF_REGION,
    Background,
    Cohort,
    GeneResults,
    GenotypeBeats,
    KindWords,
    LociResults,
    LocusRegion,
    RegionLayer,
    ReportContents,
    RepresentationResults,
    RunInfo,
    ScanResults,
    ScanRows,
    Traversal,
    render,
)
from ecgwas.study import ReportOptions, Study
from ecgwas.tables import Associations, Clusters, Edges, Genes, Loci, People, Recordings, Summary, Terms, Thresholds
from ecgwas.tables.loci import Hits, LeadTests
from ecgwas.tables.recordings import Reliability

FLOOR, THRESHOLD, LOCI, SAMPLES = 3.0, 9.5, 24, 475
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
PATIENCE_MS = 180_000
"""A busy machine may be slow: what is measured is said, not cut off."""
LENGTHS = np.linspace(249e6, 51e6, 22).astype(np.int64)


def make_contents(traits: int, variants: int, seed: int = 1) -> ReportContents:
    """Report contents of a null study with planted loci, as its stages would have written them."""
    rng, study = np.random.default_rng(seed), _study()
    names = tuple(f"ae.{lead}.f{i:02d}" for lead in LEADS for i in range(1, traits // 12 + 1))
    rows = _rows(rng, names, variants)
    loci = _loci(rows.filter(pl.col("neglog10p") > THRESHOLD))
    hits = rows.filter(pl.col("neglog10p") > THRESHOLD)
    locus_rows = list(loci.frame.iter_rows(named=True))
    genotype_beats, regions = tuple(_beats(rng, row) for row in locus_rows), tuple(_region(rng, row) for row in locus_rows)
    lead_tests = pl.concat([LeadTests.empty().frame, *(_lead_tests(rng, names, row) for row in locus_rows)])
    return ReportContents(
        run=RunInfo("benchmark", seed, study.as_written(study), KindWords.of(study), {"ecgwas": "benchmark"}),
        cohort=Cohort(Recordings.empty(), People.empty()),
        representations=(_representation(traits // 12),),
        scan=ScanResults(
            trait_names=names, trait_report=pl.DataFrame(), rows=ScanRows.of(Associations(rows.sort("chrom", "pos"))),
            keep_neglog10p=FLOOR, excluded_variants=pl.DataFrame(schema={"reason": pl.String, "variants": pl.Int64}),
            summary=_summary(rng, names, variants, hits), qq=_qq(rows, names, variants),
            permutation_max=rng.gumbel(7, 0.5, 1000), background=_background(rng, traits, variants),
        ),
        loci=LociResults(
            thresholds=_thresholds(), hits=Hits.of_associations(Associations(hits)), loci=loci,
            power=pl.DataFrame(schema={"kind": pl.String}),
            genotype_beats=genotype_beats, regions=regions, lead_tests=lead_tests,
        ),
        genes=GeneResults(Genes.empty(), Clusters.empty(), Edges.empty(), Terms.empty()),
    )  # fmt: skip


def _study() -> Study:
    return Study.model_validate(
        {"name": "benchmark", "read": {"recordings": "ecg"}, "traits": {"covariates": "c.tsv"}, "genes": [],
         "scan": {"kind": "matrix", "genotypes": "g"}, "represent": [{"kind": "residual_autoencoder", "name": "ae"}]},
        context={"folder": Path("study")},
    )  # fmt: skip


def _rows(rng: np.random.Generator, names: tuple[str, ...], variants: int) -> pl.DataFrame:
    """The rows that a null scan keeps: one in a thousand tests, and LOCI planted associations of the first trait."""
    share = LENGTHS / LENGTHS.sum()
    chroms = np.repeat(np.arange(22), np.round(share * variants).astype(np.int64))
    places = np.concatenate([np.sort(rng.integers(1, length, (chroms == c).sum())) for c, length in enumerate(LENGTHS)])
    counts = rng.binomial(len(places), 10.0**-FLOOR, len(names))
    chosen = rng.integers(0, len(places), counts.sum())
    neglog10p = FLOOR + rng.exponential(1 / np.log(10), counts.sum())
    neglog10p[np.linspace(0, counts[0] - 1, LOCI).astype(np.int64)] = rng.uniform(THRESHOLD + 1, 20, LOCI)
    return pl.DataFrame({
        "trait": np.repeat(np.array(names), counts), "variant": [f"rs{i * 211 % 999_999_937}" for i in chosen],
        "chrom": (chroms[chosen] + 1).astype(str), "pos": places[chosen], "effect_allele": np.array(list("ACGT"))[chosen % 4],
        "other_allele": np.array(list("GTAC"))[chosen % 4], "eaf": rng.uniform(0.01, 0.99, len(chosen)), "n": 40_000,
        "beta": rng.normal(0, 0.05, len(chosen)), "se": 0.01, "t": 3.5, "neglog10p": neglog10p,
    })  # fmt: skip


def _loci(hits: pl.DataFrame) -> Loci:
    best = hits.sort("neglog10p", descending=True).head(LOCI).sort("chrom", "pos")
    return Loci.of([
        {"locus": i, "lead_variant": row["variant"], "chrom": row["chrom"], "pos": row["pos"], "start": row["pos"],
         "stop": row["pos"], "effect_allele": row["effect_allele"], "other_allele": row["other_allele"], "eaf": row["eaf"],
         "best_trait": row["trait"],
         "neglog10p": row["neglog10p"], "traits": 1, "variants": 1}
        for i, row in enumerate(best.iter_rows(named=True), start=1)
    ])  # fmt: skip


def _summary(rng: np.random.Generator, names: tuple[str, ...], variants: int, hits: pl.DataFrame) -> Summary:
    counts = dict(hits.group_by("trait").len().iter_rows())
    return Summary.of([
        {"trait": name, "n": 40_000, "lambda_gc": float(rng.normal(1, 0.01)), "threshold": 10**-THRESHOLD,
         "significant": counts.get(name, 0), "tests": variants, "not_computed": 0}
        for name in names
    ])  # fmt: skip


def _thresholds() -> Thresholds:
    return Thresholds.of([dict.fromkeys(Thresholds.columns) |
                          {"kind": "bonferroni", "p": 10**-THRESHOLD, "neglog10p": THRESHOLD, "low": None, "high": None,
                           "significant": LOCI, "loci": LOCI, "used": True, "note": "of the benchmark"}])  # fmt: skip


def _qq(rows: pl.DataFrame, names: tuple[str, ...], variants: int) -> pl.DataFrame:
    ranks = np.unique(np.concatenate([np.arange(1, 21), np.geomspace(1, variants, 60).astype(np.int64)]))
    expected = -np.log10((ranks - 0.5) / variants)
    frames = []
    for key, group in rows.group_by("trait", maintain_order=True):
        kept = np.sort(group["neglog10p"].to_numpy())[::-1]
        observed = np.where(ranks <= len(kept), kept[np.minimum(ranks, len(kept)) - 1], expected)
        frames.append(pl.DataFrame({"trait": str(key[0]), "expected": expected, "observed": observed,
                                    "low": expected * 0.9, "high": expected * 1.1}).reverse())  # fmt: skip
    return pl.concat(frames)


def _background(rng: np.random.Generator, traits: int, variants: int) -> Background:
    edges = np.linspace(0, FLOOR, 31)
    share = (LENGTHS / LENGTHS.sum())[:, None] * -np.diff(10.0**-edges)[None, :]
    return Background(tuple(str(c) for c in range(1, 23)), edges, rng.poisson(share * variants, (traits, 22, 30)))


def _times() -> np.ndarray:
    return np.arange(SAMPLES) * 2.0 - 350


def _wave() -> np.ndarray:
    """(12, T) µV, a beat-like curve."""
    times = _times()
    waves = ((-160, 25, 120), (-15, 8, -120), (0, 9, 1100), (18, 9, -250), (280, 50, 280))
    beat = sum(height * np.exp(-0.5 * ((times - at) / width) ** 2) for at, width, height in waves)
    return np.linspace(-0.8, 1.4, 12)[:, None] * beat[None, :]


def _beats(rng: np.random.Generator, row: dict[str, object]) -> GenotypeBeats:
    wave = _wave()
    mean = np.stack([wave * (1 + 0.02 * k) + rng.normal(0, 2, wave.shape) for k in range(3)])
    slope = 0.02 * wave + rng.normal(0, 1, wave.shape)
    return GenotypeBeats(
        int(str(row["locus"])), str(row["lead_variant"]), "A", "G", _times(), np.array([20_000, 16_000, 4_000]), mean,
        np.full_like(mean, 6.0), slope, np.full_like(slope, 3.0), np.abs(slope),
        decoded={"ae": (slope * 0.9).astype(np.float32)},
    )  # fmt: skip


def _region(rng: np.random.Generator, row: dict[str, object]) -> LocusRegion:
    """Five traits against 2,000 variants, with genes, exons and recombination rates."""
    middle, count, layers = int(str(row["pos"])), 2_000, 4
    places = np.sort(rng.integers(middle - 250_000, middle + 250_000, count))
    first, *others = (_tests(rng, row, places, middle) for _ in range(1 + layers))
    starts = [[middle - 90_000 + 9_000 * k for k in range(9)], [middle + 7_000 * k for k in range(10)]]
    stops = [[start + 300 for start in gene] for gene in starts]
    genes = pl.DataFrame(
        {"gene": ["LEFT", "RIGHT"], "start": [middle - 90_000, middle], "stop": [middle - 9_000, middle + 70_000],
         "strand": ["+", "-"], "exon_starts": starts, "exon_stops": stops}, schema=GENES_OF_REGION,
    )  # fmt: skip
    rates = pl.DataFrame({"pos": np.arange(middle - 250_000, middle + 250_000, 1_000), "rate": rng.exponential(1.0, 500)})
    lead = lead_variant_of(row)
    further = tuple(RegionLayer(f"ae.V6.f{k + 1:02d}", None, lead, tests) for k, tests in enumerate(others))
    return LocusRegion(
        int(str(row["locus"])), str(row["best_trait"]), str(row["chrom"]), middle - 250_000, middle + 250_000, lead, first,
        genes, further, rates,
    )  # fmt: skip


def _tests(rng: np.random.Generator, row: dict[str, object], places: NDArray[np.int64], middle: int) -> pl.DataFrame:
    count = len(places)
    r2 = np.exp(-np.abs(places - middle) / 30_000) * rng.uniform(0, 1, count)
    return pl.DataFrame(
        {"variant": [f"rs{place}" for place in places], "pos": places, "effect_allele": "A", "other_allele": "G", "eaf": 0.31,
         "n": 40_000, "beta": 0.05 * r2, "se": 0.007, "r2": r2,
         "neglog10p": r2 * float(str(row["neglog10p"])) + rng.exponential(0.434, count)}
    )  # fmt: skip


def _lead_tests(rng: np.random.Generator, names: Sequence[str], row: dict[str, object]) -> pl.DataFrame:
    lead, count = lead_variant_of(row), len(names)
    columns = {"locus": row["locus"], "trait": list(names), **lead, "eaf": 0.31, "n": 40_000,
               "beta": rng.normal(0, 0.05, count), "se": 0.007, "t": 5.0, "neglog10p": rng.exponential(1.0, count)}  # fmt: skip
    return pl.DataFrame(columns).select(list(LeadTests.columns)).cast(dict(LeadTests.empty().frame.schema))


def _representation(features: int) -> RepresentationResults:
    wave = _wave().astype(np.float32)
    moved = {
        f"f{k:02d}": Traversal(f"f{k:02d}", 2.0, _times(), np.stack([wave * (1 + s * 0.01 * k) for s in (-1, 0, 1)]))
        for k in range(1, features + 1)
    }
    nothing = Reliability.empty().frame
    return RepresentationResults("ae", "residual_autoencoder", nothing, nothing, nothing, nothing, 0, None, moved)


def measure(browser: Browser, path: Path, names: tuple[str, ...]) -> None:
    """Opens the page and some traits, and prints the times."""
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    first = statistics.median(_opened(browser, path).evaluate(paint) for _ in range(3)) / 1000
    page = _opened(browser, path)
    chosen = [names[i] for i in np.linspace(0, len(names) - 1, 12).astype(int)]
    seconds = [_trait(page, name) for name in chosen]
    rest = seconds[1:]
    print(
        f"CHROMIUM first_picture_s={first:.2f} trait_s median={statistics.median(rest):.3f} worst={max(rest):.3f} "
        f"of={len(rest)} first={seconds[0]:.3f}"
    )


def _opened(browser: Browser, path: Path) -> Page:
    page = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}).new_page()
    page.goto(path.as_uri(), timeout=PATIENCE_MS)
    return page


TRAIT = """name => new Promise(done => {
  const start = performance.now();
  const seen = new MutationObserver(() => {
    if (document.body.dataset.drawn !== name) return;
    seen.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
  });
  seen.observe(document.body, { attributes: true });
  location.hash = 'trait-' + name;
})"""


def _trait(page: Page, name: str) -> float:
    """Seconds from the change of the address to the first frame with both plots."""
    return float(page.evaluate(TRAIT, name)) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="48 traits, 100,000 variants")
    parser.add_argument("--traits", type=int, default=384, help="a multiple of 12")
    parser.add_argument("--variants", type=int, default=1_000_000)
    given = parser.parse_args()
    traits, variants = (48, 100_000) if given.quick else (given.traits, given.variants)
    contents = make_contents(traits, variants)
    start = time.process_time()
    page = render(ReportOptions(), contents)
    seconds = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_text(page.html, encoding="utf-8")
        print(
            f"REPORT traits={traits} variants={variants} kept_rows={contents.scan.rows.summary.rows} "
            f"page_mib={path.stat().st_size / 2**20:.1f} render_cpu_s={seconds:.1f} peak_mib={peak_memory_mib():.0f}",
            flush=True,
        )
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
            measure(browser, path, contents.scan.trait_names)
            browser.close()


if __name__ == "__main__":
    recorded(main, __file__)

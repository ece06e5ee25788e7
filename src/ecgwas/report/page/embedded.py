"""What the page draws on demand: every trait's tests, packed so that hundreds of traits times millions of variants fit.

A block is base64 of zlib-deflated bytes. Numbers in it are little-endian arrays split into byte planes (all first bytes, all
second bytes, ...), which compress better. The page's script (page.data.js) unpacks a block when it is needed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from ecgwas.report.contents import Figure, LociResults, ReportContents, ScanResults
from ecgwas.report.figures.svg import CIVIDIS
from ecgwas.report.figures.thinning import DRAWN, Genome, genome_of
from ecgwas.report.names import feature_figure
from ecgwas.report.page.tables import effect_unit
from ecgwas.report.queries import genes_of_variants, loci_of_traits, locus_pages, nearest_genes
from ecgwas.report.scan_rows import ScanRows, compact
from ecgwas.report.text.points import PointWords
from ecgwas.report.trait_order import chromosome_rank
from ecgwas.tables import VARIANT_KEY, Associations, Genes, files

MOST_POINTS = 500_000
"""Most points of all traits together; where there are more, the weakest become pixels."""

POINTS_FROM = 3.0
"""-log10 p from which tests are points, if these are not too many."""

ALLELES = ("effect_allele", "other_allele")
ACCURACY = ("se", "eaf", "n")
BETA_DECIMALS, NOT_KNOWN = 3, -(2**31 - 1)
"""Decimals of beta at points, as the page shows them; the number of one that is not known."""

STRONGEST = 25
"""Rows of the table of a trait's strongest variants."""

STEP = 0.25
COLUMNS, PIXEL = 1000, 0.025
"""Pixels: number of columns along the genome, and height of a pixel in -log10 p."""


@dataclass(frozen=True)
class Embedded:
    """index: JSON text of all that is small; blocks: name -> packed block."""

    index: str
    blocks: Mapping[str, str]


def packed(content: bytes) -> str:
    """Deflated, in base64."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def planes(values: ArrayLike, kind: str) -> bytes:
    """An array (n,) of four-byte numbers (`<u4` or `<f4`) as byte planes."""
    numbers = np.ascontiguousarray(values, dtype=kind)
    return numbers.view(np.uint8).reshape(-1, 4).T.tobytes()


def embedded(contents: ReportContents, pictures: Mapping[str, Figure]) -> Embedded:
    """Everything for the pages of traits: points, pixels, counts below what the scan kept, QQ curves; words of the pictures."""
    scan = contents.scan
    genome = genome_of(scan.rows)
    points_floor = points_from(scan.rows, scan.keep_neglog10p)
    rows, pixels = _points_and_pixels(scan, genome, points_floor)
    variants = _variants(rows, scan.trait_names)
    blocks = {"variant-places": _places(variants, genome), "variant-names": _names(variants),
              "variant-genes": _genes_and_loci(variants, contents)}  # fmt: skip
    rows = _numbered(rows, variants)
    points, curves = _by_trait(rows), _by_trait(scan.qq)
    no_point, no_curve = rows.clear(), scan.qq.clear()
    for k, trait in enumerate(scan.trait_names):
        counts = np.empty(0) if scan.background is None else scan.background.counts[k].ravel()
        blocks[f"trait-{k}"] = _trait(points.get(trait, no_point), curves.get(trait, no_curve), counts, pixels.of(k))
    blocks |= _effects(contents, points, variants)
    genes = variants.join(genes_of_variants(contents.genes.genes), on=VARIANT_KEY, how="left").select("variant_number", "gene")
    numbers = {trait: k for k, trait in enumerate(scan.trait_names)}
    blocks |= {f"strongest-{numbers[trait]}": _strongest(rows, genes) for trait, rows in points.items() if trait in numbers}
    return Embedded(_index(contents, genome, points_floor, len(variants), pictures), blocks)


def points_from(kept: ScanRows, floor: float) -> float:
    """The -log10 p from which tests are points: POINTS_FROM, or more if there would be more than MOST_POINTS."""
    limits, highest = [max(POINTS_FROM, floor)], kept.summary.highest()
    if kept.summary.rows <= MOST_POINTS or highest is None:
        return limits[0]
    while limits[-1] <= highest:
        limits.append(limits[-1] + STEP)
    counts = np.zeros(len(limits) + 1, dtype=np.int64)
    for rows in kept.chunks(("neglog10p",)):
        values = rows["neglog10p"].drop_nulls().to_numpy()
        n_limits = np.searchsorted(limits, values[np.isfinite(values)], side="right")
        counts += np.bincount(n_limits, minlength=len(counts))
    beyond = counts.sum() - counts.cumsum()
    return limits[int(np.argmax(beyond <= MOST_POINTS))]


class _Pixels:
    """Bits of each of K traits, row by row from the floor up: is there a test in this pixel?"""

    def __init__(self, traits: Sequence[str], genome: Genome, floor: float, top: float) -> None:
        self.numbers = {trait: k for k, trait in enumerate(traits)}
        self.genome, self.floor = genome, floor
        self.height = pixel_rows(floor, top)
        self.bits = np.zeros((len(traits), self.height * COLUMNS // 8), dtype=np.uint8)

    def add(self, rows: pl.DataFrame) -> None:
        starts = rows["chrom"].replace_strict(self.genome.starts, return_dtype=pl.Float64).to_numpy()
        across = ((starts + rows["pos"].to_numpy()) / self.genome.end * COLUMNS).astype(np.int64).clip(0, COLUMNS - 1)
        up = ((rows["neglog10p"].to_numpy() - self.floor) / PIXEL).astype(np.int64).clip(0, self.height - 1)
        traits = rows["trait"].replace_strict(self.numbers, return_dtype=pl.UInt32).to_numpy()
        bytes_, bits = np.divmod(up * COLUMNS + across, 8)
        np.bitwise_or.at(self.bits, (traits, bytes_), np.left_shift(1, bits).astype(np.uint8))

    def of(self, k: int) -> bytes:
        """The bits of a trait; empty if it has none."""
        return self.bits[k].tobytes() if self.bits[k].any() else b""


def _points_and_pixels(scan: ScanResults, genome: Genome, points_floor: float) -> tuple[pl.DataFrame, _Pixels]:
    """Rows from `points_floor` up, and the pixels of all others."""
    columns = (*DRAWN, "beta", *ACCURACY)
    points = [Associations.empty().frame.select(columns)]
    pixels = _Pixels(scan.trait_names, genome, scan.keep_neglog10p, points_floor)
    for rows in scan.rows.chunks(columns):
        finite = rows.filter(pl.col("neglog10p").is_finite())
        real = pl.col("neglog10p") >= points_floor
        points.append(compact(finite.filter(real)))
        below = finite.filter(~real)
        if below.height > 0:
            pixels.add(below)
    return pl.concat(points), pixels


def _by_trait(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(key[0]): group for key, group in frame.group_by("trait", maintain_order=True)}


def _variants(rows: pl.DataFrame, traits: Sequence[str]) -> pl.DataFrame:
    """Each variant once, along the genome, with its number and (column best) that of its strongest trait."""
    order = rows.sort("neglog10p", "trait", descending=[True, False])
    once = order.unique(VARIANT_KEY, keep="first", maintain_order=True)
    numbers = {trait: k for k, trait in enumerate(traits)}
    best = pl.col("trait").replace_strict(numbers, return_dtype=pl.UInt32)
    once = once.select("variant", *VARIANT_KEY, best=best)
    return once.sort(chromosome_rank("chrom"), *VARIANT_KEY).with_row_index("variant_number")


def _numbered(rows: pl.DataFrame, variants: pl.DataFrame) -> pl.DataFrame:
    rows = rows.select(*VARIANT_KEY, "trait", "neglog10p", "beta", *ACCURACY)
    numbered = rows.join(variants.select(*VARIANT_KEY, "variant_number"), on=VARIANT_KEY, how="left", maintain_order="left")
    return numbered.drop(VARIANT_KEY)


def _places(variants: pl.DataFrame, genome: Genome) -> str:
    """Of each variant its chromosome's place in the index, its position less that of the one before, its best trait."""
    chroms = {chrom: i for i, chrom in enumerate(genome.starts)}
    numbers = variants["chrom"].replace_strict(chroms, return_dtype=pl.UInt32).to_numpy()
    positions = variants["pos"].to_numpy().astype(np.int64)
    steps = np.diff(positions, prepend=0).astype(np.uint32)  # wraps where a chromosome begins; the sum wraps back
    return packed(planes(numbers, "<u4") + planes(steps, "<u4") + planes(variants["best"].to_numpy(), "<u4"))


def _names(variants: pl.DataFrame) -> str:
    lines = variants.select(pl.concat_str("variant", *ALLELES, separator="\t"))
    return packed((lines.to_series().str.join("\n").item() or "").encode())


def _genes_and_loci(variants: pl.DataFrame, contents: ReportContents) -> str:
    """JSON of the variants with a gene or within a locus that has a page.

    Their numbers as differences; the place of the nearest gene of each in `names`, -1: none; its locus, 0: none
    """
    words = PointWords.of(contents)
    known = variants.join(words.genes, on=VARIANT_KEY, how="left", maintain_order="left")
    address = [words.locus_at(chrom, pos) for chrom, pos in known.select("chrom", "pos").iter_rows()]
    loci = np.array([int(one.removeprefix("#locus-") or 0) for one in address], dtype=np.int64)
    genes = known["gene"].to_list()
    names = {name: place for place, name in enumerate(sorted({gene for gene in genes if gene is not None}))}
    chosen = [place for place, gene in enumerate(genes) if gene is not None or loci[place]]
    content = {
        "names": list(names), "variants": np.diff(chosen, prepend=0).astype(np.int64).tolist(),
        "genes": [names.get(genes[place] or "", -1) for place in chosen], "loci": loci[chosen].tolist() if chosen else [],
    }  # fmt: skip
    return packed(json.dumps(content, separators=(",", ":")).encode())


def _trait(rows: pl.DataFrame, curve: pl.DataFrame, counts: NDArray[np.generic], pixels: bytes) -> str:
    """Four lengths and the decimals of beta; then variant numbers as differences, -log10 p, beta; QQ curve (four arrays);
    counts; pixels.

    beta: whole numbers of that many decimals, which the page shows; `_strongest` has more digits.  counts: of tests below what
    the scan kept, by chromosome and height; empty: not counted
    """
    real = rows.sort("variant_number")
    numbers = real["variant_number"].to_numpy().astype(np.int64)
    decimals, beta = _whole(real["beta"].to_numpy())
    lengths = np.array([real.height, curve.height, len(counts), len(pixels), decimals], dtype="<u4")
    parts = [lengths.tobytes(), planes(np.diff(numbers, prepend=0), "<u4")]
    parts += [planes(real["neglog10p"].to_numpy(), "<f4"), planes(beta, "<i4")]
    parts += [planes(curve[name].to_numpy(), "<f4") for name in ("expected", "observed", "low", "high")]
    return packed(b"".join([*parts, planes(counts, "<u4"), pixels]))


def _whole(beta: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Decimals, at most BETA_DECIMALS, with which all numbers fit into four bytes; the numbers times ten to that power, whole.
    Numbers that are not finite become NOT_KNOWN."""
    known = np.isfinite(beta)
    largest = float(np.abs(beta[known]).max(initial=0.0))
    decimals = next((k for k in range(BETA_DECIMALS, 0, -1) if largest * 10.0**k < -NOT_KNOWN), 0)
    whole = np.where(known, np.rint(np.where(known, beta, 0.0) * 10.0**decimals), NOT_KNOWN)
    return decimals, whole.clip(NOT_KNOWN, -NOT_KNOWN)


def pixel_rows(floor: float, top: float) -> int:
    """Rows of pixels between two heights."""
    return max(int(np.ceil((top - floor) / PIXEL - 1e-9)), 0)


def _strongest(rows: pl.DataFrame, genes: pl.DataFrame) -> str:
    """JSON of a trait's strongest variants: number of the point, beta, its standard error, effect allele frequency,
    participants, nearest gene. genes: columns variant_number, gene"""
    at_points = rows.sort("variant_number").with_row_index("point")
    # As the script orders them: by the packed number, then along the genome.
    strongest = at_points.sort(-pl.col("neglog10p").cast(pl.Float32), "point").head(STRONGEST)
    named = strongest.join(genes, on="variant_number", how="left", maintain_order="left")
    rounded = named.select("point", pl.col("beta", "se", "eaf").fill_nan(None).round_sig_figs(6), "n", "gene")
    return packed(json.dumps(rounded.rows(), separators=(",", ":"), allow_nan=False).encode())


def _effects(contents: ReportContents, points: Mapping[str, pl.DataFrame], variants: pl.DataFrame) -> dict[str, str]:
    """`effects-<number of the trait>` -> its hits in its unit: how many; numbers of their points; effects; standard errors."""
    hits = contents.loci.hits.frame.drop_nulls(["effect", "effect_se", "unit"]).unique([*VARIANT_KEY, "trait"])
    numbered = hits.join(variants.select(*VARIANT_KEY, "variant_number"), on=VARIANT_KEY)
    numbers = {trait: k for k, trait in enumerate(contents.scan.trait_names)}
    blocks = {}
    for trait, own in sorted(_by_trait(numbered).items()):
        if trait not in points or trait not in numbers:
            continue
        in_order = points[trait].sort("variant_number").select("variant_number").with_row_index("point")
        at_points = in_order.join(own, on="variant_number").sort("point")
        parts = [np.array([at_points.height], dtype="<u4").tobytes(), planes(at_points["point"].to_numpy(), "<u4")]
        parts += [planes(at_points[name].to_numpy(), "<f4") for name in ("effect", "effect_se")]
        blocks[f"effects-{numbers[trait]}"] = packed(b"".join(parts))
    return blocks


def _index(contents: ReportContents, genome: Genome, points_floor: float, variants: int, pictures: Mapping[str, Figure]) -> str:
    scan, loci = contents.scan, contents.loci
    background = scan.background
    content = {
        "threshold": loci.min_neglog10p, "threshold_kind": loci.threshold["kind"],
        "effect_unit": effect_unit(contents.run), "beta_unit": contents.run.unit_of_beta,
        "floor": scan.keep_neglog10p, "points_from": points_floor,
        "variants": variants, "strongest": STRONGEST, "columns": COLUMNS, "pixel": PIXEL, "end": genome.end,
        "genome": [[chrom, genome.starts[chrom], *genome.extent(chrom)] for chrom in genome.starts],
        "background": None if background is None else {"chroms": background.chroms, "edges": background.edges.tolist()},
        "figures": {name: [figure.title, figure.caption] for name, figure in pictures.items()}, "cividis": CIVIDIS,
        "traits": _traits(contents), "search": _search_entries(loci, contents.genes.genes),
    }  # fmt: skip
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _traits(contents: ReportContents) -> list[dict[str, Any]]:
    scan = contents.scan
    summary = {row["trait"]: row for row in scan.summary.frame.iter_rows(named=True)}
    best = dict(scan.strongest.iter_rows())
    loci = loci_of_traits(contents.loci.loci, contents.loci.hits)
    heritability = _heritability(contents.tables.get(files.HERITABILITY))
    words, units = {r.name: r.meanings for r in contents.representations}, _units(scan)
    repeated = {f"{r.name}.{row['lead']}.{row['feature']}": row for r in contents.representations
                for row in r.reliability.iter_rows(named=True)}  # fmt: skip
    return [
        {"name": name, "best": best.get(name), "loci": loci.get(name, []), "odd_even": repeated.get(name, {}).get("r"),
         "meaning": feature_figure(*name.split(".", 2)[::2]), "measured": _words(words, name), "h2": heritability.get(name)}
        | _visits(repeated.get(name, {})) | ({"unit": units[name]} if name in units else {})
        | {key: summary[name][key] for key in ("n", "tests", "lambda_gc", "significant") if name in summary}
        for name in scan.trait_names
    ]  # fmt: skip


def _units(scan: ScanResults) -> dict[str, str]:
    """Trait -> its unit, where it has one."""
    if "unit" not in scan.trait_report.columns:
        return {}
    return dict(scan.trait_report.select("trait", "unit").drop_nulls().iter_rows())


def _visits(row: Mapping[str, Any]) -> dict[str, list[float]]:
    """ICC between two visits, its interval and the people; nothing where it is not known."""
    known = row.get("icc") is not None
    return {"visits": [row[name] for name in ("icc", "icc_low", "icc_high", "people")]} if known else {}


def _heritability(table: pl.DataFrame | None) -> dict[str, list[float]]:
    """Trait -> heritability and its standard error, where they were estimated."""
    if table is None:
        return {}
    known = table.drop_nulls(["heritability", "se"]).filter(pl.col("heritability").is_finite(), pl.col("se").is_finite())
    return {trait: [value, error] for trait, value, error in known.select("trait", "heritability", "se").iter_rows()}


def _words(of: Mapping[str, Mapping[str, str]], trait: str) -> str | None:
    """What is measured, where the trait's representation measures."""
    representation, _, feature = trait.split(".", 2)
    return of.get(representation, {}).get(feature)


def _search_entries(results: LociResults, genes: Genes) -> list[list[Any]]:
    """What the search finds besides traits: words, what it is, where it leads."""
    nearest = nearest_genes(genes, results.loci)
    drawn = set(locus_pages(results))
    entries: list[list[Any]] = []
    for locus in results.loci.frame.sort("locus").iter_rows(named=True):
        number = locus["locus"]
        link = f"#locus-{number}" if number in drawn else "#loci"
        named = " ".join(word for word in (nearest.get(number), locus["lead_variant"]) if word)
        entries.append([f"Locus {number}: {named}", "locus", link])
    pairs = genes.frame.drop_nulls("gene").select("gene", "locus").unique().sort("gene", "locus")
    entries += [[gene, f"gene, locus {locus}", f"#locus-{locus}" if locus in drawn else "#genes"]
                for gene, locus in pairs.iter_rows()]  # fmt: skip
    return entries

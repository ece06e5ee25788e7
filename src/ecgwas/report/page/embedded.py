"""What the page draws on demand: every trait's tests, packed so that hundreds of traits times millions of variants fit.

A block is base64 of zlib-deflated bytes; numbers lie in it as little-endian arrays, byte planes apart (all first bytes, all
second bytes, ...), which deflates better. The page's script unpacks a block when it is asked for.
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
from numpy.typing import ArrayLike

from ecgwas.report.contents import Figure, ReportContents
from ecgwas.report.figures.all_figures import locus_pages, meaning_of
from ecgwas.report.figures.associations import nearest_genes
from ecgwas.report.figures.hits import loci_of_traits
from ecgwas.report.figures.svg import CIVIDIS, themed
from ecgwas.report.figures.thinning import DRAWN, Genome, genome_of
from ecgwas.report.page.table_views import unit_of_beta
from ecgwas.report.scan_rows import ScanRows, compact
from ecgwas.report.trait_order import chromosome_rank
from ecgwas.tables import VARIANT_KEY, Associations

MOST_POINTS = 500_000
"""Points of all traits that are kept one by one; where there are more, the weakest become pixels."""

REAL_FROM = 3.0
"""-log10 p from which points are kept one by one, if there are not too many."""

ALLELES = ("effect_allele", "other_allele")
STEP = 0.25
COLUMNS, PIXEL = 1000, 0.025
"""Pixels of the background: so many columns along the genome, each so high on the -log10 p scale."""


@dataclass(frozen=True)
class Embedded:
    """index: JSON text of all that is small; blocks: name -> packed block."""

    index: str
    blocks: Mapping[str, str]


def packed(content: bytes) -> str:
    """Deflated, in base64."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def planes(values: ArrayLike, kind: str) -> bytes:
    """An array (n,) of four-byte numbers (`<u4` or `<f4`), byte planes apart."""
    numbers = np.ascontiguousarray(values, dtype=kind)
    return numbers.view(np.uint8).reshape(-1, 4).T.tobytes()


def embedded(contents: ReportContents, pictures: Mapping[str, Figure]) -> Embedded:
    """Everything for the pages of traits: points, pixels, counts below what the scan kept, QQ curves, pictures by name."""
    genome = genome_of(contents.associations)
    real_from = least_real(contents.associations, contents.keep_neglog10p)
    rows, pixels = _points_and_pixels(contents, genome, real_from)
    variants = _variants(rows, contents.trait_names)
    blocks = {"variant-places": _places(variants, genome), "variant-names": _names(variants)}
    rows = _numbered(rows, variants)
    of_trait, curves = _by_trait(rows), _by_trait(contents.qq)
    nothing, no_curve = rows.clear(), contents.qq.clear()
    for k, trait in enumerate(contents.trait_names):
        mine = of_trait.get(trait, nothing)
        blocks[f"trait-{k}"] = _trait(contents, k, mine, curves.get(trait, no_curve), pixels.of(k))
    blocks |= {f"picture-{name}": packed(themed(figure.svg).encode()) for name, figure in pictures.items()}
    return Embedded(_index(contents, genome, real_from, len(variants), pictures), blocks)


def least_real(kept: ScanRows, floor: float) -> float:
    """The -log10 p from which points are kept: 3, or as much more as keeps their number within MOST_POINTS."""
    limits, highest = [max(REAL_FROM, floor)], kept.summary.highest()
    if kept.summary.rows <= MOST_POINTS or highest is None:
        return limits[0]
    while limits[-1] <= highest:
        limits.append(limits[-1] + STEP)
    counts = np.zeros(len(limits) + 1, dtype=np.int64)
    for rows in kept.chunks(("neglog10p",)):
        values = rows["neglog10p"].drop_nulls().to_numpy()
        reached = np.searchsorted(limits, values[np.isfinite(values)], side="right")
        counts += np.bincount(reached, minlength=len(counts))
    beyond = counts.sum() - counts.cumsum()
    return limits[int(np.argmax(beyond <= MOST_POINTS))]


class _Pixels:
    """Of each of K traits the bits, row by row from the floor up: is there a test in this pixel?"""

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
        """Nothing where no test is below the top."""
        return self.bits[k].tobytes() if self.bits[k].any() else b""


def _points_and_pixels(contents: ReportContents, genome: Genome, real_from: float) -> tuple[pl.DataFrame, _Pixels]:
    """Rows from there up, one by one; of all others, pixels."""
    columns = (*DRAWN, "beta")
    points = [Associations.empty().frame.select(columns)]
    pixels = _Pixels(contents.trait_names, genome, contents.keep_neglog10p, real_from)
    for rows in contents.associations.chunks(columns):
        finite = rows.filter(pl.col("neglog10p").is_finite())
        real = pl.col("neglog10p") >= real_from
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
    rows = rows.select(*VARIANT_KEY, "trait", "neglog10p", "beta")
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


def _trait(contents: ReportContents, k: int, rows: pl.DataFrame, curve: pl.DataFrame, pixels: bytes) -> str:
    """Four lengths; then variant numbers as differences, -log10 p, beta; QQ curve (four arrays); counts; pixels."""
    real = rows.sort("variant_number")
    numbers = real["variant_number"].to_numpy().astype(np.int64)
    background = contents.background
    counts = np.empty(0) if background is None else background.counts[k].ravel()
    lengths = np.array([real.height, curve.height, len(counts), len(pixels)], dtype="<u4")
    parts = [lengths.tobytes(), planes(np.diff(numbers, prepend=0), "<u4")]
    parts += [planes(real[name].to_numpy(), "<f4") for name in ("neglog10p", "beta")]
    parts += [planes(curve[name].to_numpy(), "<f4") for name in ("expected", "observed", "low", "high")]
    return packed(b"".join([*parts, planes(counts, "<u4"), pixels]))


def pixel_rows(floor: float, top: float) -> int:
    """How many rows of pixels lie between two heights."""
    return max(int(np.ceil((top - floor) / PIXEL - 1e-9)), 0)


def _index(contents: ReportContents, genome: Genome, real_from: float, variants: int, pictures: Mapping[str, Figure]) -> str:
    background = contents.background
    content = {
        "threshold": float(contents.threshold["neglog10p"]), "threshold_kind": contents.threshold["kind"],
        "beta_unit": unit_of_beta(contents), "floor": contents.keep_neglog10p, "real_from": real_from, "variants": variants,
        "columns": COLUMNS, "pixel": PIXEL, "end": genome.end,
        "genome": [[chrom, genome.starts[chrom], *genome.room(chrom)] for chrom in genome.starts],
        "counted": None if background is None else {"chroms": background.chroms, "edges": background.edges.tolist()},
        "pictures": {name: [figure.title, figure.caption] for name, figure in pictures.items()}, "cividis": CIVIDIS,
        "traits": _traits(contents), "find": _find(contents),
    }  # fmt: skip
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _traits(contents: ReportContents) -> list[dict[str, Any]]:
    summary = {row["trait"]: row for row in contents.summary.frame.iter_rows(named=True)}
    best = dict(contents.qq.group_by("trait").agg(pl.col("observed").max()).iter_rows())
    loci = loci_of_traits(contents)
    inherited = _inherited(contents)
    words = {r.name: r.meanings for r in contents.representations}
    repeated = {f"{r.name}.{row['lead']}.{row['feature']}": row for r in contents.representations
                for row in r.reliability.iter_rows(named=True)}  # fmt: skip
    return [
        {"name": name, "best": best.get(name), "loci": loci.get(name, []), "repeat": repeated.get(name, {}).get("r"),
         "meaning": meaning_of(*name.split(".", 2)[::2]), "words": _words(words, name), "h2": inherited.get(name)}
        | _visits(repeated.get(name, {}))
        | {key: summary[name][key] for key in ("n", "tests", "lambda_gc", "significant") if name in summary}
        for name in contents.trait_names
    ]  # fmt: skip


def _visits(row: Mapping[str, Any]) -> dict[str, list[float]]:
    """ICC between two visits, its interval and the people; nothing where it is not known."""
    known = row.get("icc") is not None
    return {"visits": [row[name] for name in ("icc", "icc_low", "icc_high", "people")]} if known else {}


def _inherited(contents: ReportContents) -> dict[str, list[float]]:
    """Trait -> heritability and its standard error, where they were estimated."""
    table = contents.more.get("loci/heritability")
    if table is None:
        return {}
    known = table.drop_nulls(["heritability", "se"]).filter(pl.col("heritability").is_finite(), pl.col("se").is_finite())
    return {trait: [value, error] for trait, value, error in known.select("trait", "heritability", "se").iter_rows()}


def _words(of: Mapping[str, Mapping[str, str]], trait: str) -> str | None:
    """What is measured, where the trait's representation measures."""
    representation, _, feature = trait.split(".", 2)
    return of.get(representation, {}).get(feature)


def _find(contents: ReportContents) -> list[list[Any]]:
    """What the search knows besides traits: words, what it is, where it leads."""
    nearest = nearest_genes(contents)
    drawn = set(locus_pages(contents))
    entries: list[list[Any]] = []
    for locus in contents.loci.frame.sort("locus").iter_rows(named=True):
        number = locus["locus"]
        link = f"#locus-{number}" if number in drawn else "#loci"
        named = " ".join(word for word in (nearest.get(number), locus["lead_variant"]) if word)
        entries.append([f"Locus {number}: {named}", "locus", link])
    pairs = contents.genes.frame.drop_nulls("gene").select("gene", "locus").unique().sort("gene", "locus")
    entries += [[gene, f"gene, locus {locus}", f"#locus-{locus}" if locus in drawn else "#genes"]
                for gene, locus in pairs.iter_rows()]  # fmt: skip
    return entries

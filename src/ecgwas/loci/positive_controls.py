"""Known variants as positive controls: does this study replicate published associations, and in the same direction?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import first_few
from ecgwas.genotypes import alleles
from ecgwas.loci.individual_data import (
    Chromosome,
    OpenChromosome,
    Region,
    VariantsTested,
    lead_variant_of,
    r2_with,
)
from ecgwas.loci.known import Known
from ecgwas.loci.positive_controls_null import LEVEL, PERMUTATIONS, permuted
from ecgwas.statistics.combine_p import acat
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import row_residuals
from ecgwas.study import LociOptions
from ecgwas.tables.loci import KnownTested
from ecgwas.traits.sample_qc import NOT_JUDGED, PASS, WARN

QT = ("qtc_framingham_ms", "qtc_fridericia_ms", "qtc_bazett_ms", "qt_ms")
"""Published QT is adjusted for heart rate linearly, as Framingham's correction is."""

SAME_MEASUREMENT: Mapping[str, tuple[str, ...]] = {
    "qt": QT, "qtinterval": QT, "pr": ("pr_ms",), "printerval": ("pr_ms",), "qrs": ("qrs_ms",), "qrsduration": ("qrs_ms",),
    "hr": ("heart_rate_bpm",), "heartrate": ("heart_rate_bpm",), "restingheartrate": ("heart_rate_bpm",), "jt": ("jt_ms",),
    "jtinterval": ("jt_ms",), "pwaveduration": ("p_ms",), "cornell": ("cornell_uv",), "sokolowlyon": ("sokolow_lyon_uv",),
}  # fmt: skip
"""Published trait, lower case, letters and digits only -> our measurements of the same thing, the best first."""

SEVERAL = "several"
"""Value of `alleles` if several variants are at the position and the table names no alleles."""

MIN_DISTANCE_BP = 500_000
"""Of known variants of a trait that lie closer together only the first counts: linkage disequilibrium makes them one."""

MIN_VARIANTS = 10
"""Fewer known variants are not judged."""


@dataclass(frozen=True)
class ReplicatedShare:
    """How many of some known variants replicate.

    replicated   of `variants` known variants
    expected     share of them that replicates under permutation
    p            share of the permutations, this study among them, in which at least as many replicate
    """

    replicated: int
    variants: int
    expected: float
    p: float


def same_trait(known: str, names: Sequence[str], given: Mapping[str, str]) -> str | None:
    """Our trait that measures what a published trait does; None if there is none.

    given: published trait -> our trait or its feature, from the study file; it overrides SAME_MEASUREMENT.
    """
    letters_and_digits = "".join(letter for letter in known.lower() if letter.isalnum())
    features = (given[known],) if known in given else SAME_MEASUREMENT.get(letters_and_digits, ())
    for feature in features:
        matching = [name for name in names if name == feature or name.split(".", 2)[2] == feature]
        if matching:
            return matching[0]
    return None


def known_tested(
    known: Known, chromosomes: Iterable[Chromosome], tested: VariantsTested, given: Mapping[str, str] | None = None
) -> KnownTested:
    """One row per published trait and known variant that was tested here, by chromosome and position.

    It has our strongest trait, and ACAT over all of them (`replicated_shares` says how often its p is below 0.05 by chance).
    If the table names alleles and effect and one of our traits measures the same (same_trait), also our effect on that trait
    and whether it has the same direction, as half of them have by chance. Effects are of our effect allele
    (alleles.orientation). Of several variants at a position the first with the published alleles is used; if none are
    published, the first of all, and `alleles` is SEVERAL.
    """
    rows: list[dict[str, Any]] = []
    for chromosome in chromosomes:
        sites = _tested_sites(known, chromosome, tested)
        if not sites:
            continue
        region = chromosome.region(np.array([site.variant_index for site in sites], dtype=np.int64))
        strengths = region_strengths(chromosome, region)
        combined = acat(strengths)
        for i, (variant_index, published, is_ambiguous) in enumerate(sites):
            best = int(strengths[i].argmax())
            row = {"known_trait": published["trait"], "gene": published["gene"], **region.variant_row(i)}
            row |= {"best_trait": chromosome.names[best], "neglog10p": float(strengths[i, best])}
            row |= {"neglog10p_acat": float(combined[i])}
            row |= _same_trait_effect(published, chromosome, variant_index, region.copies[i], given or {})
            rows.append(row | {"alleles": SEVERAL} if is_ambiguous else row)
    return KnownTested.of(rows)


def ambiguous(table: KnownTested) -> str | None:
    """A warning of known variants that may be another one of several at their position; None if there are none."""
    rows = table.frame.filter(pl.col("alleles") == SEVERAL)
    if rows.height == 0:
        return None
    shown = first_few(dict.fromkeys(f"{chrom}:{pos}" for chrom, pos in rows.select("chrom", "pos").iter_rows()), 3)
    count = f"{rows.height} of {len(table)} known variants may be another one: several variants are at their position ({shown})"
    return f"{count}, and the first was taken; name effect_allele and other_allele in loci.known, or chrom:pos:ref:alt"


class _Site(NamedTuple):
    """A known variant tested here: its index on the chromosome, the published row, and whether other variants are at its
    position and the table does not say which one it is."""

    variant_index: int
    published: dict[str, Any]
    is_ambiguous: bool


def _tested_sites(known: Known, chromosome: Chromosome, tested: VariantsTested) -> list[_Site]:
    """Known variants on the chromosome by position, each trait once per position."""
    genotypes = chromosome.genotypes
    on_chromosome = known.frame.filter(pl.col("chrom") == genotypes.chrom)
    unique = on_chromosome.unique(["pos", "trait"], keep="first", maintain_order=True).sort("pos", maintain_order=True)
    variants_at: dict[int, list[int]] = {}
    for i in np.flatnonzero(tested.mask(genotypes)).tolist():
        variants_at.setdefault(int(genotypes.positions[i]), []).append(i)
    sites = []
    for published in unique.iter_rows(named=True):
        candidates = variants_at.get(published["pos"], [])
        same_alleles = [i for i in candidates if _has_published_alleles(published, chromosome, i)]
        if candidates:
            is_named = published["first"] is not None or None not in (
                published["effect_allele"],
                published["other_allele"],
            )
            sites.append(_Site((same_alleles or candidates)[0], published, len(candidates) > 1 and not is_named))
    return sites


def _has_published_alleles(published: Mapping[str, Any], chromosome: Chromosome, variant_index: int) -> bool:
    """True if the table names the variant's alleles."""
    genotypes = chromosome.genotypes
    orientation = _orientation(published, chromosome, variant_index, None)
    if orientation is not None:
        return orientation != alleles.OTHERS
    scanned = (str(genotypes.effect_alleles[variant_index]).upper(), str(genotypes.other_alleles[variant_index]).upper())
    return sorted(scanned) == [published["first"], published["second"]]


def _orientation(
    published: Mapping[str, Any], chromosome: Chromosome, variant_index: int, frequency: float | None
) -> str | None:
    """Orientation of the published alleles relative to the scanned ones; None if the table does not name them."""
    if published["effect_allele"] is None or published["other_allele"] is None:
        return None
    genotypes = chromosome.genotypes
    scanned = str(genotypes.effect_alleles[variant_index]).upper(), str(genotypes.other_alleles[variant_index]).upper()
    return alleles.orientation(scanned, (published["effect_allele"], published["other_allele"]), frequency, published["eaf"])


def _same_trait_effect(
    published: Mapping[str, Any], chromosome: Chromosome, variant_index: int, copies: NDArray[np.float32],
    given: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """Our effect on the same trait and the published one, both of our effect allele."""
    trait = same_trait(published["trait"], chromosome.names, given)
    orientation = _orientation(published, chromosome, variant_index, float(np.nanmean(copies)) / 2)
    row: dict[str, Any] = {"trait": trait, "alleles": orientation}
    row |= {name: None for name in ("known_beta", "beta", "se", "neglog10p_trait", "same_direction")}
    if orientation in (alleles.SAME, alleles.SWAPPED) and published["beta"] is not None:
        row["known_beta"] = published["beta"] if orientation == alleles.SAME else -published["beta"]
    if trait is None:
        return row
    fit = chromosome.model(trait).fit(copies)
    row |= {"beta": fit.beta, "se": fit.se, "neglog10p_trait": fit.neglog10p}
    if row["known_beta"]:
        row["same_direction"] = bool(np.sign(fit.beta) == np.sign(row["known_beta"]))
    return row


def known_by_ld(
    options: LociOptions, loci: pl.DataFrame, known: Known, open_chromosome: OpenChromosome, tested: VariantsTested
) -> pl.DataFrame:
    """The loci (with known.COLUMNS); those in linkage disequilibrium with a known variant count as known, too.

    A locus that is `new` by distance becomes known if a known variant was tested here, lies within `clump_window_bp` of its
    lead variant, and has an r2 of `clump_r2` or more with it among the participants tested. Its traits and genes are those of
    all such variants.
    """
    rows = []
    for locus in loci.iter_rows(named=True):
        in_ld = _known_in_ld(options, locus, known, open_chromosome, tested) if locus["known"] == "new" else []
        if in_ld:
            genes = "; ".join(sorted({published["gene"] for published in in_ld} - {None})) or None
            traits = "; ".join(sorted({published["trait"] for published in in_ld}))
            locus = locus | {"known": "known", "known_traits": traits, "known_genes": genes}
        rows.append(locus)
    return pl.DataFrame(rows, schema=loci.schema)


def _known_in_ld(
    options: LociOptions, locus: Mapping[str, Any], known: Known, open_chromosome: OpenChromosome, tested: VariantsTested
) -> list[dict[str, Any]]:
    """Known variants in linkage disequilibrium with the lead variant of a locus."""
    window = options.clump_window_bp
    near = known.frame.filter(pl.col("chrom") == locus["chrom"], (pl.col("pos") - locus["pos"]).abs() <= window)
    sites = _tested_sites(Known(near, 0), open_chromosome(locus["chrom"]), tested) if near.height else []
    if not sites:
        return []
    chromosome = open_chromosome(locus["chrom"])
    lead_index = chromosome.find_variants(pl.DataFrame([lead_variant_of(locus)]))
    lead_copies = chromosome.region(lead_index).mean_imputed[0]
    r2 = r2_with(chromosome.region(np.array([site.variant_index for site in sites], dtype=np.int64)), lead_copies)
    return [site.published for site, value in zip(sites, r2, strict=True) if value >= options.clump_r2]


def region_strengths(chromosome: Chromosome, region: Region) -> NDArray[np.float64]:
    """(V, K) -log10 p of a region's variants with all traits; missing calls count as the mean."""
    strengths = np.zeros((len(region), len(chromosome.names)))
    models = [chromosome.model(name).alone() for name in chromosome.names]
    for batch, copies in region.batches():
        for k, model in enumerate(models):
            residualised = row_residuals(model.rows(copies), model.basis)
            trait = model.residuals
            df = len(trait) - model.basis.shape[1] - 1
            genotype_ss = np.einsum("vn,vn->v", residualised, residualised)
            total_ss = np.maximum(genotype_ss * float(trait @ trait), 1e-300)
            r_squared = np.minimum((residualised @ trait) ** 2 / total_ss, 1 - 1e-15)
            strengths[batch, k] = neglog10p(np.sqrt(r_squared * df / (1 - r_squared)), float(df))
    return strengths


def replicated_shares(table: KnownTested, chromosomes: Iterable[Chromosome], *, seed: int) -> dict[str, ReplicatedShare]:
    """How many known variants replicate here, and when participants are permuted; variants at least MIN_DISTANCE_BP apart.

    any_trait       ACAT's p is below 0.05
    same_direction  the effect has the published direction, whatever its p
    confirmed       the effect has the published direction and p below 0.05

    chromosomes, seed: those of the scan. Empty without any known variant.
    """
    if len(table) == 0:
        return {}
    limit = -np.log10(LEVEL)
    all_traits = _distant(table.frame.with_columns(one=pl.lit("")), "one")
    directed = _distant(table.frame, "known_trait", table.frame["same_direction"].is_not_null().to_numpy())
    chosen = all_traits | directed
    null = permuted(table, chosen, chromosomes, seed=seed)
    null_all, null_directed = all_traits[chosen], directed[chosen]
    columns = table.frame.select(
        any_trait=pl.col("neglog10p_acat") > limit, same=pl.col("same_direction").fill_null(False),
        strong=(pl.col("neglog10p_trait") > limit).fill_null(False),
    ).to_dict()  # fmt: skip
    any_trait, same, strong = (columns[name].to_numpy() for name in ("any_trait", "same", "strong"))
    return {
        "any_trait": _share(any_trait[all_traits], null.any_trait[null_all]),
        "same_direction": _share(same[directed], null.same_direction[null_directed]),
        "confirmed": _share((same & strong)[directed], null.confirmed[null_directed]),
    }


def _share(replicates: NDArray[np.bool_], null: NDArray[np.bool_]) -> ReplicatedShare:
    """replicates (R,) in this study, null (R, B) in each permutation."""
    if len(replicates) == 0:
        return ReplicatedShare(0, 0, 0.0, 1.0)
    counts = null.sum(axis=0)
    p = (1 + int((counts >= replicates.sum()).sum())) / (1 + len(counts))
    return ReplicatedShare(int(replicates.sum()), len(replicates), float(null.mean()), p)


def _distant(rows: pl.DataFrame, trait: str, candidates: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """(R,) bool: the candidate rows (sorted by position within chromosomes) that lie MIN_DISTANCE_BP or more after the one
    kept before, of the same trait."""
    last: dict[tuple[str, str], int] = {}
    kept = np.zeros(rows.height, dtype=bool)
    for i, row in enumerate(rows.select(trait, "chrom", "pos").iter_rows()):
        key, pos = (row[0], row[1]), row[2]
        kept[i] = (candidates is None or candidates[i]) and (key not in last or pos - last[key] >= MIN_DISTANCE_BP)
        if kept[i]:
            last[key] = pos
    return kept


def guard_rows(shares: Mapping[str, ReplicatedShare]) -> list[dict[str, Any]]:
    """Rows of Guards, from `replicated_shares`; none without a table of known loci."""
    words = {
        "any_trait": "known variants with p < 0.05 over all traits together (ACAT)",
        "same_direction": "known variants whose effect on the same trait has the published direction",
        "confirmed": "known variants with the published direction and p < 0.05 on the same trait",
    }
    rows = []
    for name, share in shares.items():
        status = NOT_JUDGED if share.variants < MIN_VARIANTS else PASS if share.p < LEVEL else WARN
        chance = f"{share.expected:.3g} in {PERMUTATIONS} permutations of the participants, p {share.p:.2g}"
        note = f"share of {words[name]}, {share.replicated} of {share.variants}; {chance}"
        value = round(share.replicated / share.variants, 6) if share.variants else None
        rows.append(
            {"guard": f"known_{name}", "about": "hits", "status": status, "value": value,
             "limit": round(share.expected, 6) if share.variants else None, "left_out": None, "of": share.variants,
             "note": note}
        )  # fmt: skip
    return rows

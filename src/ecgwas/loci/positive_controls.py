"""Known variants as positive controls: does this study see what others have seen, and in the same direction?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import first_few
from ecgwas.genotypes import alleles
from ecgwas.loci.fine_mapping import Open
from ecgwas.loci.individual_data import Chromosome, Region, VariantsTested, lead_of, with_one
from ecgwas.loci.known import Known
from ecgwas.loci.positive_controls_null import LEVEL, SHUFFLES, shuffled
from ecgwas.statistics.combine_p import acat
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import row_residuals
from ecgwas.study import LociOptions
from ecgwas.tables.loci import KnownTested
from ecgwas.traits.sample_qc import OFF, PASS, WARN

QT = ("qtc_framingham_ms", "qtc_fridericia_ms", "qtc_bazett_ms", "qt_ms")
"""Published QT is adjusted for heart rate linearly, as Framingham's correction is."""

MEASURED: Mapping[str, tuple[str, ...]] = {
    "qt": QT, "qtinterval": QT, "pr": ("pr_ms",), "printerval": ("pr_ms",), "qrs": ("qrs_ms",), "qrsduration": ("qrs_ms",),
    "hr": ("heart_rate_bpm",), "heartrate": ("heart_rate_bpm",), "restingheartrate": ("heart_rate_bpm",), "jt": ("jt_ms",),
    "jtinterval": ("jt_ms",), "pwaveduration": ("p_ms",), "cornell": ("cornell_uv",), "sokolowlyon": ("sokolow_lyon_uv",),
}  # fmt: skip
"""Published trait, small letters and digits only -> our measurements of the same thing, the best first."""

SEVERAL = "several"
"""In place of how the alleles stand, where several variants are at the position and the table names no alleles."""

APART_BP = 500_000
"""Of known variants of a trait that lie nearer to each other only the first is counted: linkage makes them one."""
ENOUGH = 10


@dataclass(frozen=True)
class Share:
    """`seen` of `of` known variants, where chance alone gives the share `by_chance`; p: the share of shuffles, this study
    among them, in which as many are seen."""

    seen: int
    of: int
    by_chance: float
    p: float


def same_trait(known: str, names: Sequence[str], given: Mapping[str, str]) -> str | None:
    """Our trait that measures what a published one does; None if there is none.

    given: published trait -> our trait or its feature, as the study file has it; it comes before MEASURED.
    """
    bare = "".join(letter for letter in known.lower() if letter.isalnum())
    wanted = (given[known],) if known in given else MEASURED.get(bare, ())
    for feature in wanted:
        found = [name for name in names if name == feature or name.split(".", 2)[2] == feature]
        if found:
            return found[0]
    return None


def controls(
    known: Known, chromosomes: Iterable[Chromosome], tested: VariantsTested, given: Mapping[str, str] | None = None
) -> KnownTested:
    """One row per known variant that was tested here and published trait, by chromosome and position.

    With our strongest trait and ACAT over all of them (`shares` says how often chance has its p < 0.05). Where the table
    names alleles and effect, and one of our traits measures the same (same_trait): its effect, and whether it has the same
    direction; 0.5 of them have it by chance. Alleles are turned to ours (alleles.orientation). Of several variants at one
    position the first with the published alleles is taken; where none are published the first of all, and `alleles` is SEVERAL.
    """
    rows: list[dict[str, Any]] = []
    for chromosome in chromosomes:
        found = _tested(known, chromosome, tested)
        if not found:
            continue
        region = chromosome.at(np.array([one.place for one in found], dtype=np.int64))
        strengths = region_strengths(chromosome, region)
        combined = acat(strengths)
        for i, (place, site, unclear) in enumerate(found):
            best = int(strengths[i].argmax())
            row = {"known_trait": site["trait"], "gene": site["gene"], **region.named(i)}
            row |= {"best_trait": chromosome.names[best], "neglog10p": float(strengths[i, best])}
            row |= {"neglog10p_acat": float(combined[i]), **_directed(site, chromosome, place, region.copies[i], given or {})}
            rows.append(row | {"alleles": SEVERAL} if unclear else row)
    return KnownTested.of(rows)


def unclear(table: KnownTested) -> str | None:
    """In words, how many known variants may be another one of several at their position; None if there are none."""
    rows = table.frame.filter(pl.col("alleles") == SEVERAL)
    if rows.height == 0:
        return None
    shown = first_few(dict.fromkeys(f"{chrom}:{pos}" for chrom, pos in rows.select("chrom", "pos").iter_rows()), 3)
    told = f"{rows.height} of {len(table)} known variants may be another one: several variants are at their position ({shown})"
    return f"{told}, and the first was taken; name effect_allele and other_allele in loci.known, or chrom:pos:ref:alt"


class _Site(NamedTuple):
    """A known variant tested here: its place on the chromosome, the published row, and whether others are at its position
    and nothing tells which one it is."""

    place: int
    published: dict[str, Any]
    unclear: bool


def _tested(known: Known, chromosome: Chromosome, tested: VariantsTested) -> list[_Site]:
    """Known variants on the chromosome, ascending; each trait once at a position."""
    here = chromosome.genotypes
    own = known.frame.filter(pl.col("chrom") == here.chrom)
    sites = own.unique(["pos", "trait"], keep="first", maintain_order=True).sort("pos", maintain_order=True)
    places: dict[int, list[int]] = {}
    for i in np.flatnonzero(tested.of(here)).tolist():
        places.setdefault(int(here.positions[i]), []).append(i)
    found = []
    for site in sites.iter_rows(named=True):
        at = places.get(site["pos"], [])
        fitting = [i for i in at if _fits(site, chromosome, i)]
        if at:
            named = site["first"] is not None or None not in (site["effect_allele"], site["other_allele"])
            found.append(_Site((fitting or at)[0], site, len(at) > 1 and not named))
    return found


def _fits(site: Mapping[str, Any], chromosome: Chromosome, place: int) -> bool:
    """True if the table names the variant's alleles."""
    here = chromosome.genotypes
    told = _orientation(site, chromosome, place, None)
    ours = sorted((str(here.effect_alleles[place]).upper(), str(here.other_alleles[place]).upper()))
    return told != alleles.OTHERS if told is not None else ours == [site["first"], site["second"]]


def _orientation(site: Mapping[str, Any], chromosome: Chromosome, place: int, frequency: float | None) -> str | None:
    """How the published alleles stand to ours; None where the table does not name them."""
    if site["effect_allele"] is None or site["other_allele"] is None:
        return None
    here = chromosome.genotypes
    ours = str(here.effect_alleles[place]).upper(), str(here.other_alleles[place]).upper()
    return alleles.orientation(ours, (site["effect_allele"], site["other_allele"]), frequency, site["eaf"])


def _directed(
    site: Mapping[str, Any], chromosome: Chromosome, place: int, copies: NDArray[np.float32], given: Mapping[str, str]
) -> dict[str, Any]:
    """Our effect on the same trait beside the published one, both of our effect allele."""
    trait = same_trait(site["trait"], chromosome.names, given)
    told = _orientation(site, chromosome, place, float(np.nanmean(copies)) / 2)
    row: dict[str, Any] = {"trait": trait, "alleles": told}
    row |= {name: None for name in ("known_beta", "beta", "se", "neglog10p_trait", "same_direction")}
    if told in (alleles.SAME, alleles.SWAPPED) and site["beta"] is not None:
        row["known_beta"] = site["beta"] if told == alleles.SAME else -site["beta"]
    if trait is None:
        return row
    fit = chromosome.model(trait).fit(copies)
    row |= {"beta": fit.beta, "se": fit.se, "neglog10p_trait": fit.neglog10p}
    if row["known_beta"]:
        row["same_direction"] = bool(np.sign(fit.beta) == np.sign(row["known_beta"]))
    return row


def linked(options: LociOptions, loci: pl.DataFrame, known: Known, opened: Open, tested: VariantsTested) -> pl.DataFrame:
    """The loci (with known.COLUMNS), those that linkage joins to a known variant called known, too.

    A locus that is `new` by distance is known where a known variant was tested here, lies within `clump_window_bp` of its lead
    variant, and their r2 among the people tested is `clump_r2` or more; its traits and genes are those of all such variants.
    """
    rows = []
    for locus in loci.iter_rows(named=True):
        joined = _joined(options, locus, known, opened, tested) if locus["known"] == "new" else []
        if joined:
            genes = "; ".join(sorted({site["gene"] for site in joined} - {None})) or None
            traits = "; ".join(sorted({site["trait"] for site in joined}))
            locus = locus | {"known": "known", "known_traits": traits, "known_genes": genes}
        rows.append(locus)
    return pl.DataFrame(rows, schema=loci.schema)


def _joined(
    options: LociOptions, locus: Mapping[str, Any], known: Known, opened: Open, tested: VariantsTested
) -> list[dict[str, Any]]:
    """Known variants in linkage with the lead variant of a locus."""
    window = options.clump_window_bp
    near = known.frame.filter(pl.col("chrom") == locus["chrom"], (pl.col("pos") - locus["pos"]).abs() <= window)
    found = _tested(Known(near, 0), opened(locus["chrom"]), tested) if near.height else []
    if not found:
        return []
    chromosome = opened(locus["chrom"])
    own = pl.DataFrame([lead_of(locus)])
    lead = chromosome.at(chromosome.rows(own)).filled[0]
    alike = with_one(chromosome.at(np.array([one.place for one in found], dtype=np.int64)), lead)
    return [one.published for one, value in zip(found, alike, strict=True) if value >= options.clump_r2]


def region_strengths(chromosome: Chromosome, region: Region) -> NDArray[np.float64]:
    """(V, K) -log10 p of a region's variants with all traits, no call filled with the mean."""
    found = np.zeros((len(region), len(chromosome.names)))
    models = [chromosome.model(name) for name in chromosome.names]
    for some, copies in region.strips():
        for k, model in enumerate(models):
            rest = row_residuals(copies[:, model.people], model.basis)
            trait = model.residual
            df = len(trait) - model.basis.shape[1] - 1
            length = np.einsum("vn,vn->v", rest, rest)
            squares = np.minimum((rest @ trait) ** 2 / np.maximum(length * float(trait @ trait), 1e-300), 1 - 1e-15)
            found[some, k] = neglog10p(np.sqrt(squares * df / (1 - squares)), float(df))
    return found


def shares(table: KnownTested, chromosomes: Iterable[Chromosome], *, seed: int) -> dict[str, Share]:
    """Of known variants APART_BP or more from the one before: how many are seen here, and how many in shuffled participants.

    any_trait       ACAT's p below 0.05
    same_direction  the published direction, whatever the p
    confirmed       the published direction and p below 0.05

    chromosomes, seed: those of the scan. Empty without any known variant.
    """
    if len(table) == 0:
        return {}
    limit = -np.log10(LEVEL)
    every = _apart(table.frame.with_columns(one=pl.lit("")), "one")
    directed = _apart(table.frame, "known_trait", table.frame["same_direction"].is_not_null().to_numpy())
    chosen = every | directed
    null = shuffled(table, chosen, chromosomes, seed=seed)
    of_all, with_direction = every[chosen], directed[chosen]
    seen = table.frame.select(
        any_trait=pl.col("neglog10p_acat") > limit, same=pl.col("same_direction").fill_null(False),
        strong=(pl.col("neglog10p_trait") > limit).fill_null(False),
    ).to_dict()  # fmt: skip
    any_trait, same, strong = (seen[name].to_numpy() for name in ("any_trait", "same", "strong"))
    return {
        "any_trait": _share(any_trait[every], null.any_trait[of_all]),
        "same_direction": _share(same[directed], null.same_direction[with_direction]),
        "confirmed": _share((same & strong)[directed], null.confirmed[with_direction]),
    }


def _share(seen: NDArray[np.bool_], null: NDArray[np.bool_]) -> Share:
    """seen (R,), null (R, B)."""
    if len(seen) == 0:
        return Share(0, 0, 0.0, 1.0)
    counts = null.sum(axis=0)
    p = (1 + int((counts >= seen.sum()).sum())) / (1 + len(counts))
    return Share(int(seen.sum()), len(seen), float(null.mean()), p)


def _apart(rows: pl.DataFrame, trait: str, wanted: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """(R,) bool: of the rows `wanted` (sorted by position within chromosomes) those that lie APART_BP or more behind the one
    kept before, of the same trait."""
    last: dict[tuple[str, str], int] = {}
    kept = np.zeros(rows.height, dtype=bool)
    for i, row in enumerate(rows.select(trait, "chrom", "pos").iter_rows()):
        key, pos = (row[0], row[1]), row[2]
        kept[i] = (wanted is None or wanted[i]) and (key not in last or pos - last[key] >= APART_BP)
        if kept[i]:
            last[key] = pos
    return kept


def verdicts(found: Mapping[str, Share]) -> list[dict[str, Any]]:
    """Rows of Guards, from `shares`; none without a table of known loci."""
    words = {
        "any_trait": "known variants with p < 0.05 over all traits together (ACAT)",
        "same_direction": "known variants whose effect on the same trait has the published direction",
        "confirmed": "known variants with the published direction and p < 0.05 on the same trait",
    }
    rows = []
    for name, share in found.items():
        status = OFF if share.of < ENOUGH else PASS if share.p < LEVEL else WARN
        chance = f"{share.by_chance:.3g} in {SHUFFLES} shuffles of participants, p {share.p:.2g}"
        note = f"share of {words[name]}, {share.seen} of {share.of}; {chance}"
        value = round(share.seen / share.of, 6) if share.of else None
        rows.append(
            {"guard": f"known_{name}", "about": "hits", "status": status, "value": value,
             "limit": round(share.by_chance, 6) if share.of else None, "left_out": None, "of": share.of, "note": note}
        )  # fmt: skip
    return rows

"""The first sentences of the page: what was found, how sure it is, what it means."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ecgwas.report import queries
from ecgwas.report.contents import LociResults, ReportContents
from ecgwas.report.text import effects, labels
from ecgwas.report.text.numbers import p_value
from ecgwas.tables import Loci

REPLICATION = "An association points to a region, not yet to a gene; a new locus needs replication in other participants."


@dataclass(frozen=True)
class Headline:
    """finding: one sentence; certainty: how the threshold was set and what chance does, a caveat first; meaning: sentences."""

    finding: str
    certainty: tuple[str, ...]
    meaning: tuple[str, ...]

    @property
    def sentences(self) -> list[str]:
        """All of them, in the order of the page."""
        return [self.finding, *self.certainty, *self.meaning]


def headline(contents: ReportContents, sd_unit: str) -> Headline:
    """The sentences of a study. sd_unit: unit of beta."""
    results, caveat = contents.loci, contents.threshold_caveat
    warning = [] if caveat is None else [labels.in_words(f"{caveat[0].upper()}{caveat[1:]}.")]
    certainty = (*warning, *_threshold(contents), *_chance(contents))
    meaning = (_strongest(contents, sd_unit), _known(results.loci), _planted(contents), _scope(results))
    return Headline(_finding(results), certainty, tuple(sentence for sentence in meaning if sentence))


def _finding(results: LociResults) -> str:
    limit = f"−log10 p {results.min_neglog10p:.2f} (p < {p_value(results.min_neglog10p)})"
    count = len(results.loci)
    if count == 0:
        return f"No locus passes the study's threshold of {limit}."
    loci = "One locus passes" if count == 1 else f"{count:,} loci pass"
    variants, pairs = queries.significant_variants(results.hits), len(results.hits)
    with_variants = "1 significant variant" if variants == 1 else f"{variants:,} significant variants"
    with_pairs = "1 variant–trait pair" if pairs == 1 else f"{pairs:,} variant–trait pairs"
    return f"{loci} the study's threshold of {limit}, with {with_variants} ({with_pairs})."


def family_wise_error(contents: ReportContents) -> tuple[float, float]:
    """Probabilities that single traits and that trait sets report a hit in a study without effects, by the permutations."""
    options = contents.run.settings["loci"]
    error, of_sets = float(options["family_wise_error"]), 0.0
    if "sets" in contents.loci.thresholds.frame["kind"].to_list():
        of_sets = error * float(options["set_share"])
    return error - of_sets, of_sets


def _threshold(contents: ReportContents) -> list[str]:
    """What the threshold promises, where it stands for the first time."""
    kind, note = (str(contents.loci.threshold[name]) for name in ("kind", "note"))
    if kind != "permutation":
        words = f"The threshold is {note}." if kind == "given" else f"The threshold is {labels.words(kind)}: {note}."
        return [words] if kind == "given" else [words, "5e-8 is the usual threshold for one trait."]
    error, of_sets = family_wise_error(contents)
    rest = f" ({of_sets:.2g} more for tests of trait sets)" if of_sets else ""
    return [
        f"If no variant had any effect, a study such as this would report one or more loci with a probability of {error:.2g}"
        f"{rest}: the family-wise error, over all traits and variants."
    ]


def _chance(contents: ReportContents) -> list[str]:
    maxima = contents.scan.permutation_max
    if len(maxima) == 0:
        return ["How often chance alone passes it was not measured: the scan made no permutations."]
    beyond = int((maxima > contents.loci.min_neglog10p).sum())
    return [f"By chance alone, {beyond:,} of {len(maxima):,} permutations of the participants had a test beyond it."]


def _strongest(contents: ReportContents, sd_unit: str) -> str | None:
    """The effect of the strongest locus, in the words of its page."""
    results = contents.loci
    if len(results.loci) == 0:
        return None
    row = results.loci.frame.sort("neglog10p", "locus", descending=[True, False]).row(0, named=True)
    words = effects.of_locus(results.hits.frame, row, None, sd_unit)
    if words is None:
        return None
    gene = queries.nearest_genes(contents.genes.genes, results.loci).get(row["locus"])
    where = f"locus {row['locus']}" + (f", nearest gene {gene}" if gene else "")
    return f"The strongest is {where}. {words.before} {words.trait}{words.after}"


def _known(loci: Loci) -> str | None:
    frame = loci.frame
    if frame.height == 0:
        return None
    if "known" not in frame.columns or frame["known"].is_null().all():
        return "Which of them are known is not said here: the study names no table of known loci."
    known = frame.filter(pl.col("known") == "known").height
    return f"According to the table of known loci, {known} of the {frame.height} are known and {frame.height - known} new."


def _planted(contents: ReportContents) -> str | None:
    results, window_bp = contents.loci, int(contents.run.settings["loci"]["window_bp"])
    if results.planted is None:
        return None
    positions = results.planted.select("chrom", "pos").iter_rows()
    n_found = sum(queries.loci_near(results.loci, str(chrom), int(pos), window_bp).height > 0 for chrom, pos in positions)
    extra = len(queries.loci_without_planted(results.loci, results.planted, window_bp))
    planted = f"{n_found} of {results.planted.height} planted effects are found"
    return f"The cohort is simulated: {planted}; {extra} of the loci are not planted."


def _scope(results: LociResults) -> str | None:
    if len(results.loci):
        return None if results.planted is not None else REPLICATION
    return power_sentence(results)


def power_sentence(results: LociResults) -> str | None:
    """The smallest effect that the study could have found; None if power was not computed."""
    rows = results.power.filter(pl.col("kind") == results.threshold["kind"])
    if rows.height == 0 or rows["share_at_power_80"][0] is None:
        return None
    share, people = rows["share_at_power_80"][0], rows["people"][0]
    return (
        f"At the study's threshold and with {people:,} participants, a variant must explain {share:.2%} of a trait's variance "
        "to be found with 80 % power; smaller effects may exist and be missed."
    )

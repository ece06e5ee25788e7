"""What was done, in sentences made from the study file: ready for a methods section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ecgwas.report.findings import Findings

CLEANING = {
    "moving_average": "a moving average of {window_s:g} s was subtracted",
    "highpass": "baseline wander was removed by a zero-phase Butterworth high-pass at {cutoff_hz:g} Hz",
    "wavelet": "noise was reduced by {mode} wavelet shrinkage ({wavelet}, {levels} levels, universal threshold)",
    "fourier": "frequencies between {low_hz:g} and {high_hz:g} Hz were kept",
}
REPRESENTATIONS = {
    "pca": "principal components ({features} features)",
    "residual_autoencoder": "a residual convolutional autoencoder ({features} features)",
    "vae": "a variational autoencoder ({features} features, beta {beta:g})",
    "beat_points": "the beat itself at {points} time points per lead",
    "intervals": "rate, intervals, axes and amplitudes by multi-lead delineation",
}
INPUTS = {"beat": "of median beats", "strip": "of whole recordings"}
TRANSFORMS = {
    "rank_normal": "Traits were transformed to normal quantiles by rank (Blom), and so were their residuals on the covariates.",
    "none": "Features were tested without transformation.",
}
ENGINES = {
    "matrix": "ordinary least squares on all traits at once with ecgwas' built-in engine",
    "plink2": "PLINK 2 (--glm), one run per lead and chromosome",
}
THRESHOLDS = {
    "published": "5e-8 divided by the features of a lead",
    "bonferroni": "5e-8 divided by the number of traits",
    "effective": "5e-8 divided by the effective number of traits (Li and Ji 2005)",
    "permutation": "the family-wise error over all traits and variants, from shuffles of people (Westfall and Young 1993)",
}
SOURCES = {
    "regions": "Variants were mapped to genes by position",
    "gprofiler": "variants were mapped to protein-coding genes by g:SNPense, terms sought by g:GOSt ({domain_scope} genes)",
    "haploreg": "variants were mapped to their nearest GENCODE gene by HaploReg v4 (1000 Genomes phase 1, GENCODE 13)",
    "ensembl_vep": "variants were mapped to genes within 5 kb by Ensembl's Variant Effect Predictor",
    "open_targets": "variants were mapped to genes by Open Targets, locus-to-gene scores of {min_score:g} or more included",
    "gwas_catalog": "published associations of the hit variants were taken from the GWAS Catalog",
    "string_files": "hit genes were joined by STRING and clustered by MCL (inflation {inflation:g})",
    "string_db": "hit genes were joined by STRING and clustered by MCL (inflation {inflation:g}), terms taken from STRING",
    "enrichment": "over-represented terms were sought by the hypergeometric test with Benjamini and Hochberg's correction",
}


GUARDS = {
    "min_call_rate": "call rate below {:g}",
    "max_heterozygosity_sd": "share of heterozygous calls beyond {:g} SD",
    "check_sex": "sex that contradicts the X chromosome",
    "max_kinship": "of each pair with a KING-robust kinship beyond {:g} one",
    "max_component_sd": "distance on a principal component beyond {:g} SD",
}
CLOSER = {
    "loci/clumps": "Hits with a squared correlation of at least {clump_r2:g} within {clump_window_bp:,} bp were joined.",
    "loci/multitrait": "Sets of traits were tested at once by the omnibus test and ACAT, in the same shuffles.",
    "loci/conditional": "Separate signals of a locus (at most {max_signals}) were sought by stepwise conditional analysis.",
    "loci/credible": "Sets of variants that hold the cause with a nominal probability of 95 % (90 % did in simulated loci of "
    "two or three causes) were found by SuSiE, or by approximate Bayes factors where it found no effect.",
    "loci/audit": "The strongest hits (at most {audit:,}) were audited: variances that differ (HC3), the most influential "
    "person left out, dominance, Hardy-Weinberg equilibrium, odd against even heartbeats; effects were corrected for the "
    "winner's curse: for the threshold (conditional likelihood) and, of lead variants, for being the strongest test of the "
    "locus (hybrid conditional inference).",
    "loci/heritability": "Heritability by all common variants was estimated by Haseman-Elston regression and by GREML.",
}


def methods(findings: Findings) -> tuple[str, ...]:
    """Paragraphs: recordings, representations, association, genes."""
    settings = findings.settings
    paragraphs = [_recordings(findings), _represented(settings), _guarded(settings), _associated(findings)]
    paragraphs += [_closer(findings), _mapped(settings)]
    return tuple(paragraph for paragraph in [*paragraphs, _made(findings)] if paragraph)


def _made(findings: Findings) -> str:
    programs = ", ".join(f"{name} {number}" for name, number in findings.versions.items())
    return f"Programs: {programs}; seed {findings.seed}." if programs else ""


def _recordings(findings: Findings) -> str:
    read = findings.settings["read"]
    frame = findings.recordings.frame.filter(findings.recordings.frame["status"] == "kept")
    kept = frame["eid"].n_unique()
    steps = [CLEANING[part["kind"]].format(**part) for part in (read["baseline"], read["denoise"]) if part["kind"] in CLEANING]
    cleaned = "; ".join(steps) or "signals were used as recorded"
    beats = read["beats"]
    reach = f"from {beats['before_ms']:g} ms before to {beats['after_ms']:g} ms after R"
    return (
        f"ECGs of {kept:,} people ({read['rate_hz']:g} Hz, {read['seconds']:g} s) were analysed: {cleaned}. R peaks were found "
        f"jointly on all leads; the median beat reaches {reach}.{_adapted(frame, read)}"
    )


def _adapted(kept: pl.DataFrame, read: Mapping[str, Any]) -> str:
    """What was done to recordings of other rates or lengths, where there were any; how many would tell of few people."""
    rate = (
        " Recordings of other rates were resampled by polyphase filtering."
        if (kept["rate_hz"] != read["rate_hz"]).any()
        else ""
    )
    longer = (kept["seconds"] > read["seconds"]).any()
    return rate + (f" Of longer recordings the first {read['seconds']:g} s were used." if longer else "")


def _represented(settings: Mapping[str, Any]) -> str:
    kinds = []
    for options in settings["represent"]:
        words = REPRESENTATIONS.get(options["kind"], options["kind"]).format(**options)
        kinds.append(" ".join(piece for piece in (words, INPUTS.get(options.get("input", ""), "")) if piece))
    return f"Each recording was represented by {'; '.join(kinds)}."


def _guarded(settings: Mapping[str, Any]) -> str:
    """Who was left out, and the components that became covariates."""
    guards = {name: value for name, value in settings["traits"].get("guards", {}).items() if name in GUARDS}
    words = [GUARDS[name].format(value) for name, value in guards.items() if value not in (None, False)]
    if not words:
        return ""
    count = settings["traits"].get("components") or 0
    components = (
        f" Principal components were covariates: those of the covariate table, or else the first {count} of the genotypes."
        if count
        else ""
    )
    return f"People were left out by their genotypes: {'; '.join(words)}.{components}"


def _associated(findings: Findings) -> str:
    settings = findings.settings
    scan, loci = settings["scan"], settings["loci"]
    people = findings.people.frame.filter(findings.people.frame["status"] == "kept").height
    tests = max(findings.summary.frame["tests"].to_list(), default=0)
    transform = TRANSFORMS.get(settings["traits"]["transform"], "")
    rule = loci["threshold"]
    limit = THRESHOLDS.get(str(rule), f"the p-value {rule} given in the study file")
    filters = (
        f"minor allele frequency at least {scan['min_maf']:g}, count at least {scan['min_mac']:g}, "
        f"call rate at least {scan['min_call_rate']:g}, Hardy-Weinberg p at least {scan['min_hwe_p']:g}, "
        f"information of imputed variants at least {scan.get('min_info', 0):g}"
    )
    return (
        f"{transform} In {people:,} people, {len(findings.trait_names):,} traits were "
        f"tested against {tests:,} variants ({scan['build']}; {filters}) by {ENGINES.get(scan['kind'], scan['kind'])}. "
        f"Significance: {limit}; −log10 p {findings.threshold['neglog10p']:.2f}. "
        f"Hits within {loci['window_bp']:,} bp of each other form one locus."
    )


def _closer(findings: Findings) -> str:
    """What was done at each locus, by the tables that it left."""
    left = {name for name, table in findings.more.items() if table.height > 0}
    loci = findings.settings["loci"]
    words = [sentence.format(**loci) for table, sentence in CLOSER.items() if table in left]
    return " ".join(words)


def _mapped(settings: Mapping[str, Any]) -> str:
    words = [SOURCES.get(source["kind"], source["kind"]).format(**source) for source in settings["genes"]]
    if not words:
        return ""
    text = "; ".join(words)
    return f"{text[0].upper()}{text[1:]}."

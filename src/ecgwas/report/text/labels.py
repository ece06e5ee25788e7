"""What the page calls the names that programs use: columns of tables, and codes in their cells.

Files keep the names; the page shows the words of COLUMNS and CODES, and no name with an underscore.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecgwas.study import RHYTHMS

COLUMNS: Mapping[str, str] = {
    "neglog10p": "−log10 p", "neglog10p_trait": "−log10 p of that trait", "neglog10p_acat": "−log10 p over all traits (ACAT)",
    "fdr": "FDR", "r2": "r²", "lambda_gc": "λ", "chrom": "chr", "pos": "position", "eaf": "effect allele frequency",
    "se": "standard error", "n": "participants", "people": "participants", "left_out": "excluded", "of": "of how many",
    "guard": "check", "about": "of what", "note": "what the value is", "set": "trait set",
    "maf_from": "minor allele frequency from", "maf_to": "to",
    "share_beyond_1e3": "tests with p < 0.001, observed / expected",
    "heritability": "heritability (Haseman-Elston)", "greml": "heritability (GREML)", "greml_se": "its standard error",
    "greml_p": "p of GREML", "omnibus": "−log10 p, omnibus test", "acat": "−log10 p, ACAT",
    "known_trait": "published trait", "known_beta": "published effect", "best_trait": "strongest trait",
    "outcome": "outcome", "in_file": "variants in the files", "source_version": "version of the source",
    "expected_edges": "edges expected by chance", "average_degree": "edges per gene", "resamples": "random networks",
    "largest_cluster_share": "share of genes in the largest cluster", "clustering": "clustering coefficient",
    "rs_id": "variant in the catalog", "efo_trait": "ontology terms", "pubmed_id": "PubMed number",
    "p_plain": "p, all genes alike", "fdr_plain": "its FDR", "p_length": "p, allowing for gene length",
    "fdr_length": "its FDR", "p_resampled": "p, random loci", "weight": "ease of being hit", "holds": "within the limits",
    "chance_limit": "exceeded by chance in 1 of 40", "distance_bp": "distance (bp)", "hwe_p": "Hardy-Weinberg p",
    "mse": "mean squared error", "r": "correlation", "icc": "ICC of two visits", "mae_uv": "mean absolute error (µV)",
    "named_by": "named by", "kept": "within the limits", "neglog10p_conditional": "−log10 p conditional on the other loci",
    "min_call_rate": "the limit", "min_maf": "the limit", "min_mac": "the limit", "min_info": "the limit",
    "min_hwe_p": "the limit", "q_p": "p of a difference between the groups", "i2": "I²",
}  # fmt: skip
"""Headings of columns whose name is for programs; those of other columns are their names with spaces, with PARTS."""

PARTS: Mapping[str, str] = {
    "neglog10p": "−log10 p", "maf": "minor allele frequency", "mac": "minor allele count", "eaf": "effect allele frequency",
    "hwe": "Hardy-Weinberg", "bp": "(bp)", "fdr": "FDR", "se": "standard error", "pos": "position", "chrom": "chr",
    "uv": "(µV)", "ms": "(ms)", "mse": "mean squared error", "icc": "ICC", "r2": "r²",
}  # fmt: skip
"""Abbreviations within the names of columns."""

GUARDS: Mapping[str, str] = {
    "person_call_rate": "call rate of participants", "heterozygosity": "heterozygosity", "sex": "sex and X chromosome",
    "kinship": "kinship", "ancestry": "ancestry", "usable_traits": "usable traits", "skewness": "skewness of traits",
    "kurtosis": "kurtosis of traits", "variance_by_ancestry": "equal variances between ancestries",
    "variance_by_sex": "equal variances of men and women", "variant_call_rate": "call rate of variants",
    "variant_maf": "minor allele frequency", "variant_mac": "minor allele count", "variant_info": "imputation quality",
    "variant_hwe": "Hardy-Weinberg equilibrium", "lambda": "genomic inflation (λ)",
    "lambda_by_frequency": "genomic inflation by allele frequency", "t_is_beta_over_se": "t equals beta / standard error",
    "se_by_frequency": "standard errors as expected of frequency and sample size", "permutations": "permutations",
    "audit": "audit of the hits", "dependent_loci": "loci that depend on other loci",
    "known_any_trait": "known variants, any trait", "known_same_direction": "known variants, published direction",
    "known_confirmed": "known variants, direction and p < 0.05",
}  # fmt: skip

REASONS: Mapping[str, str] = {
    "call_rate": "low call rate", "maf": "minor allele too rare (frequency)", "mac": "minor allele too rare (count)",
    "info": "low imputation quality", "hwe": "not in Hardy-Weinberg equilibrium",
    "CONST_OMITTED_ALLELE": "same genotype in all participants (PLINK 2)",
    "CONST_ALLELE": "same genotype in all participants (PLINK 2)",
    "CORR_TOO_HIGH": "genotype too close to a covariate (PLINK 2)",
    "VIF_TOO_HIGH": "genotype explained by the covariates (PLINK 2)",
    "VIF_INFINITE": "genotype explained by the covariates (PLINK 2)",
    "RANK_DEFICIENT": "genotype explained by the covariates (PLINK 2)",
    "INVALID_RESULT": "no valid result (PLINK 2)",
}  # fmt: skip
"""Why a variant was not tested."""

KINDS: Mapping[str, str] = {
    "published": "published (5e-8 by the features of a lead)", "bonferroni": "Bonferroni (all traits)",
    "effective": "effective number of traits (Li and Ji)", "effective_galwey": "effective number of traits (Galwey)",
    "permutation": "permutations", "given": "given in the study file", "sets": "tests of trait sets",
    "permutation_empirical": "permutations, order statistic", "permutation_effective": "effective number of tests",
    "sets_empirical": "tests of trait sets, order statistic", "sets_fitted": "tests of trait sets, fitted",
}  # fmt: skip
"""Thresholds."""

METHODS: Mapping[str, str] = {
    "self": "this representation", "susie": "SuSiE", "abf": "approximate Bayes factors", "acat": "ACAT",
    "omnibus": "omnibus test", "single": "single trait", "rank_normal": "rank-based inverse normal",
    "residual_autoencoder": "residual autoencoder", "beat_points": "beat points", "string_files": "STRING files",
    "string_db": "STRING", "pca": "PCA", "vae": "VAE", "left_out": "excluded",
}  # fmt: skip

CODES: Mapping[str, str] = {**METHODS, **KINDS, **REASONS, **GUARDS, **RHYTHMS}
"""Code in a cell -> its words."""

COMPONENTS = re.compile(r"pca_(\d+)")
"""Method of reconstruction: that many principal components."""

SNAKE_CASE = re.compile(r"(?<![\w./@-])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?![\w/@-]|\.\w)")
"""A name with underscores that is not part of a longer one, such as a trait's or a file's."""

UNITS: Mapping[str, str] = {"ms": "ms", "uv": "µV", "deg": "°", "bpm": "beats/min"}
SYMBOLS = {"p", "q", "r", "s", "t", "u", "pr", "qrs", "qt", "jt", "rr", "st", "sd", "st60"}
NAMES = {"qtc": "QTc", "rmssd": "RMSSD", "sokolow": "Sokolow", "lyon": "Lyon", "cornell": "Cornell", "bazett": "Bazett",
         "fridericia": "Fridericia", "framingham": "Framingham"}  # fmt: skip


def heading(column: str) -> str:
    """The heading of a column."""
    return COLUMNS.get(column) or " ".join(PARTS.get(part, part) for part in column.split("_"))


def words(code: str) -> str:
    """A code in words; an unknown one without underscores, in lower case if it is a constant's name."""
    if code in CODES or not SNAKE_CASE.fullmatch(code):
        return CODES.get(code, code)
    if components := COMPONENTS.fullmatch(code):
        return f"{components[1]} principal components"
    return (code.lower() if code.isupper() else code).replace("_", " ")


def in_words(text: str) -> str:
    """A sentence with each code that has an underscore in words; traits, files and options keep their names."""
    return SNAKE_CASE.sub(lambda match: CODES.get(match[0], COLUMNS.get(match[0], match[0])), text)


def measurement(name: str) -> str:
    """A measurement and its unit: qtc_bazett_ms is `QTc Bazett (ms)`; another name as it is."""
    *parts, last = name.split("_")
    if last not in UNITS or not parts:
        return name
    named = [part.upper() if part in SYMBOLS else NAMES.get(part, part) for part in parts]
    return f"{' '.join(named)} ({UNITS[last]})"

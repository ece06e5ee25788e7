"""Tables of the scan as a whole: inflation of tests, QQ plots, power, heritability and polygenic predictions of the traits.

Declared as in ecgwas.tables; docs/tables.md is made from them.
"""

from __future__ import annotations

from ecgwas.tables import REAL, TEXT, WHOLE, Column, Table


class Inflation(Table):
    """Genomic inflation by minor allele frequency, all traits together, of evenly spaced variants."""

    columns = {
        "maf_from": Column(REAL, "smallest minor allele frequency of the bin"), "maf_to": Column(REAL, "largest"),
        "variants": Column(WHOLE, "variants"), "tests": Column(WHOLE, "variants times traits"),
        "lambda_gc": Column(REAL, "median chi-square / 0.4549; null without tests"),
        "share_beyond_1e3": Column(REAL, "share of tests with p < 0.001, over 0.001"),
    }  # fmt: skip


class Heritability(Table):
    """Share of each trait's variance that all common variants explain together: Haseman-Elston regression, and GREML."""

    columns = {
        "trait": Column(TEXT, "trait"), "people": Column(WHOLE, "people"),
        "variants": Column(WHOLE, "LD-pruned common variants"),
        "heritability": Column(REAL, "estimate by moments, not restricted to 0 to 1"), "se": Column(REAL, "its standard error"),
        "greml": Column(REAL, "estimate by restricted maximum likelihood, 0 to 1 (above 1 where participants lack the trait)"),
        "greml_se": Column(REAL, "its standard error"), "greml_p": Column(REAL, "p of the likelihood ratio against 0"),
    }  # fmt: skip


class Polygenic(Table):
    """How much of each trait the other chromosomes predict, with `scan.relatives: polygenic` and many people."""

    columns = {
        "trait": Column(TEXT, "trait"), "people": Column(WHOLE, "people"),
        "variants": Column(WHOLE, "common variants of the autosomes"),
        "h2": Column(REAL, "heritability by these variants, by Haseman-Elston regression, between -1 and 1"),
        "expected_r2": Column(REAL, "share of variance that theory expects to be predicted at this h2 and number of people, of "
                                    "whom each is predicted from four fifths: h2 N h2 / (N h2 + 60000)"),
        "r2": Column(REAL, "share that is predicted in people whose traits were not used, mean over the chromosomes "
                           "that are tested; chi2 of true effects grows by 1 / (1 - r2)"),
    }  # fmt: skip


class QQPoints(Table):
    """Points of each trait's QQ plot, all -log10 p, smallest first."""

    columns = {
        "trait": Column(TEXT, "trait"), "expected": Column(REAL, "-log10 p expected under the null"),
        "observed": Column(REAL, "-log10 p observed"), "low": Column(REAL, "lower end of the 95 % band of independent tests"),
        "high": Column(REAL, "upper end"),
    }  # fmt: skip


class Power(Table):
    """Power of a test at each threshold, by an F test (Cohen 1988): what this study could have found."""

    columns = {
        "kind": Column(TEXT, "kind of the threshold"), "p": Column(REAL, "threshold"),
        "people": Column(WHOLE, "participants tested"),
        **{
            f"share_at_power_{power}": Column(
                REAL, f"smallest share of a trait's variance found with {power} % power; null: 99 % would not be enough"
            )
            for power in (50, 80, 95)
        },
        **{
            f"power_at_share_{share}": Column(REAL, f"power for a variant that explains {share} of a trait's variance")
            for share in ("0.001", "0.005", "0.01", "0.02", "0.05", "0.1")
        },
    }  # fmt: skip

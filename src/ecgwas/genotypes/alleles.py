"""Compares the alleles of a variant in two sources: the same, swapped, on the other strand, or ambiguous."""

from __future__ import annotations

COMPLEMENT = {"A": "T", "T": "A", "C": "G", "G": "C"}
AMBIGUOUS_WITHIN = 0.08
"""The strand of a palindromic variant (A/T, C/G) is ambiguous if its allele frequency is closer to one half than this."""

SAME, SWAPPED, PALINDROMIC, OTHERS = "same", "swapped", "palindromic", "others"


def complement(allele: str) -> str:
    """Reverse complement of an allele. Letters other than A, C, G and T are unchanged."""
    return "".join(COMPLEMENT.get(letter, letter) for letter in reversed(allele))


def orientation(
    own: tuple[str, str], other: tuple[str, str], frequency: float | None = None, their_frequency: float | None = None
) -> str:
    """Returns whether the effect alleles of two sources agree, on either strand.

    SAME: both sources count the same allele. SWAPPED: the effect allele of `other` is the other allele of `own`.
    OTHERS: the pairs differ. own, other: effect allele and other allele, upper case.

    A palindromic pair reads the same on both strands, so the frequencies of the effect alleles decide. If either is unknown
    (None) or within AMBIGUOUS_WITHIN of one half, the result is PALINDROMIC.
    """
    turned = (complement(other[0]), complement(other[1]))
    if set(own) not in (set(other), set(turned)):
        return OTHERS
    if complement(own[0]) != own[1]:
        return SAME if own in (other, turned) else SWAPPED
    if frequency is None or their_frequency is None or min(abs(frequency - 0.5), abs(their_frequency - 0.5)) < AMBIGUOUS_WITHIN:
        return PALINDROMIC
    return SAME if abs(frequency - their_frequency) <= abs(1 - frequency - their_frequency) else SWAPPED

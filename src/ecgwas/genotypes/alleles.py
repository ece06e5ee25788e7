"""Alleles of two sources brought together: swapped, on the other strand, or not to be told."""

from __future__ import annotations

COMPLEMENT = {"A": "T", "T": "A", "C": "G", "G": "C"}
AMBIGUOUS_WITHIN = 0.08
"""Palindromic variants (A/T, C/G) with a frequency nearer to one half than this have no strand that can be told."""

SAME, SWAPPED, PALINDROMIC, OTHERS = "same", "swapped", "palindromic", "others"


def complement(allele: str) -> str:
    """The allele on the other strand; letters other than A, C, G, T stay."""
    return "".join(COMPLEMENT.get(letter, letter) for letter in reversed(allele))


def orientation(
    own: tuple[str, str], other: tuple[str, str], frequency: float | None = None, their_frequency: float | None = None
) -> str:
    """SAME if both count the same allele, SWAPPED if `other` counts our other one, on either strand; OTHERS if pairs differ.

    own, other: effect allele and other allele, upper case. A palindromic pair looks alike on both strands: the frequencies
    of the effect alleles tell, unless one is absent (None) or within UNCLEAR of one half; then PALINDROMIC.
    """
    turned = (complement(other[0]), complement(other[1]))
    if set(own) not in (set(other), set(turned)):
        return OTHERS
    if complement(own[0]) != own[1]:
        return SAME if own in (other, turned) else SWAPPED
    if frequency is None or their_frequency is None or min(abs(frequency - 0.5), abs(their_frequency - 0.5)) < AMBIGUOUS_WITHIN:
        return PALINDROMIC
    return SAME if abs(frequency - their_frequency) <= abs(1 - frequency - their_frequency) else SWAPPED

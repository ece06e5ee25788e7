"""Family-wise error by permutation: single traits and trait sets."""

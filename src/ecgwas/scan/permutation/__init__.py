"""Family-wise error by permutation: single traits and sets of traits."""

"""The exact scan: algebra, kernels (one compiled), missing calls, permutations, sets of traits, what is kept."""

"""The exact scan of a block of variants: products, missing calls, tests, refits, results."""

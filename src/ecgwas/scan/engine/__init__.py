"""The exact scan of a block of variants: products, missing calls, tests, refits, what is kept."""

"""Where genes, links and terms come from: one file per kind, and what kinds share."""

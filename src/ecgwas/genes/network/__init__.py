"""Networks of genes, their clusters, and what chance gives."""

"""Linear mixed models of many traits: relationship of participants, rotation, REML, and tests of variants.

    y = C a + x b + u + e        u ~ N(0, s2 lambda G)        e ~ N(0, s2 I)

with G the genomic relationship matrix. Arrays in, arrays out; the scan decides which variants and participants they are of.

    relationship.py   G from standardised genotypes
    rotation.py       coordinates in which the covariates are gone and G is diagonal
    reml.py           lambda of every trait, and of every trait with a variant in the model
    variant_tests.py  tests of a block of variants with all traits, and exact tests of chosen ones
    structure.py      whether distant variants are correlated, so that least squares needs more than covariates
"""

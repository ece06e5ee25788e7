"""Polygenic scores: files of effect weights, scores of participants, and what they predict.

scoring_file.py   reads files of the PGS Catalog, as given and harmonised
weights.py        contributions of 0, 1 and 2 copies of the effect allele
matching.py       which variant of the genotypes each line means, and on which strand
sums.py           scores of participants from genotypes in files
association.py    partial R2 of scores and traits, compared with permuted scores
thresholding.py   clumping and thresholding, out of fold
own.py            scores of the study's own traits, out of fold
diseases.py       own scores combined for diseases, in nested folds
catalog_file.py   writes files of the PGS Catalog
"""

"""UK Biobank's exports in, ecgwas' table of covariates out: who is excluded or flagged, and why.

fields       which column of an export is which field, instance and array, however the exporter spells it
export       the few columns that are needed out of tables of half a million rows and thousands of columns
values       what the codes of each field mean
relatives    the pairs of ukb_rel.dat, and the fewest people to exclude
covariates   the table of covariates, exclusions and flags
"""

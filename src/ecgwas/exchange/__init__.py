"""Results in the formats of others. One file per format; what it offers:

    gwas_ssf      rows(tests), metadata(...), check(file): GWAS-SSF 1.0 of the GWAS Catalog, a TSV and a YAML per trait
    plink2_text   rows(tests, left_out): PLINK 2's .glm.linear, a table per trait
    pheweb        rows(tests), listed(...): input of PheWeb, a TSV per trait and one list
    locuszoom     region(...): an association track of LocusZoom.js, JSON
    cytoscape     network(...): Cytoscape and Cytoscape.js, JSON

`tests` are rows of one trait with the columns of ecgwas.tables.Associations. Functions are pure: tables in, tables or text
out; `ecgwas export` writes the files.
"""

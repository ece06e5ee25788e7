"""Results in the formats of other programs, and meta-analysis of several studies. One file per format, with

    gwas_ssf      rows(tests), metadata(...), check(file): GWAS-SSF 1.0 of the GWAS Catalog, a TSV and a YAML per trait
    plink2_text   rows(tests, excluded): PLINK 2's .glm.linear, a table per trait
    pheweb        rows(tests), phenotype_list(...): input of PheWeb, a TSV per trait and one list
    locuszoom     region(...): an association track of LocusZoom.js, JSON
    cytoscape     network(...): Cytoscape and Cytoscape.js, JSON
    meta          combine(studies): meta-analysis; meta_studies reads the studies and refuses those that are not comparable

`tests` are rows of one trait with the columns of ecgwas.tables.Associations. The functions of a format are pure: tables in,
tables or text out; `ecgwas export` writes the files.
"""

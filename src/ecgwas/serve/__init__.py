"""A local, read-only browser of the whole results of one or several studies: `ecgwas serve`.

    variants.py   variants along the genome: by position, by key, by name
    kept.py       the tests that a scan kept, by variant and by trait, in memory
    dense.py      every test of a study with `scan.dense`, on disk
    genes.py      genes and recombination rates, by position and by name
    study.py      one study: its tables and indexes, made again when its results change
    words.py      what a point of a figure says and where it leads
    figures.py    figures of the report, drawn for any variant, trait or region
    blocks.py     what a view consists of: texts, figures, tables
    views.py      views: start, variant, trait, loci
    regions.py    the view of a region;  result_tables.py  views of results tables
    addresses.py  addresses of views
    html.py       the page, whose template, style and scripts are in page/
    search.py     what the search field finds
    private.py    a variant tested again with genotypes and recordings, with `--private`
    guard.py      who may ask: host, token, method; headers of every answer
    app.py, server.py   the web application, and how it is started; these and guard.py need the extra `serve`

Results are only read. Tables of participants are answered only with `--private`.
"""

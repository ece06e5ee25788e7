"""From loci to genes, networks and terms. One file per source.

A source's file offers one of

    annotate(options, loci, hits, get) -> Genes        mapping: regions
    connect(options, genes, get) -> Network            networks: string_files
    enrich(options, genes, background, get) -> Terms   terms: enrichment

`get(url, params) -> bytes` is the only way to the internet (ecgwas.genes.web); a test hands in a function over a dict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Get = Callable[[str, Mapping[str, str]], bytes]
"""`get(url, params)` gives the answer's bytes, from the cache or the net."""

"""Addresses at which public browsers show a variant or its place; the page only links to them and asks for nothing itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecgwas.report.names import in_address

RS_NUMBER = re.compile(r"rs\d+")

ENSEMBL = {"hg19": "https://grch37.ensembl.org", "hg38": "https://www.ensembl.org"}
GNOMAD = {"hg19": "gnomad_r2_1", "hg38": "gnomad_r4"}
"""Build -> Ensembl's server; gnomAD's data set."""

AROUND_BP = 50
"""Base pairs shown on either side of a variant that has no rs number."""


@dataclass(frozen=True)
class LookUp:
    """place: the variant as chrom:pos:other allele:effect allele; browsers: name and address of each."""

    place: str
    browsers: tuple[tuple[str, str], ...]


def look_up(locus: Mapping[str, Any], build: str) -> LookUp:
    """Of the lead variant of a locus (a row of loci.csv): by its rs number or, without one, by its position.

    build: of the positions, hg19 or hg38; for another build only rs numbers lead somewhere.
    """
    chrom, pos, name = str(locus["chrom"]), int(locus["pos"]), str(locus["lead_variant"])
    place = f"{chrom}:{pos}:{locus['other_allele']}:{locus['effect_allele']}"
    rs_number = name if RS_NUMBER.fullmatch(name) else None
    window = (max(pos - AROUND_BP, 1), pos + AROUND_BP)
    browsers = []
    if build in ENSEMBL:
        page = f"Variation/Explore?v={rs_number}" if rs_number else f"Location/View?r={chrom}:{window[0]}-{window[1]}"
        browsers.append(("Ensembl", f"{ENSEMBL[build]}/Homo_sapiens/{page}"))
        page = f"variant/{rs_number}" if rs_number else f"region/{in_address(chrom)}-{window[0]}-{window[1]}"
        browsers.append(("gnomAD", f"https://gnomad.broadinstitute.org/{page}?dataset={GNOMAD[build]}"))
        around = f"chr{in_address(chrom)}:{locus['start']}-{locus['stop']}"
        browsers.append(("UCSC", f"https://genome.ucsc.edu/cgi-bin/hgTracks?db={build}&position={around}"))
    if rs_number:
        browsers.append(("GWAS Catalog", f"https://www.ebi.ac.uk/gwas/variants/{rs_number}"))
        browsers.append(("dbSNP", f"https://www.ncbi.nlm.nih.gov/snp/{rs_number}"))
    return LookUp(place, tuple(browsers))

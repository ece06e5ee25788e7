"""LocusZoom's track: the fields of its association layer, for the region only."""

from __future__ import annotations

import json

from ecgwas.exchange import locuszoom
from tests.exchange.rows import make_tests


def test_a_region_of_one_chromosome() -> None:
    lead = {"lead_variant": "rs1:A:G", "chrom": "2", "pos": 50, "effect_allele": "A", "other_allele": "G"}
    about = {"trait": "clinical.12L.qt_ms", "build": "hg19", "effect_unit": "SD per allele"}
    track = locuszoom.region(make_tests(), chrom="2", start=41, stop=50, lead=lead, **about)
    assert json.loads(json.dumps(track)) == track
    assert track["state"] == {
        "chr": "2", "start": 41, "end": 50, "lead_variant": "rs1:A:G", "ldrefvar": "2:50_G/A",
        **about,
    }  # fmt: skip
    assert track["data"] == [
        {
            "id": "rs1:A:G", "variant": "2:50_G/A", "chromosome": "2", "position": 50, "ref_allele": "G", "log_pvalue": 400.5,
            "beta": 0.5, "se": 0.125, "ref_allele_freq": 0.75,
        }
    ]  # fmt: skip

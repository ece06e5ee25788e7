"""The services themselves, once each: whether they still speak the contracts of the local servers.

Asked for by hand or by night: ECGWAS_NETWORK=1 pytest tests/genes/test_live_services.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.genes.sources import ensembl_vep, gprofiler, gwas_catalog, haploreg, open_targets, string_db
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get
from ecgwas.study import EnsemblVep, Gprofiler, GwasCatalog, Haploreg, OpenTargets, StringDb
from tests.genes.hits import make_loci, make_variants

pytestmark = [pytest.mark.network, pytest.mark.slow]

VARIANTS, LOCI = make_variants(["rs6801957", "rs12143842"]), make_loci()
GENES = ["SCN5A", "SCN10A", "KCNQ1", "KCNH2", "NOS1AP", "TTN", "TBX5"]


@pytest.fixture
def get(tmp_path: Path) -> Get:
    return client.make_get(tmp_path, offline=False)


def test_snpense_and_gost(get: Get) -> None:
    assert "SCN10A" in gprofiler.annotate(Gprofiler(), VARIANTS, LOCI, get).frame["gene"].to_list()
    assert gprofiler.enrich(Gprofiler(), GENES, get).terms.frame["cardiovascular"].any()


def test_haploreg(get: Get) -> None:
    assert set(haploreg.annotate(Haploreg(), VARIANTS, LOCI, get).frame["gene"]) == {"SCN10A", "NOS1AP"}


def test_vep_of_hg19(get: Get) -> None:
    assert "SCN10A" in ensembl_vep.annotate(EnsemblVep(), VARIANTS, LOCI, get).frame["gene"].to_list()


def test_open_targets(get: Get) -> None:
    genes = open_targets.annotate(OpenTargets(), VARIANTS, LOCI, get).frame
    assert {"SCN10A", "NOS1AP"} <= set(genes["gene"])


def test_gwas_catalog(get: Get) -> None:
    published = gwas_catalog.look_up(GwasCatalog(), VARIANTS, LOCI, get).published.frame
    assert published["cardiovascular"].any()


@pytest.mark.parametrize("clusters", ["own", "service"])
def test_string(clusters: str, get: Get) -> None:
    source = StringDb.model_validate({"clusters": clusters})
    network = string_db.connect(source, GENES, get)
    assert len(network.edges) > 5
    assert network.tests.frame["p"][0] < 0.01
    assert string_db.enrich(source, GENES, get).terms.frame["kept"].any()

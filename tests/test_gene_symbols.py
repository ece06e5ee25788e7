"""Gene symbols that a spreadsheet has changed, in every language, and symbols that only look so."""

from __future__ import annotations

import pytest

from ecgwas.gene_symbols import damaged, warning

DAMAGED = (
    "1-Mar", "2-Sep", "01-Mar", "1-Dec", "Sep-02", "Mar-01", "1. Mrz", "1.Mär", "02. Sep", "1-mars", "2-sept.", "1-Dez",
    "1-dic", "1-mrt", "2-set", "1-Mar-01", "01-Mar-2001", "2001-03-01", "2001-03-01 00:00:00", "3/1/2001", "03/01", "01.03.",
    "01.03.2001", "01-03-2001", "43891", "43891.0", "2.31E+13", "2,31E+13", "4.0E+04", "1E+05", "#NAME?", "#REF!", "#N/A",
    '"1-Mar"', "######",
)  # fmt: skip
GENUINE = (
    "MARCHF1", "MARCH1", "SEPTIN2", "SEPT2", "DEC1", "DELEC1", "MTARC1", "MARC1", "MAR1", "OCT4", "NOV", "APR-1", "HLA-A",
    "NKX2-5", "MT-ND1", "C1orf226", "2310009E13", "2310009E13Rik", "ERVK3-1", "H2AC1", "5S_rRNA", "7SK", "U3", "LOC100130417",
    "RP11-34P13.7", "AC093642.1", "ENSG00000142192.20", "1-8D", "MAY1", "AUG1", "JUN", "JUND", "SETD2", "SET", "GEN1", "AGO2",
    "MAGEA1", "DICER1", "OTTHUMG1", "Y_RNA", "SEP15", "MARS1", "MARS2", "Mars-1",
)  # fmt: skip


@pytest.mark.parametrize("symbol", DAMAGED)
def test_each_kind_of_damage_is_seen(symbol: str) -> None:
    assert damaged([*GENUINE, symbol]) == [symbol.strip('"')]


def test_symbols_are_left_in_peace() -> None:
    assert damaged(GENUINE) == []


def test_numbers_are_identifiers_where_most_are_such() -> None:
    assert damaged([str(number) for number in range(6331, 6400)]) == []
    assert damaged([*(str(number) for number in range(6331, 6400)), "1-Mar"]) == ["1-Mar"]


def test_the_warning_counts_names_and_cures() -> None:
    words = warning([*GENUINE, *DAMAGED[:7]], "genes.tsv")
    assert words is not None
    assert words.startswith("genes.tsv: 7 of ")
    assert "(+2 more)" in words
    assert "SEPTIN2" in words
    assert warning(GENUINE, "genes.tsv") is None

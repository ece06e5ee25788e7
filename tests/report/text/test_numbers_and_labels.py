"""p-values in words against decimal arithmetic; a label for every name that programs use."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pytest

from ecgwas.delineation.measurements import GLOBAL_MEASUREMENTS, LEAD_MEASUREMENTS
from ecgwas.report.page import render
from ecgwas.report.text import labels
from ecgwas.report.text.numbers import p_and_neglog10p, p_value, with_minus
from ecgwas.tables import files
from tests.conftest import ROOT
from tests.report.page.test_scripts import FOLDER, needs_node, node

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@pytest.mark.parametrize("neglog10p", [*np.random.default_rng(1).uniform(3, 500, 200), 3.0, 11.0000001, 7.9999999, 324.0])
def test_p_values_are_those_of_decimal_arithmetic(neglog10p: float) -> None:
    digits, _, power = p_value(neglog10p).partition("×10")
    shown = Decimal(digits) * Decimal(10) ** int(power.translate(SUPERSCRIPTS))
    true = Decimal(10) ** Decimal(-float(neglog10p))
    assert abs(shown / true - 1) < Decimal("0.051")
    assert 1 <= float(digits) < 10


FINITE = [
    (0.0, "1"), (0.3, "0.5"), (1.30103, "0.05"), (2.3279, "0.0047"), (2.5, "0.0032"), (3.0, "1.0×10⁻³"), (7.30103, "5.0×10⁻⁸"),
    (8.0, "1.0×10⁻⁸"), (11.49485, "3.2×10⁻¹²"), (8.0000001, "1.0×10⁻⁸"), (7.9999999, "1.0×10⁻⁸"), (451.5, "3.2×10⁻⁴⁵²"),
]  # fmt: skip


@pytest.mark.parametrize(("neglog10p", "words"), [*FINITE, (float("inf"), "0"), (float("-inf"), "–"), (float("nan"), "–")])
def test_p_values_in_words(neglog10p: float, words: str) -> None:
    assert p_value(neglog10p) == words


@needs_node
def test_p_values_of_the_script_are_the_same() -> None:
    text = (FOLDER / render.SCRIPTS[0]).read_text()
    own = text[text.index("const SUPERSCRIPTS") : text.index("const byId")]
    done = node("-e", f"{own}console.log([{', '.join(str(value) for value, _ in FINITE)}].map(pWords).join('\\n'))")
    assert done.stdout.splitlines() == [words for _, words in FINITE]


def test_p_is_written_both_ways_and_numbers_have_a_minus() -> None:
    assert p_and_neglog10p(19.5) == "p 3.2×10⁻²⁰ (−log10 p 19.50)"
    assert p_and_neglog10p(2.0, ", conditional") == "p 0.01 (−log10 p 2.00, conditional)"
    assert with_minus("-1.5") == "−1.5"


ABBREVIATED = {"maf", "mac", "eaf", "hwe", "bp", "fdr", "se", "pos", "chrom", "uv", "mse", "1e3", "efo", "neglog10p", "n"}
LISTED = [value for value in vars(files).values() if isinstance(value, files.TableFile) and value.shared]


def test_every_column_of_a_shared_table_has_a_heading_in_words() -> None:
    columns = {column for table in LISTED for column in table.table.columns}
    assert len(columns) > 100
    raw = {column: labels.heading(column) for column in columns if set(labels.heading(column).split()) & ABBREVIATED}
    assert raw == {}
    assert not [column for column in columns if "_" in labels.heading(column)]


def test_every_guard_has_a_label() -> None:
    sources = [*(ROOT / "src/ecgwas/traits").glob("*.py"), *(ROOT / "src/ecgwas/loci").glob("*.py")]
    text = "".join(path.read_text() for path in sources if path.stem != "thresholds")
    guards = set(re.findall(r'_row\(\s*"(\w+)", ', text)) | set(re.findall(r'"guard": "(\w+)"', text))
    assert {"t_is_beta_over_se", "kinship", "usable_traits"} <= guards
    assert guards <= set(labels.GUARDS)


def test_every_measurement_has_its_unit() -> None:
    units = {"degrees": "°"}
    for name, measurement in {**GLOBAL_MEASUREMENTS, **LEAD_MEASUREMENTS}.items():
        assert labels.measurement(name).endswith(f"({units.get(measurement.unit, measurement.unit)})"), name
        assert "_" not in labels.measurement(name)
    assert labels.measurement("qtc_bazett_ms") == "QTc Bazett (ms)"
    assert labels.measurement("my_score") == "my_score"


@pytest.mark.parametrize(("code", "words"), [
    ("effective_galwey", "effective number of traits (Galwey)"), ("mac", "minor allele too rare (count)"),
    ("pca_32", "32 principal components"), ("NEW_CODE", "new code"), ("new_code", "new code"), ("any words", "any words"),
])  # fmt: skip
def test_codes_in_words(code: str, words: str) -> None:
    assert labels.words(code) == words


def test_names_within_sentences_stay() -> None:
    said = labels.in_words("t_is_beta_over_se of clinical.12L.qt_ms (lead_quality.parquet; traits.normalise_within)")
    assert said == "t equals beta / standard error of clinical.12L.qt_ms (lead_quality.parquet; traits.normalise_within)"

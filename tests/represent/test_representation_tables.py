"""What the benchmark of representations writes into the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.findings.representation_tables import END, Found, OnReal, of_hearts, of_kinds, of_seeds, write
from tests.conftest import ROOT


def found(high: float, ceiling: float = 0.9) -> Found:
    r2 = {"qt_ms": high, "pr_ms": 0.5}
    return Found(features=32, people=100, seconds=12.4, r2=r2, ceiling=ceiling, again=0.9712, r=0.99, mae_uv=None)


def test_tables_of_kinds() -> None:
    real = {"default": [OnReal("clinical", odd_even=0.9431), OnReal("pca", odd_even=0.9716, prd_percent=18.04)]}
    text = of_kinds({"default": found(0.7), "vae32": found(0.9, float("nan"))}, real)
    lines = text.splitlines()
    assert "| default | 32 | 0.600 | 1 of 2 | 0.900 | 0.971 | 0.990 | – | 100 | 12 |" in lines
    assert "| vae32 | 32 | 0.700 | 1 of 2 | – | 0.971 | 0.990 | – | 100 | 12 |" in lines
    assert "| default | 0.943 and 0.972 | – and – | – and – | – and – | – and 18.0 | – and – |" in lines
    assert lines[-2:] == ["| qt_ms | 0.70 | 0.90 |", "| pr_ms | 0.50 | 0.50 |"]


def test_table_of_seeds() -> None:
    text = of_seeds([11, 21], [{"default": found(0.7)}, {"default": found(0.9)}])
    assert text.splitlines()[-1] == "| default | 32 | 0.600 | 0.700 | 0.650 |"


def test_table_of_hearts() -> None:
    by_hearts = {"own": {"default": found(0.7), "pca32": found(0.3)}, "ecgsyn": {"default": found(0.9)}}
    header, _, *rows = of_hearts(by_hearts).splitlines()
    assert header == "| mean R² (parameters ≥ 0.70) | own | ecgsyn |"
    assert rows[0] == "| default | 0.600 (1 of 2) | 0.700 (1 of 2) |"
    assert rows[1:] == ["| pca32 | 0.400 (0 of 2) | – |"]


def test_a_block_of_a_page_is_made_anew_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        f"before\n<!-- representations:kinds -->\nold\n{END}\nbetween\n<!-- representations:seeds -->\n{END}\nafter\n"
    )
    write(page, "kinds", r"new \1")
    once = page.read_text()
    assert once.splitlines()[:4] == ["before", "<!-- representations:kinds -->", r"new \1", END]
    assert once.splitlines()[4:] == ["between", "<!-- representations:seeds -->", END, "after"]
    write(page, "kinds", r"new \1")
    assert page.read_text() == once
    with pytest.raises(SystemExit, match="has no comments"):
        write(page, "others", "x")


def test_the_documentation_has_a_place_for_each() -> None:
    page = (ROOT / "docs" / "validation" / "represent.md").read_text()
    assert page.count(END) == 3
    for block in ("kinds", "seeds", "hearts"):
        assert page.count(f"<!-- representations:{block} -->") == 1

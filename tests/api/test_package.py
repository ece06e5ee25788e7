"""`import ecgwas` is light, offers what it lists, and what it offers is documented with examples that hold."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from types import ModuleType

import pytest

import ecgwas
from ecgwas.api import association, recordings, results
from tests.conftest import ROOT

HEAVY = ("numpy", "polars", "torch", "scipy", "pydantic", "matplotlib", "click", "ecgwas.study", "ecgwas.stages")


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh Python has loaded after `code`."""
    command = [sys.executable, "-c", f"{code}; import sys; print(' '.join(sys.modules))"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_import_loads_no_library() -> None:
    assert loaded_by("import ecgwas").isdisjoint(HEAVY)


def test_functions_load_no_plots_and_no_network_of_neurons() -> None:
    assert loaded_by("import ecgwas; ecgwas.scan_variants").isdisjoint({"torch", "matplotlib"})


def test_every_name_listed_is_there_and_others_are_not() -> None:
    for name in ecgwas.__all__:
        assert getattr(ecgwas, name) is not None
        assert name in dir(ecgwas)
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        _ = ecgwas.scam  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [association, recordings, results], ids=lambda module: module.__name__)
def test_examples_hold(module: ModuleType) -> None:
    outcome = doctest.testmod(module, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert outcome.failed == 0
    assert outcome.attempted >= 1


def test_every_function_has_an_example_and_says_what_it_raises() -> None:
    functions = [getattr(ecgwas, name) for name in ecgwas.__all__ if inspect.isfunction(getattr(ecgwas, name))]
    assert len(functions) == 6
    for function in functions:
        text = inspect.getdoc(function) or ""
        assert ">>> " in text, function.__name__
        assert "Raises " in text, function.__name__
        assert "eturns" in text or function is ecgwas.open, function.__name__


def test_the_page_is_made_from_the_docstrings() -> None:
    from docs.make_api import api_page

    assert (ROOT / "docs" / "api.md").read_text() == api_page(), "run python -m docs.make_api"

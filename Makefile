# Two commands do everything: `make demo` and `make test`. Both set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test coverage docs fuzz dist audit clean

demo: $(STAMP)
	$(BIN)/ecgwas demo demo

test: $(STAMP)
	$(BIN)/ruff check src tests benchmarks supply
	$(BIN)/ruff format --check src tests benchmarks supply
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

# The tests with branch coverage; fails below the floor of pyproject.toml. Half an hour on two cores.
coverage: $(STAMP)
	$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report term:skip-covered

# Readers of other people's files, five minutes each; crashing inputs lie in fuzz_crashes/.
fuzz: $(STAMP)
	$(BIN)/python -m benchmarks.robustness.fuzz

# Wheel and sdist, their bill of materials (CycloneDX), each installed in a fresh environment and tried.
dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(BIN)/python -m pip install --quiet --constraint constraints.txt build
	$(BIN)/python -m build --sdist --outdir dist .
	$(BIN)/python supply/sbom.py dist/sbom.cdx.json
	$(BIN)/python supply/release.py conda
	$(BIN)/python supply/smoke.py dist/*.whl dist/*.tar.gz
	$(BIN)/python supply/smoke.py --base dist/*.whl
	$(BIN)/python supply/release.py sums

# Known weaknesses of the locked packages; needs the internet.
audit: $(STAMP)
	$(PYTHON) -m venv build/pip-audit
	build/pip-audit/bin/pip install --quiet pip-audit
	$(BIN)/python supply/audit.py build/pip-audit/bin/pip-audit

# The documentation as a site, in site/.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# torch first and alone, exactly as constraints.txt has it: a CPU build, not the newest with gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/pip install $$(grep '^torch==' constraints.txt)
	$(BIN)/pip install --constraint constraints.txt --editable '.[test,docs]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo build site .pytest_cache .mypy_cache .ruff_cache

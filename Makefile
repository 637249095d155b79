PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint clean

demo: .venv/demo
	$(BIN)/headwater demo --out demo

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	SCIPY_ARRAY_API=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -q

lint: .venv/test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

$(BIN)/python:
	$(PYTHON) -m venv .venv

# The stamps remember what was installed, so a second run starts at once.
.venv/demo: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[report]'
	@touch $@

.venv/test: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[all,dev]'
	@touch $@ .venv/demo

clean:
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-browser test-trainers test-lowest lint clean

demo: .venv/demo
	$(BIN)/headwater demo --out demo

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	SCIPY_ARRAY_API=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -q -m "not browser"

# The pages in a browser, the system's Chromium, which is no package of pip's: installed where the system can and may,
# and where there is none the tests are skipped with the reason.
test-browser: .venv/test
	command -v chromium || { apt-get update -q && apt-get install -y -q chromium; } || true
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -m browser tests/pages

# L2SP in the trainers people use, whose libraries are heavier than all else together: apart from `make test`, where
# these tests are skipped with the reason.
test-trainers: .venv-trainers/done
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv-trainers/bin/python -m pytest -q tests/nets/test_trainers.py tests/test_examples.py

# At the lowest versions that pyproject.toml declares, torch left out: its oldest build is gigabytes of accelerator
# libraries, and what needs it is skipped.
test-lowest: .venv-lowest/done
	SCIPY_ARRAY_API=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv-lowest/bin/python -m pytest -n 2 -q

lint: .venv/test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

$(BIN)/python:
	$(PYTHON) -m venv .venv

# The stamps remember what was installed, so a second run starts at once.
.venv/demo: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[report]'
	@touch $@

.venv/test: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[all,dev]'
	@touch $@ .venv/demo

.venv-trainers/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-trainers
	.venv-trainers/bin/python -m pip install -q -c constraints.txt -e '.[trainers,dev]'
	@touch $@

.venv-lowest/done: pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install -q uv
	echo "torch; python_version < '3'" > .venv-lowest/without
	.venv-lowest/bin/uv pip install -q --python .venv-lowest/bin/python --resolution lowest-direct \
		--override .venv-lowest/without -e '.[all,dev]'
	@touch $@

clean:
	rm -rf .venv .venv-trainers .venv-lowest demo .pytest_cache .mypy_cache .ruff_cache

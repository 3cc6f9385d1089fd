# make figures | test | bench | report | check | lint | clean: each installs what it needs into .venv, once.
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
SCALE ?= standard
OUT ?= results
BIN := .venv/bin
ASSAY := $(BIN)/assay
RUN := --scale $(SCALE) --workers $(CORES) --out $(OUT)

# one BLAS thread a process: the processes use the cores
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: figures check report test lint bench clean

# An unexpected verdict (exit 1) must not prevent the figures; it still fails the target. An interrupt ends it at once.
figures: .venv/core
	@status=0; \
	$(ASSAY) check $(RUN) || status=$$?; [ $$status -le 1 ] || exit $$status; \
	$(ASSAY) figure $(RUN) || status=$$?; \
	exit $$status

check: .venv/core
	@$(ASSAY) check $(RUN)

report: .venv/core
	@status=0; $(MAKE) --no-print-directory figures || status=$$?; \
	$(ASSAY) report --out $(OUT) || status=$$?; \
	exit $$status

test: lint
	$(BIN)/pytest -q -n $(CORES) --dist loadfile --nbmake --nbmake-timeout=300 tests theory simulations assay notebooks

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

bench: .venv/dev
	@$(BIN)/python -m benchmarks.run

clean:
	rm -rf .venv results build dist .pytest_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache
	find theory simulations claims figures assay tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

# The two stamps: what a user runs, and on top of it what a developer runs.
.venv/core: pyproject.toml constraints.txt | .venv/made
	@echo "installing into .venv (once) ..."
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/dev: .venv/core
	@echo "installing the development tools into .venv (once) ..."
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

.venv/made:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); try make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "error: $(PYTHON) lacks venv: on Debian run apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

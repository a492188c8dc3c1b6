# Two commands do all the set-up: `make demo` runs the main job on a simulated shop, `make test` all the tests.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
UV     := $(shell command -v uv 2>/dev/null)
DATA   ?= ../shared/data
WORKERS ?= 2
MINUTES ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test quick check fuzz faults lint format docs bench bench-quick screenshots mutants env clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY) ## the virtual environment alone

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "penchant needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 2; }
ifdef UV
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[all]' --group dev --group docs
else
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all]' --group dev --group docs
endif
	@$(BIN)/python -c 'import lightgbm' 2>/dev/null || \
		{ echo "LightGBM does not load: it needs the OpenMP runtime (Debian and Ubuntu: apt-get install libgomp1)."; exit 2; }
	@touch $(READY)

demo: $(READY) ## the main job, end to end, on a simulated shop
	@$(BIN)/penchant demo

test: $(READY) ## all that CI runs: lint, types, every test (under 12 minutes on two cores)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@# Types, then Spark's tests, which need one process: beside the others, and told when those are done.
	@log=$$(mktemp); { $(BIN)/mypy && PENCHANT_DATA=$(DATA) $(BIN)/python -m pytest -q -m spark; } >$$log 2>&1 & beside=$$!; \
	trap 'kill $$beside 2>/dev/null; rm -f $$log' EXIT; trap 'exit 130' INT TERM; code=0; \
	PENCHANT_DATA=$(DATA) $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not spark" || code=$$?; \
	wait $$beside || code=$$?; cat $$log; exit $$code

quick: $(READY) ## the fast subset of the tests (under 90 seconds)
	PENCHANT_DATA=$(DATA) $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow and not spark"

check: $(READY) ## format in place, then lint, types and tests
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@$(MAKE) --no-print-directory test

fuzz: $(READY) ## tables, configurations, expressions and model files at random, MINUTES each (default 2, of 7 tests)
	FUZZ_MINUTES=$(MINUTES) $(BIN)/python -m pytest -q tests/fuzz

faults: $(READY) ## kills, full disks, little memory, locks, two at once, a store that is moved or damaged (30 minutes)
	FAULTS=1 $(BIN)/python -m pytest -q tests/faults

mutants: $(READY) ## plant faults in two dozen files, print which the tests miss (ARGS="--minutes 5 --per-file 10")
	$(BIN)/python tests/mutants.py $(ARGS)

bench: $(READY) ## run all benchmarks beside peers and floors and write docs/benchmarks.md (hours)
	PENCHANT_DATA=$(DATA) $(BIN)/python -m benchmarks.run

bench-quick: $(READY) ## the same with small sizes (under 8 minutes)
	PENCHANT_DATA=$(DATA) $(BIN)/python -m benchmarks.run --quick

screenshots: $(READY) ## pictures of every page of the demo, light, dark, on a phone (wants make demo, chromium)
	$(BIN)/python -m benchmarks.screenshots

docs: $(READY) ## the generated pages anew, and the site in site/, links checked
	$(BIN)/python -m penchant.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --clean
	@echo "site/index.html; to look at it: $(BIN)/python -m http.server -d site"

clean: ## remove the environment and what tools leave behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist

# One command each; `make help` lists them. Needs Python 3.11 or later and make, nothing else.
# Everything is installed into .venv; once that is done, no target but `clean` makes it needed again.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help lab demo test check check-js test-js axe bench soak soak-sample clean

# The first Python that is new enough and can make a virtual environment.
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
    if $$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo $$p; break; fi; done)

BIN := .venv/bin
# One environment for all; each stamp says which extras have been put into it.
LAB := .venv/.lab
DEV := .venv/.dev
LAB_EXTRAS := lab,plot,polars,dask,excel,sqlite,postgres,mysql,duckdb,secrets
DEV_EXTRAS := all,dev
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
DEMO := notebooks/demo
JS := tests/js
# The front end is ES modules in plain .js files; older versions take them for scripts.
NODE := $(shell node -e 'const [a, b] = process.versions.node.split(".").map(Number); console.log(a > 22 || (a == 22 && b >= 7) || (a == 20 && b >= 19) ? "yes" : "")' 2>/dev/null)
PYTEST := $(BIN)/python -m pytest
# What proves nothing of an engine runs on one of the four by turns, and the browser tests every other time; within four
# days everything has run everywhere.
TURN ?= $(shell date +%j)
# A slow test may take longer than those of `make test`, whose limits pyproject.toml has.
SOAK := $(PYTEST) -o faulthandler_timeout=7200 --durations=10
# How often `make soak` goes round.
ROUNDS ?= 3

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# --- installation ----------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or later with venv found (Debian: apt-get install python3-venv); or give one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "$(PYTHON) is older than Python 3.11 or has no venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(LAB): pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[$(LAB_EXTRAS)]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[$(DEV_EXTRAS)]'
	@touch $@

# --- use -------------------------------------------------------------------------------------

lab: $(LAB) demo ## open the tour in JupyterLab (PORT=…, LAB_ARGS=…)
	@flags=""; \
	if [ "$$(id -u)" = 0 ]; then flags="$$flags --allow-root"; fi; \
	if [ "$$(uname)" != Darwin ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then flags="$$flags --no-browser"; fi; \
	exec $(BIN)/jupyter lab $$flags $(if $(PORT),--port=$(PORT)) $(LAB_ARGS) notebooks/01_tour.ipynb

demo: $(LAB) ## build the demo databases in notebooks/demo
	$(BIN)/python -m multidb_explorer demo $(DEMO)

# --- checks ----------------------------------------------------------------------------------

# The browser needs both cores for itself, or what it shows comes late.
test: $(DEV) test-js axe ## run the tests (ARGS=… for pytest)
	MULTIDB_TEST_TURN=$(TURN) $(PYTEST) -n auto --dist loadfile -m 'not browser and not slow' $(ARGS)
	MULTIDB_TEST_TURN=$(TURN) $(PYTEST) -m 'browser and not slow' $(ARGS)

check: $(DEV) check-js ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

ifeq ($(NODE),)
test-js check-js:
	@echo "JavaScript: no node (20.19 or 22.7 and later) on this machine, its checks are left out"
else
# node --test in a folder means all its *.test.js, in every version of node.
test-js:
	cd $(JS) && node --test

check-js: $(JS)/node_modules/.stamp
	cd $(JS) && node_modules/.bin/tsc --project tsconfig.json
endif

# axe-core, which looks at every panel in the browser; without it those tests are left out, and say so.
axe:
	@if command -v npm >/dev/null 2>&1; then $(MAKE) --no-print-directory $(JS)/node_modules/.stamp || echo "JavaScript: npm could not fetch axe-core"; fi

$(JS)/node_modules/.stamp: $(JS)/package-lock.json
	cd $(JS) && npm ci --silent --no-audit --no-fund
	@touch $@

bench: $(DEV) ## the benchmarks, as ratios against peers in the same run
	@for script in $(filter-out %_data.py,$(wildcard benchmarks/*.py)); do $(BIN)/python $$script || exit 1; done

soak: $(DEV) ## the slow tests and the browser tests, ROUNDS times
	@round=1; while [ $$round -le $(ROUNDS) ]; do \
	    echo "round $$round of $(ROUNDS)"; $(SOAK) -m 'slow or browser' $(ARGS) || exit 1; round=$$((round + 1)); done

soak-sample: $(DEV) ## a few minutes of the soak, for every push
	$(SOAK) -n auto --dist load -m slow -k 'fresh and 0 or killed and creates' tests/differential tests/force $(ARGS)

clean: ## remove everything that make made, .venv too
	rm -rf .venv build dist $(DEMO) $(JS)/node_modules *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find multidb_explorer tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

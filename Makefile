# Crossdock: install, run, check, test. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
PYTEST_ARGS ?=
CHAOS_ARGS ?=
FUZZ_ARGS ?=
BENCH_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

# A stamp is named for what it was made from (lock files and this folder, since a virtual environment does not survive a move):
# while nothing changes, nothing is installed again.
digest = $(shell (pwd; cat $(1)) | cksum | tr ' ' -)
RUNTIME_LOCKS := requirements-install.lock requirements.lock pyproject.toml
RUNTIME := $(VENV)/.runtime-$(call digest,$(RUNTIME_LOCKS))
DEV := $(VENV)/.dev-$(call digest,$(RUNTIME_LOCKS) requirements-dev.lock)

# One package index for pip and uv: where pip is configured for another than the usual one, uv uses the same.
UV_INDEX = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)}}"; \
	[ -z "$$UV_DEFAULT_INDEX" ] && unset UV_DEFAULT_INDEX || export UV_DEFAULT_INDEX; \
	export UV_NO_PROGRESS=1
UV_INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode --require-hashes
# Our own code is compiled here, once: each of five processes would do it again at every start where Python may not write what it compiled.
BUILD = { $(BIN)/python -m compileall -q backend console >/dev/null 2>&1; $(BIN)/python -m console.build; }

.PHONY: help run install test check format bench bench-check chaos fuzz browser lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## install, build the front end, migrate and start everything; Ctrl-C stops it
	@$(BUILD)
	@exec $(BIN)/crossdock up

install: $(RUNTIME) ## create .venv with the pinned packages

test: $(DEV) browser ## run all tests (PYTEST_ARGS="-k name" narrows)
	@$(BUILD)
	@$(BIN)/python -m pytest -n 3 --dist loadscope $(PYTEST_ARGS)

check: $(DEV) ## formatting, lint, types, architecture, migrations, house rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.house
	@$(BIN)/crossdock check-migrations
	@$(BIN)/basedpyright --project pyproject.toml

format: $(DEV) ## format the code and repair what lint can repair
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(DEV) ## run the benchmarks and print them as a table (BENCH_ARGS="--quick hanging" narrows)
	@$(BIN)/python -m tests.bench $(BENCH_ARGS)

bench-check: $(DEV) ## the same, failing below the committed floors
	@$(BIN)/python -m tests.bench --check $(BENCH_ARGS)

chaos: $(DEV) ## run the failure suite and print it as a table: kills, outages, a full disk (CHAOS_ARGS="-h" tells what narrows it)
	@$(BUILD)
	@$(BIN)/python -m tests.chaos $(CHAOS_ARGS)

fuzz: $(DEV) ## make up requests from the API's own schema, 200 for each call, and hold the answers to it (FUZZ_ARGS="--examples 20" shortens it)
	@$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

browser: $(DEV)
	@.ci/browser

lock: $(RUNTIME) ## resolve the lock files anew from pyproject.toml
	@$(UV_INDEX); compile="$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header"; \
	$$compile pyproject.toml -o requirements.lock; \
	$$compile --group install -o requirements-install.lock; \
	$$compile --group dev -c requirements.lock -o requirements-dev.lock

clean: ## remove what was installed and built; data stays
	@rm -rf $(VENV) .web build .pytest_cache .ruff_cache .import_linter_cache .hypothesis .states
	@find backend console tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Crossdock needs Python 3.11 or newer as "$(PYTHON)"; name another with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'This Python cannot make virtual environments; on Debian and Ubuntu install what is missing with: apt-get install python3-venv' >&2; exit 1; }
	@rm -f $(VENV)/.runtime-* $(VENV)/.dev-*
	@grep -qxF "$(CURDIR)" $(VENV)/.made-for 2>/dev/null && $(BIN)/python -c 'import pip' 2>/dev/null || \
		{ echo 'Creating $(VENV)'; $(PYTHON) -m venv --clear $(VENV) && echo "$(CURDIR)" > $(VENV)/.made-for; }
	@echo 'Installing pinned packages'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-install.lock
	@$(UV_INDEX); $(UV_INSTALL) -r requirements.lock && $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --offline -e .
	@touch $@

$(DEV): $(RUNTIME)
	@echo 'Installing what checks and tests need'
	@$(UV_INDEX); $(UV_INSTALL) -r requirements-dev.lock
	@rm -f $(VENV)/.dev-*
	@touch $@

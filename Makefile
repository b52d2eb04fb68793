# Every target sets up what it needs in .venv; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
# Where it is set, each of the many processes compiles all of our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-fast check chaos memory subscribers bench trust clients sbom audit format lock contracts web clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/run.stamp ## Generate a video for a look and watch it happen; needs no account; STAY=1 goes on to serve
	@$(BIN)/lookreel demo $(if $(STAY),--stay)

serve: .venv/run.stamp ## Run the API and a worker on http://127.0.0.1:8000
	@$(BIN)/lookreel serve

web: .venv/run.stamp ## Fetch GraphiQL and Swagger UI with npm, for browsers that do not reach a CDN
	@$(BIN)/lookreel web

test: .venv/dev.stamp $(if $(ARGS),,check) ## Run every check and every test, some under each Python; ARGS= runs some tests alone
	@$(BIN)/python -m pytest $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m tests.pythons)

test-fast: .venv/dev.stamp ## Run what needs no worker, no browser, no Node and no processes of its own, in under a minute on two quiet cores
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

check: .venv/dev.stamp ## Lint, types, import rules, migrations, committed API descriptions
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.contracts check

chaos: .venv/dev.stamp ## Kill workers and fail calls while they make 300 videos, half with Veo and half with Omni; nothing may be lost or paid twice
	@$(BIN)/python -m bench.chaos

memory: .venv/dev.stamp ## Measure a worker's memory with 1,000 videos in the making, and with 20 large results
	@$(BIN)/python -m bench.generation_memory

subscribers: .venv/dev.stamp ## Follow jobs with 5,000 connections, and print what a delivery costs
	@$(BIN)/python -m bench.subscribers

bench: .venv/bench.stamp ## Measure beside other servers in a quarter of an hour; BENCH=--quick looks whether it works
	@$(BIN)/python -m bench.run $(BENCH)

trust: .venv/trust.stamp ## Attack, break and load an installation in 20 minutes; TRUST=--quick looks whether it works
	@$(BIN)/python -m bench.trust.run $(TRUST)

clients: .venv/dev.stamp ## Let generators, linters and compilers read both APIs' descriptions
	@$(BIN)/python -m bench.clients

sbom: .venv/trust.stamp ## Write what runs here as sbom.json (CycloneDX), from the lock
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o sbom.json requirements.lock 2>/dev/null

audit: .venv/trust.stamp ## Ask whether an advisory names a version of the lock
	@$(BIN)/python -m bench.trust.audit

format: .venv/dev.stamp ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

contracts: .venv/dev.stamp ## Write schema.graphql and openapi.json anew
	@$(BIN)/python -m tests.contracts write

lock: .venv/dev.stamp ## Resolve the dependencies anew into the lock files
	@$(BIN)/uv pip compile pyproject.toml --group build $(UNIVERSAL) -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group build --extra otel -c requirements.lock $(UNIVERSAL) -o requirements-otel.lock
	@$(BIN)/uv pip compile pyproject.toml --group dev --extra otel -c requirements-otel.lock $(UNIVERSAL) -o requirements-dev.lock
	@$(BIN)/uv pip compile pyproject.toml --group bench -c requirements-dev.lock $(UNIVERSAL) -o requirements-bench.lock
	@$(BIN)/uv pip compile pyproject.toml --group trust -c requirements-dev.lock $(UNIVERSAL) -o requirements-trust.lock
UNIVERSAL := --upgrade --universal --fork-strategy fewest --generate-hashes --python-version 3.11 --custom-compile-command "make lock" --quiet

clean: ## Remove the environment, the caches and the local data folder
	rm -rf .venv .venv-* .lookreel .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lookreel needs Python 3.11 or newer; set PYTHON=")'
	@$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing into .venv ..."
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@echo "Installing the tools for tests and checks ..."
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

.venv/bench.stamp: requirements-bench.lock .venv/dev.stamp
	@echo "Installing the tools for benchmarks ..."
	@$(PIP) install --require-hashes --no-deps -r requirements-bench.lock
	@touch $@

.venv/trust.stamp: requirements-trust.lock .venv/dev.stamp
	@echo "Installing the tools for attacks ..."
	@$(PIP) install --require-hashes --no-deps -r requirements-trust.lock
	@touch $@

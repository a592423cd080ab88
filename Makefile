# `make check` is the one command before a commit; `make test` and `make demo` need nothing but Python.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SALES := examples/sales-analytics
ALEX := examples/alex-finance
PYTHONS ?= 3.11 3.12 3.13

.DEFAULT_GOAL := help
.PHONY: help install check format lint layers types test test-all e2e docs demo demo-alex lock checkov audit sbom clean faults malformed bench

help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# An environment of $(1) from the lock $(2), which has resolved all; bytecode is made on all cores, which pip does on one.
define environment
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r $(2)
	$(1)/bin/python -m pip check --quiet --disable-pip-version-check
	-@$(1)/bin/python -m compileall -qq -j 0 $(1)/lib  # some files are no Python
endef

install: $(STAMP) ## Make .venv from the hash-locked requirements

$(STAMP): requirements/dev.txt pyproject.toml
	$(call environment,$(VENV),requirements/dev.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check --quiet --disable-pip-version-check
	@touch $@

check: format lint layers types test ## Everything that must be green: format, lint, layers, types, tests and docs

format: $(STAMP) ## Check the formatting
	$(BIN)/ruff format --check .

lint: $(STAMP) ## Check the style
	$(BIN)/ruff check .

layers: $(STAMP) ## Check the layers of docs/architecture.md
	$(BIN)/lint-imports

types: $(STAMP) ## Check the types (pyright, strict)
	$(BIN)/pyright

test: $(STAMP) ## Run all tests, the documentation's commands included
	$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder

e2e: $(STAMP) ## From an empty folder to a deployed, running and destroyed stage, with AWS emulated
	$(BIN)/python -m pytest tests/e2e -n 0 -v

BACKEND ?= sqlite
COUNT ?= 1000
SEED ?= 1

faults: $(STAMP) ## Run COUNT random fault schedules from SEED on BACKEND: sqlite, postgres, aurora or dynamodb
	@$(BIN)/python -m tests.faults.harness --backend $(BACKEND) --count $(COUNT) --seed $(SEED)

malformed: $(STAMP) ## Load, validate and handle COUNT malformed configurations and events from SEED (20,000 are the promise)
	@$(BIN)/python -m tests.security.malformed --count $(COUNT) --seed $(SEED)

PEERS := .venvs/bench/.installed
BENCHMARKS := engine postgres rules imports worker memory growth

$(PEERS): requirements/bench.txt
	$(call environment,.venvs/bench,requirements/bench.txt)
	@touch $@

bench: $(STAMP) $(PEERS) ## Measure us beside our peers and write docs/performance.md; fails when a goal is missed
	@missed=; for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || missed="$$missed $$name"; echo; done; \
	  if [ -n "$$missed" ]; then echo "goals missed:$$missed"; exit 1; fi

docs: $(STAMP) ## Write the generated references again
	$(BIN)/python -m tests.support.references

test-all: ## Run the tests on every Python of PYTHONS that is there
	@for version in $(PYTHONS); do \
	  found=; \
	  for candidate in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python; do \
	    if "$$candidate" -c '' 2>/dev/null; then found=$$candidate; fi; \
	  done; \
	  if [ -z "$$found" ]; then echo "python$$version: not here, skipped"; continue; fi; \
	  echo "== $$($$found --version)"; \
	  $(MAKE) --no-print-directory test VENV=.venvs/$$version PYTHON=$$found || exit 1; \
	done

demo: $(STAMP) ## Run sales-analytics offline, from its CSV to the HTML report
	@$(BIN)/agent-framework plan --project $(SALES) --input $(SALES)/input.json
	@$(BIN)/agent-framework run --project $(SALES) --input $(SALES)/input.json --offline

demo-alex: $(STAMP) ## Run alex-finance offline, from an empty folder to the HTML page of each test user
	@cd $(ALEX) && $(abspath $(BIN))/python -m backend.demo

lock: ## Resolve the locked requirements anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header requirements/dev.in -o requirements/dev.txt
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header requirements/bench.in -o requirements/bench.txt

CHECKOV := .venvs/checkov/bin/checkov

$(CHECKOV):
	$(PYTHON) -m venv .venvs/checkov
	.venvs/checkov/bin/python -m pip install --quiet --disable-pip-version-check 'checkov==3.3.30'

checkov: $(CHECKOV) ## Check the Terraform modules with checkov, in an environment of its own
	$(CHECKOV) --directory terraform_modules --framework terraform --compact --quiet --skip-download

AUDIT := .venvs/audit/bin/python
SBOM := .venvs/sbom/bin/cyclonedx-py
SBOM_FILE ?= dist/sbom.cdx.json

$(AUDIT):
	$(PYTHON) -m venv .venvs/audit
	$(AUDIT) -m pip install --quiet --disable-pip-version-check 'pip-audit==2.10.1'

audit: $(AUDIT) ## Look for known vulnerabilities in the locked requirements; 3 where no source of advisories answers
	@$(AUDIT) .ci/audit.py requirements/dev.txt

$(SBOM):
	$(PYTHON) -m venv .venvs/sbom
	.venvs/sbom/bin/python -m pip install --quiet --disable-pip-version-check 'cyclonedx-bom==7.5.0'

sbom: $(SBOM) ## Write the bill of materials of the locked requirements (CycloneDX, JSON) to SBOM_FILE
	@mkdir -p $(dir $(SBOM_FILE))
	@PYTHONWARNINGS=ignore $(SBOM) requirements requirements/dev.txt --pyproject pyproject.toml --mc-type library --output-reproducible \
	  --output-format JSON --output-file $(SBOM_FILE)
	@echo "$(SBOM_FILE) written"

clean: ## Remove what was made
	rm -rf $(VENV) .venvs .pytest_cache .ruff_cache .hypothesis .import_linter_cache $(SALES)/.agent-framework $(ALEX)/.agent-framework

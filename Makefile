# `make help` lists the targets. Each sets up what it needs by itself: Python 3.11 or later and make are enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.txt)
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

# ---- set-up -----------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.installed  ## install what the project needs into .venv, with checked hashes

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)

$(VENV)/.installed: requirements.txt local/emulator.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --require-hashes --no-deps --target $(VENV)/emulator -r local/emulator.txt
	chmod +x $(VENV)/emulator/samcli/local/rapid/aws-lambda-rie-*
	@touch $@

.PHONY: hooks
hooks: setup  ## check each commit before it is made (pre-commit)
	$(BIN)/pre-commit install

.PHONY: lock
lock: | $(BIN)/uv  ## write the requirement locks anew from the *.in files (UPGRADE=1: newest versions)
	$(COMPILE) $(if $(UPGRADE),--upgrade) lambda_src/requirements.in -o lambda_src/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) requirements.in -c lambda_src/requirements.txt -o requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --no-deps local/emulator.in -o local/emulator.txt

.PHONY: clean
clean:  ## remove what the targets have made
	rm -rf $(VENV) .local build cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# ---- local stack ------------------------------------------------------------------------------------------------

LOCAL := $(BIN)/python -m local
IN_PROCESS_OPTION := $(if $(IN_PROCESS),--in-process)

.PHONY: run
run: setup  ## send events through the whole pipeline, here (EVENTS=file, or COUNT= and SEED= of synthetic ones)
	@$(LOCAL) run $(if $(EVENTS),"$(EVENTS)") $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(IN_PROCESS_OPTION)

.PHONY: up
up: setup  ## start the pipeline and keep it up, for the AWS CLI and psql
	@$(LOCAL) up $(IN_PROCESS_OPTION)

.PHONY: status
status: setup  ## show how to reach the pipeline that is up, and what it holds
	@$(LOCAL) status

.PHONY: down
down: setup  ## end the pipeline that is up
	@$(LOCAL) down

.PHONY: psql
psql: setup  ## look at the rows: of what is up, else of the last run (OF=run, OF=up; SQL='select ...')
	@$(LOCAL) psql $(if $(OF),--of $(OF)) $(if $(SQL),--sql "$(SQL)")

# ---- checks -----------------------------------------------------------------------------------------------------

.PHONY: check
check: lint unit  ## the fast inner loop: linters, types, import contracts, unit tests

.PHONY: lint
lint: setup  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: format
format: setup  ## let ruff format and fix the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: unit
unit: setup  ## unit tests: no server
	$(BIN)/pytest -q tests/unit

.PHONY: test
test: setup  ## all tests, against a real Postgres, SQS, SSM and Lambda runtime emulator
	$(BIN)/pytest tests

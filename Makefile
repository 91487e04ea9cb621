# `make help` lists the targets. Each sets up what it needs by itself: Python 3.11 or later and make are enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url

# make itself would ignore a misspelt variable.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
ifneq ($(GIVEN),)
PARENTHESIS := (
KNOWN := $(shell grep -oE '[$$][$(PARENTHESIS)](value )?[A-Z][A-Z0-9_]+' $(firstword $(MAKEFILE_LIST)) | sed 's/.*[^A-Z0-9_]//' | sort -u)
$(foreach name,$(filter-out $(KNOWN),$(GIVEN)),$(error There is no variable $(name); the nearest is $(shell \
	$(PYTHON) -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1, 0))' $(name) $(KNOWN))))
endif

# uv and pip keep what they fetch in the home directory. Where that cannot be written, uv would fail.
ifeq ($(UV_CACHE_DIR)$(XDG_CACHE_HOME),)
ifeq ($(shell mkdir -p "$$HOME/.cache/uv" 2>/dev/null && [ -w "$$HOME/.cache/uv" ] && echo yes),)
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/cache
export PIP_NO_CACHE_DIR := 1
endif
endif

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

# ---- set-up -----------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.installed  ## install what the project needs into .venv, with checked hashes

$(BIN)/uv:
	@echo "Installing into $(VENV), with checked hashes: a minute or two the first time …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\]$$/p' requirements.txt > $(VENV)/uv.txt  # its entry in the lock, with the hashes
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r $(VENV)/uv.txt

$(VENV)/.installed: requirements.txt local/emulator.txt pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m local.emulator
	@touch $@

.PHONY: hooks
hooks: setup  ## check each commit before it is made (pre-commit)
	$(BIN)/pre-commit install

.PHONY: lock
lock: | $(BIN)/uv  ## write the requirement locks anew from the *.in files (UPGRADE=1: newest versions)
	$(COMPILE) $(if $(UPGRADE),--upgrade) lambda_src/requirements.in -o lambda_src/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) requirements.in -c lambda_src/requirements.txt -o requirements.txt
	$(COMPILE) lambda_src/vault.in -c requirements.txt -o lambda_src/vault.txt
	$(COMPILE) lambda_src/requirements.in ops/requirements.in -c requirements.txt -o ops/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) ops/init.in -o ops/init.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --no-deps local/emulator.in -o local/emulator.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) local/emulator.in -c local/emulator.txt -o local/sam.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) local/aws-cli.in -o local/aws-cli.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) bench/requirements.in -c requirements.txt -o bench/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) docs_tools/requirements.in -o docs_tools/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) infra/node.in -o infra/node.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) tests/fuzz/requirements.in -o tests/fuzz/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) tests/mutants/requirements.in -c requirements.txt -o tests/mutants/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) tests/security/requirements.in -o tests/security/requirements.txt
	$(subst 3.11,3.13,$(COMPILE)) $(if $(UPGRADE),--upgrade) infra/emulator.in -o infra/emulator.txt

.PHONY: clean
clean:  ## end what is up and remove what the targets have made
	-@[ ! -x $(LOGINPIPE) ] || $(LOGINPIPE) down
	rm -rf $(VENV) .local .cache build cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# ---- local stack ------------------------------------------------------------------------------------------------

LOGINPIPE := $(BIN)/loginpipe
IN_PROCESS_OPTION := $(if $(IN_PROCESS),--in-process)
# As typed: make would take their dollar signs for variables of its own.
run: export EVENTS_FILE := $(value EVENTS)
psql: export STATEMENT := $(value SQL)

.PHONY: run
run: setup  ## send events through the whole pipeline, here (EVENTS=file, or COUNT= and SEED= of synthetic ones; PACK= in a message)
	@$(LOGINPIPE) run $(if $(EVENTS),"$$EVENTS_FILE") $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(PACK),--pack $(PACK)) $(IN_PROCESS_OPTION)

.PHONY: up
up: setup  ## start the pipeline and keep it up, for the AWS CLI and psql (VAULT=1, QUARANTINE=1, FIFO=1, VISIBILITY=seconds, ENVELOPE=sns)
	@$(LOGINPIPE) up $(IN_PROCESS_OPTION) $(if $(VAULT),--vault) $(if $(QUARANTINE),--quarantine) $(if $(FIFO),--fifo) $(if $(VISIBILITY),--visibility $(VISIBILITY)) $(if $(ENVELOPE),--envelope $(ENVELOPE))

.PHONY: status
status: setup  ## show how to reach the pipeline that is up, and what it holds
	@$(LOGINPIPE) status

.PHONY: down
down: setup  ## end the pipeline that is up
	@$(LOGINPIPE) down

.PHONY: psql
psql: setup  ## look at the rows: of what is up, else of the last run (OF=run, OF=up; SQL='select ...')
	@$(LOGINPIPE) psql $(if $(OF),--of $(OF)) $(if $(value SQL),--sql "$$STATEMENT")

# ---- checks -----------------------------------------------------------------------------------------------------

.PHONY: check
check: lint unit  ## the fast inner loop: linters, types, import contracts, unit tests

.PHONY: lint
lint: setup prose  ## ruff, mypy, the import contracts, the workflows and the prose
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/zizmor --offline --quiet .github

.PHONY: format
format: setup  ## let ruff format and fix the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: unit
unit: setup  ## unit tests: no server
	$(BIN)/pytest -q tests/unit

# A worker for each processor, each with servers of its own; JOBS=0: one after another, in this process.
JOBS ?= logical
PARALLEL := -n $(JOBS) --maxprocesses 4 --dist loadgroup

.PHONY: integration
integration: setup  ## unit and integration tests: a real Postgres and SQS and SSM endpoint
	$(BIN)/pytest -q $(PARALLEL) tests/unit tests/integration

# An environment of its own: version 1 of the AWS CLI brings its own libraries.
$(VENV)/aws/.installed: local/aws-cli.txt | $(BIN)/uv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(@D)
	$(BIN)/uv pip install --quiet --python $(@D) --require-hashes -r $<
	@touch $@

.PHONY: snapshots
snapshots: cloud-setup  ## store the templates of the stack's variants anew; the change is then reviewed as a diff
	$(BIN)/pytest -q tests/infra/test_snapshots.py --snapshot-update

.PHONY: test
test: bundle $(VENV)/security/.installed $(VENV)/aws/.installed  ## all tests but the slow ones, against a real Postgres, SQS, SSM and Lambda runtime emulator
	$(BIN)/pytest $(PARALLEL) -m "not slow and not docker and not walk" tests

.PHONY: test-all
test-all: bundle $(VENV)/security/.installed $(VENV)/aws/.installed  ## all tests, a whole deploy to an emulator among them
	$(BIN)/pytest $(PARALLEL) tests

.PHONY: walk
walk: setup  ## type what the documents say, in a fresh copy; narrow terminals, another user, a read-only home
	$(BIN)/pytest -m walk tests/walk

# ---- benchmarks -------------------------------------------------------------------------------------------------

BENCH := $(VENV)/bench

# An environment of its own: what only the peers and the plots need stays out of the project's.
$(BENCH)/.installed: bench/requirements.txt | $(BIN)/uv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(BENCH)
	$(BIN)/uv pip install --quiet --python $(BENCH) --require-hashes -r bench/requirements.txt
	@touch $@

.PHONY: bench
bench: $(BENCH)/.installed bundle  ## measure beside peers and limits: throughput, CPU, cold start, memory (OPTIONS="--quick cpu …" for build/bench)
	$(BENCH)/bin/python -m bench $(OPTIONS)

.PHONY: bench-growth
bench-growth: $(BENCH)/.installed  ## measure as the table grows to 10,000,000 rows: 20 minutes, 10 GB in TMPDIR
	$(BENCH)/bin/python -m bench growth $(OPTIONS)

.PHONY: simulate
simulate: $(BENCH)/.installed  ## the pipeline at up to 100,000 events a second, by the costs measured last
	$(BENCH)/bin/python -m bench simulation check

# Installs the npm packages of the folder $(1) into the folder $(2). Node.js 20 or later is the one on the PATH, or is
# installed into the environment.
define install_npm
@node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null || \
	$(BIN)/uv pip install --quiet --require-hashes -r infra/node.txt
@mkdir -p $(2)
cp $(1)/package.json $(1)/package-lock.json $(2)
npm ci --prefix $(2) --silent --no-audit --no-fund
@touch $@
endef

export PATH := $(CURDIR)/$(BIN):$(PATH)

# ---- documentation ----------------------------------------------------------------------------------------------

DOCS := $(VENV)/docs

# An environment of its own, as for the benchmarks.
$(DOCS)/.installed: docs_tools/requirements.txt | $(BIN)/uv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(DOCS)
	$(BIN)/uv pip install --quiet --python $(DOCS) --require-hashes -r docs_tools/requirements.txt
	@touch $@

PROSE := $(VENV)/docs-node

$(PROSE)/.installed: docs_tools/package.json docs_tools/package-lock.json infra/node.txt | setup
	$(call install_npm,docs_tools,$(PROSE))

.PHONY: prose
prose: $(PROSE)/.installed  ## check form and English of the Markdown files (docs/style.md)
	$(PROSE)/node_modules/.bin/markdownlint-cli2
	NODE_PATH=$(PROSE)/node_modules $(PROSE)/node_modules/.bin/textlint --format unix '*.md' 'docs/**/*.md'

.PHONY: reference
reference: setup  ## write the parts of the documentation that follow from the code anew
	$(BIN)/python -m docs_tools

.PHONY: docs
docs: $(DOCS)/.installed $(PROSE)/.installed  ## build the documentation site into build/site; a broken link or anchor fails
	$(DOCS)/bin/zensical build --clean --strict
	cp $(PROSE)/node_modules/iframe-worker/shim/index.js build/site/assets/iframe-worker.js
	@! grep -rE '<(script|link)[^>]+(src|href)="https?:' build/site --include='*.html' || { echo "A page loads something from another host."; exit 1; }

# ---- cloud stack ------------------------------------------------------------------------------------------------

NODE := $(VENV)/node
CDK := $(NODE)/node_modules/.bin/cdk
# Python 3.13 compiles the bundle's bytecode and runs the functions in the emulator; without one, both are left out.
PYTHON313 ?= $(shell PYTHONPATH=. $(PYTHON) -c 'from infra.python import python313; print(python313() or "")')
CONTEXT ?=  # for the CDK, such as CONTEXT="-c stage=production -c alarmEmail=me@example.com"
export CDK_DISABLE_CLI_TELEMETRY := true
export CDK_DISABLE_VERSION_CHECK := 1

$(NODE)/.installed: infra/package.json infra/package-lock.json infra/node.txt | setup
	$(call install_npm,infra,$(NODE))

$(VENV)/runtime/.installed: infra/emulator.txt | setup
	@if [ -z "$(PYTHON313)" ]; then echo "note: no Python 3.13 here, so nothing can be deployed locally (set PYTHON313)"; else \
		$(BIN)/uv venv --quiet --clear --python "$(PYTHON313)" $(VENV)/runtime && \
		$(BIN)/uv pip install --quiet --python $(VENV)/runtime --require-hashes -r infra/emulator.txt && touch $@; fi

.PHONY: cloud-setup
cloud-setup: setup $(NODE)/.installed $(VENV)/runtime/.installed  ## install the CDK's command line and the emulator to deploy to

.PHONY: bundle
bundle: cloud-setup  ## build the functions' bundle for arm64 and x86_64, without Docker
	@echo "Building the bundles: a minute where their input has changed …"
	$(BIN)/python -m infra.bundle

.PHONY: synth
synth: bundle  ## synthesize and check the cloud stack (CONTEXT="-c key=value …")
	$(CDK) synth --quiet $(CONTEXT)

.PHONY: diff
diff: bundle  ## show what a deploy would change
	$(CDK) diff $(CONTEXT)

.PHONY: deploy
deploy: bundle  ## bootstrap the account if need be, and deploy (BOOTSTRAP=no: leave the former out)
	$(if $(filter no,$(BOOTSTRAP)),,$(CDK) bootstrap $(CONTEXT))
	$(CDK) deploy $(CONTEXT)

.PHONY: destroy
destroy: bundle  ## destroy the deployed stack; docs/how-to/upgrade.md says what is kept
	$(CDK) destroy $(CONTEXT)

.PHONY: deploy-local
deploy-local: bundle  ## deploy to MiniStack and Postgres on this machine
	$(BIN)/python -m local.cloud_commands deploy

.PHONY: destroy-local
destroy-local: cloud-setup  ## destroy what deploy-local has made
	$(BIN)/python -m local.cloud_commands destroy

.PHONY: infra-test
infra-test: cloud-setup  ## tests of bundle and stack, a deploy to MiniStack included
	$(BIN)/pytest -q tests/infra

SAM ?= $(VENV)/sam/bin/sam
EVENT ?= events/mixed.json

# An environment of its own: the SAM CLI wants other versions than the project.
$(VENV)/sam/bin/sam: local/sam.txt | $(BIN)/uv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(VENV)/sam
	$(BIN)/uv pip install --quiet --python $(VENV)/sam --require-hashes -r local/sam.txt
	@touch $@

.PHONY: sam-template
sam-template: bundle
	@$(CDK) synth --quiet --no-path-metadata --output build/sam -c stage=sam -c retainData=false -c endpointUrl=http://localstack:4566 \
		-c arch=$(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64) \
		-c databaseHost=postgres -c databaseSslMode=disable -c databaseSecret=see-infra/sam-environment.json

.PHONY: sam-invoke
sam-invoke: $(EVENT) sam-template $(filter $(VENV)/%,$(SAM))  ## run the bundle in AWS's Lambda image, with Docker (EVENT=events/mixed.json)
	@$(BIN)/python -m local.sam --sam $(SAM) $(EVENT)

.PHONY: docker-test
docker-test: sam-template $(VENV)/sam/bin/sam  ## test image, compose.yaml and sam-invoke on the Docker engine that runs here
	$(BIN)/pytest -m docker tests/docker

# ---- faults and security ----------------------------------------------------------------------------------------

CHAOS := $(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))
FUZZ_RUNS ?= 1000000
DEPLOYED := lambda_src/requirements.txt lambda_src/vault.txt ops/requirements.txt
TOOLS ?= requirements.txt
EXCEPTIONS ?= tests/security/audit-exceptions.toml
IGNORE ?=  # ids of advisories that do not matter here; say why beside each

.PHONY: chaos
chaos: setup  ## 5 minutes of faults under traffic, and the balance (SEED= repeats a run)
	$(CHAOS) --seconds 270

.PHONY: chaos-short
chaos-short: setup  ## each fault once
	$(CHAOS) --settle 17

.PHONY: soak
soak: setup  ## 1,000,000 events under random faults (SEED=, EVENTS=)
	$(CHAOS) --events $(or $(EVENTS),1000000) --portion 3000 --verbose

.PHONY: model
model: setup  ## 10,000 random histories of a login's life, each step disturbed (SEED=, HISTORIES=)
	MODEL_SEED=$(or $(SEED),1) MODEL_HISTORIES=$(or $(HISTORIES),10000) $(BIN)/pytest -q -x $(PARALLEL) tests/model

.PHONY: mutants
mutants: setup  ## break the lines that hold the promises up, one by one, and see the tests fail
	$(BIN)/python -m tests.mutants

$(VENV)/mutation/.installed: tests/mutants/requirements.txt | setup
	$(BIN)/uv pip install --quiet --require-hashes --target $(@D) -r $<
	@touch $@

.PHONY: mutation
mutation: $(VENV)/mutation/.installed  ## break each expression of the pure modules (mutmut); a survivor needs a reason
	$(BIN)/python -m tests.mutants.pure

$(VENV)/fuzz/.installed: tests/fuzz/requirements.txt | setup
	@mkdir -p $(@D)
	@$(BIN)/uv pip install --quiet --require-hashes --only-binary :all: --target $(@D) -r $< && touch $@ || \
		echo "note: atheris has no wheel for this Python and machine, so that no coverage leads the search"

.PHONY: fuzz
fuzz: setup $(VENV)/fuzz/.installed  ## bad input by the million (FUZZ_RUNS=, SEED=)
	@mkdir -p build/fuzz
	FUZZ_INPUTS=$$(($(FUZZ_RUNS) / 10)) FUZZ_SEED=$(or $(SEED),0) $(BIN)/pytest -q tests/fuzz
	[ ! -e $(VENV)/fuzz/.installed ] || PYTHONPATH=$(VENV)/fuzz $(BIN)/python -m tests.fuzz.coverage_guided \
		-runs=$(FUZZ_RUNS) $(if $(SEED),-seed=$(SEED)) -max_len=4096 -artifact_prefix=build/fuzz/ build/fuzz tests/fuzz/corpus

$(VENV)/security/.installed: tests/security/requirements.txt | setup
	$(BIN)/uv pip install --quiet --require-hashes --target $(@D) -r $<
	@touch $@

.PHONY: audit
audit: setup  ## ask the package registry for known vulnerabilities of what is locked (TOOLS=, EXCEPTIONS=)
	$(BIN)/python -m tests.security.audit $(DEPLOYED) $(TOOLS:%=--tools %) $(EXCEPTIONS:%=--exceptions %) \
		$(IGNORE:%=--ignore %)

.PHONY: sbom
sbom: bundle $(VENV)/security/.installed  ## write the CycloneDX bill of materials of what is deployed to build/sbom
	$(BIN)/python -m tests.security.sbom $(DEPLOYED)

.PHONY: release
release: bundle sbom  ## pack the bundles and bills of materials of the version TAG= into build/release
	$(BIN)/python -m infra.release "$(TAG)"

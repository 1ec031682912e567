# Commands for a checkout; `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
NEWEST := .venv-newest
STAMP := $(VENV)/.requirements
TRIAL := $(VENV)/bin/python -m trial
# Each of the two workers of the tests has a trial (tests/support/workers.py), and so has the test of a real node.
TEST_STATE := .trial-tests
TEST_STATES := $(TEST_STATE) $(TEST_STATE)-gw1 $(TEST_STATE)-node
# So have the drills, which kill its parts.
DRILL_STATE := .trial-drills
KILLS ?= 50
SEED ?= 1
NEEDS_TRIAL := engine or airflow or delivery or preflight
# Each question to a Git host is a dozen processes: the quick tests, which run before each push, ask none.
QUICK = -m 'not ($(NEEDS_TRIAL) or git_host)' $(BESIDE)
LOCAL = -m 'not ($(NEEDS_TRIAL))' $(BESIDE)
# Tests that need no trial run beside each other. Some wait for hosts that hang on purpose, so there are more workers than
# processors. A worker that has nothing left takes half of what another still has.
BESIDE = --numprocesses $(shell $(PYTHON) -c 'import os; print(max(6, os.cpu_count() or 1))') --dist worksteal

WITH_TRIAL = -m '$(NEEDS_TRIAL)' --numprocesses 2 --dist loadgroup --no-loadscope-reorder
# PYTEST_ARGS may choose tests of one kind only; pytest ends with 5 if it ran none.
NONE_IS_FINE = $(if $(PYTEST_ARGS),|| test $$? = 5)

export DELIVERY NODE NO_DOCKER
# Many container images set it; each worker and each program of a test would then compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up preview stop down clean env status check check-newest docs lock audit test test-local test-quick test-trial test-delivery bench drill faults lint

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: DELIVERY=git-submodule|agent-image, NODE=kwok|real, NO_DOCKER=1\n'

# The stamp marks a complete environment; a changed requirement updates it.
$(STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed, $$($(PYTHON) --version) is what '$(PYTHON)' runs; install it and run make PYTHON=python3.11." >&2; exit 1; }
	@echo "… Python environment in $(VENV)"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "error: 'python3 -m venv' does not work here; install it (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@start=$$SECONDS; $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt && \
	  touch $@ && echo "✓ Python environment ($$((SECONDS - start)) s)"

up: $(STAMP) ## Bring up the trial environment and the stack dev
	@$(TRIAL) up

preview: $(STAMP) ## Show what the stack dev would change
	@$(TRIAL) preview

stop: $(STAMP) ## Stop all processes of the trial, keep its state
	@$(TRIAL) stop

down: $(STAMP) ## Stop the trial and remove its state, keep the caches
	@for state in $(TEST_STATES) $(DRILL_STATE); do $(TRIAL) --state $$state down || exit; done
	@$(TRIAL) down

clean: $(STAMP) ## Like down, and remove the caches
	@for state in $(TEST_STATES) $(DRILL_STATE); do $(TRIAL) --state $$state down || exit; done
	@$(TRIAL) clean

env: $(STAMP) ## Print export lines: eval "$$(make -s env)"
	@$(TRIAL) env

status: $(STAMP) ## Show which processes of the trial are running
	@$(TRIAL) status

# What those that need no trial find costs two minutes, not half an hour.
test: test-local test-trial ## Run all tests: first those that need no trial environment

# Programs in Go may use more memory before they look for what they can free: Pulumi's CLI needs a quarter less time then.
test-trial: export GOGC := 400
# The tests have separate trials, next to one that may be running. They take them down; this does so if they could not.
test-trial: $(STAMP) ## Bring up what the tests need, then run those that need it
	@$(TRIAL) --state $(TEST_STATE) up --no-stack
	@status=0; $(VENV)/bin/python -m pytest $(WITH_TRIAL) $(PYTEST_ARGS) $(NONE_IS_FINE) || status=$$?; \
	  for state in $(TEST_STATES); do $(TRIAL) --state $$state down; done; exit $$status

test-delivery: $(STAMP) ## Test with real Airflow that agents can fetch and run the dbt project
	@$(MAKE) --no-print-directory test-trial NEEDS_TRIAL=delivery

test-local: $(STAMP) ## Run the tests that need no trial environment
	@$(VENV)/bin/python -m pytest $(LOCAL) $(PYTEST_ARGS) $(NONE_IS_FINE)

test-quick: $(STAMP) ## Run those of them that ask no Git host
	@$(VENV)/bin/python -m pytest $(QUICK) $(PYTEST_ARGS) $(NONE_IS_FINE)

bench: $(STAMP) ## Measure against doing it by hand and against the floor, in the trial of make up; ROWS="a b" for some
	@$(VENV)/bin/python -m bench $(ROWS) $(BENCH_ARGS)

drill: $(STAMP) ## Kill runs at chosen moments, and see whether the next one converges; KILLS=50 SEED=1
	@$(VENV)/bin/python -m drills kill --kills $(KILLS) --seed $(SEED) $(DRILL_ARGS)

faults: $(STAMP) ## Break each dependency in each way, and see what the run says and what the next one does
	@$(VENV)/bin/python -m drills faults $(DRILL_ARGS)

lint: $(STAMP) ## Check style, types, walls and generated pages
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check --quiet . || { echo "error: run $(VENV)/bin/ruff format ." >&2; exit 1; }
	@$(VENV)/bin/mypy . .ci/audit.py
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/python -m settings.schema --check
	@$(VENV)/bin/python -m preflight.table --check

check: lint test-local ## Everything that needs no trial environment; continuous integration runs it first

# The program's types and unit tests with the newest SDKs; the trial uses those that it has plugins for. Everything else
# comes from the main environment.
$(NEWEST)/.requirements: $(STAMP) requirements-newest.txt
	@echo "… Python environment in $(NEWEST)"
	@test -x $(NEWEST)/bin/python || $(PYTHON) -m venv $(NEWEST)
	@packages='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  $(VENV)/bin/python -c "$$packages" > "$$($(NEWEST)/bin/python -c "$$packages")/main.pth"
	@$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-newest.txt && touch $@

check-newest: $(NEWEST)/.requirements ## Check types and the program's unit tests with Pulumi's newest SDKs
	@$(NEWEST)/bin/python -m mypy --cache-dir .mypy_cache/newest __main__.py components program policy review
	@$(NEWEST)/bin/python -m pytest -q tests/components tests/program tests/policy $(LOCAL)

docs: $(STAMP) ## Write the pages and the schema that are generated from code
	@$(VENV)/bin/python -m settings.schema
	@$(VENV)/bin/python -m preflight.table

lock: $(STAMP) ## Pin all requirements, with hashes, after a change of a requirements*.in
	@for name in requirements requirements-dev policy/requirements; do \
	  $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command 'make lock' $$name.in --output-file $$name.txt || exit 1; done

audit: $(STAMP) ## Look up known vulnerabilities of all locked packages in the package index
	@PYTHONPATH=. $(VENV)/bin/python .ci/audit.py requirements.txt policy/requirements.txt requirements-dev.txt

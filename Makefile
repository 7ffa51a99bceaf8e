# The quality gate and the demonstrations. `make` alone says what there is.
# Every target fails when what it shows is not so.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
# The tools find the collection where Ansible finds it, and Ansible looks nowhere else.
COLLECTIONS := .cache/collections
COLLECTION := $(COLLECTIONS)/ansible_collections/revive/cassandra
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(COLLECTIONS)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# What Python has compiled lies in one place, and not beside its sources.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache
# More arguments for pytest: make test-lab ARGS="-k restore"
ARGS ?=
# Groups of gate/groups.py, with commas between: make test-slow GROUP=table-kills
GROUP ?=
# Which versions: make matrix OF=newest
OF ?=
# Python that runs on the controller and in the lab only.
LOCAL_PYTHON := $(wildcard gate lab bench molecule/default/tests tests/architecture tests/lab)
PYTHON_SOURCES := $(wildcard plugins gate lab bench molecule tests tools)
CORE_TESTS := tests/unit/plugins/module_utils/_core
# A unit test that opens a connection to anything but this machine fails and says to what (0.0.0.0 is moto's own).
LOOPBACK := --allow-hosts=127.0.0.1,::1,0.0.0.0 --allow-unix-socket

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make the environments that the rest needs (once; then it takes no time)
	@tools/setup

.PHONY: setup-lab
setup-lab: setup ## Also what the lab needs: Java 17, Maven, Go
	@tools/setup-lab

.PHONY: test
test: ## All of the gate: lint, sanity, test-unit, test-lab, beside each other
	@tools/timed setup $(MAKE) --no-print-directory setup-lab
	@exec $(BIN)/python -m gate test

LINTS := ruff mypy mypy-local yamllint ansible-lint shellcheck changelog docs
.PHONY: lint $(LINTS)
lint: setup ## ruff, mypy, yamllint, ansible-lint, shellcheck, antsibull; all of them, whatever fails
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(LINTS)
ruff:
	@tools/timed $@ tools/ruff $(PYTHON_SOURCES)
mypy:
	@tools/timed $@ $(BIN)/mypy $(COLLECTION)/plugins
mypy-local:
	@tools/timed $@ $(BIN)/mypy --python-version 3.11 $(LOCAL_PYTHON)
yamllint:
	@tools/timed $@ $(BIN)/yamllint --strict .
ansible-lint:
	@tools/timed $@ $(BIN)/ansible-lint --offline --strict --profile production
shellcheck:
	@tools/timed $@ tools/shellcheck
changelog:
	@tools/timed $@ $(BIN)/antsibull-changelog lint
docs:
	@tools/timed $@ $(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self .

.PHONY: format
format: setup ## Let ruff put the code into shape
	@$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	@$(BIN)/ruff format $(PYTHON_SOURCES)

.PHONY: sanity
sanity: setup ## ansible-test sanity, without an ignore file
	@tools/timed sanity tools/sanity

.PHONY: test-unit unit core
test-unit: setup ## Unit and architecture tests, and _core on the oldest Python with nothing installed (under two minutes)
	@$(MAKE) --no-print-directory --keep-going core unit
core:
	@tools/timed $@ tools/test-core $(CORE_TESTS)
unit:
	@tools/timed $@ $(BIN)/pytest --numprocesses=auto --dist=worksteal $(LOOPBACK) tests/unit tests/architecture $(ARGS)

.PHONY: test-lab
test-lab: setup-lab ## Tests on real Cassandra clusters and real S3 servers: the gate's groups, beside each other
ifeq ($(ARGS)$(GROUP),)
	@exec $(BIN)/python -m gate lab
else
	@tools/timed test-lab $(BIN)/python -m gate group $(or $(GROUP),gate) $(ARGS)
endif

.PHONY: test-slow
test-slow: ## The groups that test-lab leaves out for their time; GROUP=table-kills runs one
ifeq ($(GROUP),)
	@$(MAKE) --no-print-directory setup
	@exec $(BIN)/python -m gate list
else
	@$(MAKE) --no-print-directory setup-lab
	@tools/timed $(GROUP) $(BIN)/python -m gate group $(GROUP) $(ARGS)
endif

.PHONY: matrix
matrix: ## Units, sanity and a drill with other versions: OF=newest (ansible-core, Python) or OF=lowest (the nodes' libraries)
	@tools/timed matrix-$(OF) tools/matrix $(OF)

.PHONY: test-hosts
test-hosts: setup-lab ## Backup and recovery on hosts with systemd, ssh and sudo; needs root, and is no part of `test`
	@tools/timed test-hosts tools/test-hosts $(ARGS)

.PHONY: drill
drill: setup-lab ## A cluster, two backups, all of it destroyed, and rebuilt on new nodes from the bucket alone
	@$(BIN)/python -m lab.drill $(ARGS)

.PHONY: drill-moment
drill-moment: setup-lab ## The same with its commit log archived: lost under load, rebuilt to a random microsecond
	@$(BIN)/python -m lab.drill_moment $(ARGS)

.PHONY: drill-table
drill-table: setup-lab ## A bad deploy drops a table and damages another: both back, as of the moment before, while clients write
	@$(BIN)/python -m lab.drill_table $(ARGS)

.PHONY: bench
bench: setup-lab ## Measure transfers beside the raw engine and boto3, and planning (ARGS="transfer --mib 200" for one)
	@$(BIN)/python -m bench $(ARGS)

.PHONY: build
build: setup ## The collection's artefact, in .cache/build
	@$(BIN)/ansible-galaxy collection build --force --output-path .cache/build

.PHONY: clean
clean: ## Throw away all that the gate made (not the lab: python -m lab down --destroy)
	@rm -rf .cache .venv .venv-core .venv-molecule .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible

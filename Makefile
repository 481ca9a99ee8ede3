.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Each step looks first and does only what is missing; `make clean` undoes the steps, the last one first.
steps := uv docker swarm images registry env
# Steps that only the slow tests need.
steps_full := chromium
steps_back := stacks env registry images swarm docker chromium uv

state := $(or $(SLIPWAY_STATE),$(or $(XDG_STATE_HOME),$(HOME)/.local/state)/slipway)
# The uv that the set-up installed, where there is no other.
export PATH := $(PATH):$(state)/bin
export UV_FROZEN := 1
# Companies and closed networks have CAs of their own: trust the system's.
export UV_SYSTEM_CERTS ?= true

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 27

.PHONY: deploy
deploy: setup ## Deploy the example service to dev, set-up included
	uv run ci call deploy --env dev summary

.PHONY: test
test: setup check ## Run the tests that every change must pass, set-up included
	uv run pytest -n 2 --dist loadfile

.PHONY: check
check: uv ## Run the linters and the type checker
	uv run ruff check
	uv run ruff format --check
	uv run mypy

.PHONY: docs
docs: uv ## Write the README's tables of functions and settings from the code
	uv run python -m scripts.readme

.PHONY: test-full
test-full: setup $(steps_full) check ## Run every test, the slow ones too
	uv run --group browser pytest -n 2 --dist loadfile -m 'full or not full'

.PHONY: test-dagger
test-dagger: setup ## Run on a Dagger engine: the contract suite, shells, the workflows
	uv run pytest engine/tests/contract tests/e2e/test_terminals.py tests/workflows/test_act.py -m 'full or not full' --engine=dagger

.PHONY: test-workflows
test-workflows: setup ## Run the workflows of .github on this machine, with act
	uv run pytest tests/workflows -m 'full or not full'

.PHONY: bench
bench: setup ## Measure the pipeline against plain docker commands
	uv run python -m bench

.PHONY: setup
setup: $(steps) ## Install and start what is missing, and nothing else

.PHONY: clean
clean: ## Undo what the set-up did on this machine
	@for step in $(steps_back); do scripts/setup/$$step undo; done

.PHONY: $(steps) $(steps_full)
# One after another, also under `make -j`: each step needs the one before it.
.NOTPARALLEL:
$(steps) $(steps_full):
	@scripts/setup/$@

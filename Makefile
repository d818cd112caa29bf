# Everything here needs git, make and Python >= 3.11, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEV_LOCK := requirements/dev.txt
DEMO_LOCK := requirements/demo.txt
SHIP_LOCK := requirements/ship.txt
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup demo test check format bench serve contract docs ship image engine lock train clean
help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(VENV)/.ready ## install into .venv (quick when nothing changed)

$(VENV)/.ready: $(DEV_LOCK) requirements/uv.txt pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh $(VENV) $(DEV_LOCK) "$(PYTHON)" editable
	@touch $@

.venv-buildbot/.ready: $(DEMO_LOCK) scripts/setup.sh
	@sh scripts/setup.sh .venv-buildbot $(DEMO_LOCK) "$(PYTHON)"
	@touch $@

.venv-ship/.ready: $(SHIP_LOCK) scripts/setup.sh
	@sh scripts/setup.sh .venv-ship $(SHIP_LOCK) "$(PYTHON)"
	@touch $@

demo: setup .venv-buildbot/.ready ## heal a real red build on a real Buildbot, and explain another
	@$(BIN)/pipeline-guard demo $(if $(KEEP),--keep)

test: setup .venv-buildbot/.ready ## the tests, on a real PostgreSQL and a real Buildbot
	@$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

check: setup ## format, lint, types, layers, security
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit -q -c pyproject.toml -r src

format: setup ## write the format and the fixes that are safe
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

train: setup ## train the shipped model anew (CORPUS=folder of labelled logs)
	@$(BIN)/pipeline-guard train $(CORPUS)/*/manifest.jsonl --out models/failure-classifier

contract: setup ## the webhook examples and the API simulator that others wrote (needs npm)
	@sh tests/contract/install.sh
	@$(BIN)/python -m pytest -m contract tests/contract

docs: setup .venv-ship/.ready ## the documentation as a site, in build/site
	@$(BIN)/python scripts/reference.py
	@NO_MKDOCS_2_WARNING=1 .venv-ship/bin/mkdocs build --quiet --strict

ship: docs ## the chart, compose.yaml, the Dockerfile and the site: linted, rendered, validated
	@.venv-ship/bin/python -m pytest charts/tests

image: ## build the image without an engine, and run it (needs root, buildah, debootstrap)
	@bash scripts/image.sh $(DIR)

engine: setup ## docs/deploying.md on a container engine of its own (needs root, docker.io, debootstrap)
	@DIR=$(DIR) bash tests/engine/start.sh $(BIN)/python -m pytest tests/engine

bench: setup ## figures beside their rivals (CORPUS=folder of labelled logs)
	@$(BIN)/python -m bench $(if $(CORPUS),--corpus $(CORPUS))

serve: setup ## web and worker on 127.0.0.1:8000
	@$(BIN)/pipeline-guard serve

lock: ## write the locks anew (needs uv)
	@for part in "pyproject.toml --all-extras|run" "pyproject.toml --all-extras --group dev -c requirements/run.txt|dev" "--group build|build" "--group demo|demo" "--group ship|ship"; do \
	  uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header $${part%|*} -o requirements/$${part#*|}.txt; done

clean: ## remove what set-up made
	@rm -rf $(VENV) .venv-buildbot .venv-ship

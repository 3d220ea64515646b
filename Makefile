# The commands of this working copy. Everything is made in .venv/, artifacts/ and runs/.
.DEFAULT_GOAL := help
.PHONY: help course test test-quick test-full lab lint format pair lock setup models doctor clean

PYTHON ?= python3
PROFILE ?= fast
PY := .venv/bin/python
WORKBENCH := .venv/bin/workbench

help:  ## this list
	@echo 'LLMOps Workbench. Start with: make course'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'Choices: ACCEL=cuda (NVIDIA GPU), PROFILE=fast|full|gpu, PYTHON=python3.12 (to start with)'

course: models  ## set everything up and run the six notebooks; run again, it goes on
	@$(WORKBENCH) run --profile $(PROFILE) --resume
	@echo
	@echo 'Open runs/latest/index.html in a browser: every notebook as it ran, and the report.'
	@echo 'Next: make lab                    work through the notebooks yourself'
	@echo '      make doctor                 check this machine'
	@echo '      .venv/bin/workbench --help  everything else'

test: models  ## lint, then all tests that decide a change, the notebooks among them
	@$(MAKE) --no-print-directory lint
	@$(PY) -m pytest -m 'not full' $(PYTEST)

test-quick: setup  ## only what needs no model, no viewer and no kernel: under a minute
	@$(PY) -m pytest -q -n 2 -m 'not model and not viewer and not notebook and not full' $(PYTEST)

test-full: models  ## the long checks; stopped, it goes on where it was
	@$(PY) -m pytest -m full --resume -v $(PYTEST)

lab: models  ## open JupyterLab on this machine
	@PATH="$$PWD/.venv/bin:$$PATH" JUPYTER_CONFIG_PATH="$$PWD/nbconfig/jupyter" \
	  $(PY) -m jupyter lab --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

lint: setup  ## ruff, and whether each notebook equals its paired script
	@$(PY) -m ruff check src tests nbconfig docs
	@$(PY) -m ruff format --check src tests nbconfig docs
	@$(PY) nbconfig/pairing.py check

format: setup  ## let ruff rewrite the code
	@$(PY) -m ruff check --fix src tests nbconfig docs
	@$(PY) -m ruff format src tests nbconfig docs

pair: setup  ## write the notebooks from their paired scripts (FROM=ipynb: the other way)
	@$(PY) nbconfig/pairing.py update $(if $(FROM),--from $(FROM))

lock: setup  ## resolve pyproject.toml into nbconfig/locks/ (UPGRADE=1: to the newest versions)
	@$(PY) nbconfig/lock.py $(if $(UPGRADE),--upgrade)

doctor: setup  ## check this machine; each line says what to do
	@$(WORKBENCH) doctor

setup:  ## make or update .venv/; does nothing when it is right
	@command -v '$(PYTHON)' >/dev/null || { \
	  echo 'Python 3.9 or later is needed (Debian, Ubuntu: apt install python3 python3-pip)' >&2; exit 2; }
	@$(PYTHON) nbconfig/setup.py

models: setup
	@$(WORKBENCH) models pull --all

clean:  ## remove .venv/ and what running made; the downloaded models stay
	@if [ -x $(WORKBENCH) ]; then $(WORKBENCH) phoenix stop >/dev/null 2>&1 || true; fi
	rm -rf .venv .venv-labs .cache artifacts runs .pytest_cache .ruff_cache .deepeval unsloth_compiled_cache

# The commands of this project. `make demo` and `make test` are all a newcomer needs.
SHELL := /bin/bash
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
PHOTOS ?=
SERVE ?= 1
PORT ?= 8000

.PHONY: help setup demo serve test test-fast check lint types audit wheel bench format clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

.uv/bin/uv:
	python3 -m venv .uv && .uv/bin/pip install --quiet uv

.venv/.synced: uv.lock pyproject.toml | $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	$(UV) sync --frozen --all-extras --all-groups
	touch $@

setup: .venv/.synced  ## everything that is needed, in .venv

demo: setup  ## a small collection, searched before your eyes; PHOTOS=folder for your own, SERVE=0 to end after the check
	$(RUN) python manage.py demo $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(filter 0,$(SERVE)),--no-serve) --port $(PORT)

serve: setup  ## the web server with its worker
	$(RUN) python manage.py serve --port $(PORT)

test: setup  ## all tests
	$(RUN) pytest -n 2 --dist loadfile

test-fast: setup  ## the tests that need neither network weights nor a browser
	$(RUN) pytest -m "not slow and not browser and not gpu" -q

lint: setup  ## ruff, codespell and the import contracts
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) codespell
	$(RUN) lint-imports

format: setup  ## put the code in form
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

types: setup  ## mypy, strict
	$(RUN) mypy

audit: setup  ## bandit over the code, pip-audit over what is installed
	$(RUN) bandit --quiet --configfile pyproject.toml --recursive retrieval indexer webui migrations demo segsearch manage.py
	$(RUN) python -m tools.audit

wheel: setup  ## what pip installs, in dist/
	$(RUN) hatchling build --target wheel

check: lint types audit wheel  ## what CI runs: fails where no Chromium is
	SEGSEARCH_REQUIRE_BROWSER=1 $(MAKE) test
	$(MAKE) demo SERVE=0

bench: setup  ## search and ingest against raw FAISS and against the stages alone
	$(RUN) python manage.py bench search
	$(if $(PHOTOS),$(RUN) python manage.py bench ingest --folder "$(PHOTOS)")

clean:  ## what can be made again
	rm -rf .venv .uv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

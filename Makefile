# The project's commands. Start with `make demo` and `make test`.
SHELL := /bin/bash
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
PHOTOS ?=
SERVE ?= 1
RAY ?= 1
PORT ?= 8000

.PHONY: help installed setup demo serve test test-fast test-services test-ray check lint types audit docs wheel release bench format clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

.uv/bin/uv:
	python3 -m venv .uv && .uv/bin/pip install --quiet uv

.venv/.synced: uv.lock pyproject.toml | $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	$(UV) sync --frozen --compile-bytecode --all-groups --all-extras --no-extra cpu
	touch $@

# What the program needs to run, without the tools, and without torch and CUDA where there is no GPU.
.venv/.slim: uv.lock pyproject.toml | $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	$(UV) sync --frozen --compile-bytecode --no-default-groups --extra demo --extra $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
	touch $@

# An environment with everything stays one.
INSTALLED := $(if $(wildcard .venv/.synced),.venv/.synced,.venv/.slim)

setup: .venv/.synced  ## install everything in .venv

demo: $(INSTALLED)  ## ingest, search and serve a small collection; PHOTOS=folder for your own, SERVE=0 to exit after the check
	$(RUN) python manage.py quickstart $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(filter 0,$(SERVE)),--no-serve) --port $(PORT)

serve: $(INSTALLED)  ## run the web server and a worker
	$(RUN) python manage.py serve --port $(PORT)

# One thread a process for FAISS and torch: the two of pytest-xdist have the cores, and threads that wait for them cost a fifth of the time.
test: setup  ## run all tests
	OMP_NUM_THREADS=1 $(RUN) pytest -n 2 --dist loadfile

# Rooms of the library whose tests start no server and load no network.
FAST = $(addprefix tests/,architecture catalog contracts docs embed images index learning library models processes query search segment storage text)

test-fast: setup  ## run the quick tests of the library, in half a minute
	OMP_NUM_THREADS=1 $(RUN) pytest -n 2 --dist loadfile -q -m "not slow and not browser and not gpu" $(FAST)

# milvus-lite needs faiss-cpu, which has the module name of faiss-gpu, so it has an environment of its own.
.venv-milvus/.made: | $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	$(UV) venv --quiet --clear --python 3.11 .venv-milvus
	$(UV) pip install --quiet --python .venv-milvus/bin/python milvus-lite==3.2.2 pymilvus==3.0.2
	touch $@

# What a test that knows SQLite alone leaves out is marked `sqlite`, with its reason. Tests of one machine's index and of
# forms, pages and pictures, which ask the catalogue nothing that others do not, are left out.
SERVICES = $(addprefix tests/,catalog library indexer index/test_segment_indexes.py index/test_pgvector.py index/test_milvus.py index/test_following.py) \
  $(addprefix tests/webui/test_,api.py bulk_api.py batch_api.py accounts_api.py clusters_api.py concepts_api.py duplicates_api.py exports_api.py \
  feedback_api.py idempotency_api.py index_gone.py intake_api.py login.py recipes_api.py segmentation_api.py two_servers.py timeline_api.py trash_api.py shared_servers.py diagnosis.py)

# These ask the catalogue next to nothing, and take minutes.
WITHOUT_CATALOGUE = $(addprefix tests/indexer/test_,recipe_check.py projection_fitting.py terminal.py stress.py)

test-services: setup .venv-milvus/.made  ## run the tests of the catalogue, of indexes on servers and of Ray, on servers that are started for them; RAY=0 leaves out Ray
	SEGSEARCH_TEST_DATABASE=postgresql SEGSEARCH_TEST_MILVUS=.venv-milvus/bin/python OMP_NUM_THREADS=1 timeout --signal=INT 1800 \
	  $(RUN) pytest -n 2 --dist loadfile -q -m "not browser and not gpu" $(SERVICES) $(addprefix --ignore=,$(WITHOUT_CATALOGUE))
	$(if $(filter 0,$(RAY)),,$(MAKE) test-ray)

# By themselves: beside other tests on two cores the processes of a cluster take minutes to start.
test-ray: setup  ## run the tests of a Ray cluster, which is started for them
	SEGSEARCH_TEST_RAY_CLUSTER=1 timeout --signal=INT 1200 $(RUN) pytest -q tests/indexer/test_on_ray.py

lint: setup  ## check with ruff, codespell and the import contracts
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) codespell
	$(RUN) lint-imports

format: setup  ## format the code
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

types: setup  ## check with mypy, strict
	$(RUN) mypy

audit: setup  ## check the code with bandit and the installed packages with pip-audit
	$(RUN) bandit --quiet --configfile pyproject.toml --recursive retrieval indexer webui migrations demo segsearch manage.py
	$(RUN) python -m tools.audit

docs: setup  ## build the documentation site, in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) python -m mkdocs build --strict

wheel: setup  ## build the source distribution, and the wheel from it, in dist/
	rm -rf dist
	$(UV) build --quiet --no-build-isolation --python .venv/bin/python --out-dir dist

release: wheel  ## build the files of a release: also the bill of materials (CycloneDX) of both installations
	for extra in cpu gpu; do $(UV) export --quiet --frozen --no-default-groups --extra $$extra \
	  --format cyclonedx1.5 --no-emit-project --output-file dist/sbom-$$extra.cdx.json >/dev/null; done
	ls -l dist

installed: wheel  ## install the wheel in an empty environment, and use it there
	$(RUN) python -m tools.try_wheel

check: lint types audit docs installed  ## run what CI runs; fails without Chromium
	SEGSEARCH_REQUIRE_BROWSER=1 $(MAKE) test
	$(MAKE) demo SERVE=0

bench: setup  ## measure search against raw FAISS, and with PHOTOS=folder ingest against its stages
	$(RUN) python manage.py bench search
	$(if $(PHOTOS),$(RUN) python manage.py bench ingest --folder "$(PHOTOS)")

clean:  ## remove generated files
	rm -rf .venv .venv-milvus .uv dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The two commands of the README are `make demo` and `make test`; both set everything up first.
# `make help` lists them all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One worker more than cores, since many tests wait; the libraries' own threads would only get in
# each other's way. Compiled modules are kept, whatever the shell says, or each run compiles them
# all in each worker.
PYTEST := env -u PYTHONDONTWRITEBYTECODE OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest
PARALLEL := -n $(shell expr $$(nproc) + 1) --dist loadgroup

# One version of each package for all platforms and for Python 3.11 and newer; wheels only. Versions
# stay as they are unless pyproject.toml forbids them; to raise them: make lock UPGRADE=--upgrade
LOCK := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
  --no-build --generate-hashes --custom-compile-command 'make lock' $(UPGRADE)

.PHONY: help setup demo test quick lint types bench wheel lock sbom audit container clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' $(MAKEFILE_LIST) | while read -r target does; do \
	  printf 'make %-9s %s\n' "$$target" "$$does"; done

setup: $(VENV)/.ready ## .venv with everything but Blender and the training tools

# Made again only when what is asked for has changed; a half-made one is not marked ready.
$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Vigitri needs Python 3.11 or newer; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: setup ## the whole line on the bundled clip; KEEP=1: until Ctrl-C
	$(BIN)/python -m benchmarks.demo $(if $(KEEP),--keep)

test: lint types ## lint, types and every test; what CI runs
	$(PYTEST) -m alone $$(grep -rlw promised tests --include='test_*.py')
	$(PYTEST) $(PARALLEL) -m 'not alone'

quick: setup ## the tests that start no process and process no footage
	$(PYTEST) $(PARALLEL) -m 'not process and not footage'

lint: setup ## ruff, and the words that the glossary has better ones for
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python docs/check_words.py

types: setup ## mypy --strict
	$(BIN)/mypy

bench: setup ## latency; compare ratios within one run, never across machines
	$(BIN)/vigitri bench latency

wheel: ## the wheel, into dist/, built with what deploy/build.lock names
	rm -rf dist && $(PYTHON) -m venv dist/build
	dist/build/bin/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/build.lock
	dist/build/bin/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  -w dist .

$(VENV)/.deploy: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[deploy]'
	@touch $@

lock: $(VENV)/.deploy ## deploy/*.lock, the dependencies with their hashes
	$(LOCK) --extra openvino --extra opcua --extra signing -o deploy/requirements.lock pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], \
	  sep="\n")' | $(LOCK) -o deploy/build.lock -

sbom: $(VENV)/.deploy wheel ## dist/vigitri.cdx.json: what a deployment consists of (CycloneDX)
	rm -rf dist/installed && $(PYTHON) -m venv dist/installed
	dist/installed/bin/pip install --quiet --disable-pip-version-check --require-hashes \
	  --only-binary :all: -r deploy/requirements.lock
	dist/installed/bin/pip install --quiet --disable-pip-version-check --no-deps --no-index dist/vigitri-*.whl
	dist/installed/bin/pip uninstall --quiet --yes pip setuptools
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --validate -o dist/vigitri.cdx.json dist/installed

audit: $(VENV)/.deploy ## known vulnerabilities of the locked dependencies; needs internet
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r deploy/requirements.lock -r deploy/build.lock

container: wheel ## the image localhost/vigitri, with podman; BASE=... names another base image
	podman build $(if $(BASE),--build-arg BASE=$(BASE)) -f deploy/Containerfile -t vigitri .

clean: ## what the commands above have made
	rm -rf $(VENV) dist out runs

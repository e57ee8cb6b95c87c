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

.PHONY: help setup demo test quick lint types bench wheel clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' $(MAKEFILE_LIST) | while read -r target does; do \
	  printf 'make %-7s %s\n' "$$target" "$$does"; done

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

wheel: setup ## the wheel, into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps -w dist .

clean: ## what the commands above have made
	rm -rf $(VENV) dist out runs

# make train: a first training run. make test: the whole suite. Both set up .venv when it is missing or out of date.
.DEFAULT_GOAL := help
.PHONY: help install train test test-quick torture lint format bench bench-eval docs docs-check wheel clean

VENV := .venv
RUN := $(VENV)/bin/python
# The first Python on the path that works; `make PYTHON=/path/to/python3.12 ...` names another.
PYTHON ?= $(shell for p in python3.11 python3.10 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
# It chooses the stack, the versions of TensorFlow and of all else: docs/stacks.md.
VERSIONS = constraints/tensorflow-$$($(RUN) -c 'import sys; print("2.15" if sys.version_info < (3, 12) else "2.21")').txt

# A Python that was asked for must be the one that is there.
ifneq ($(origin PYTHON),file)
ifneq ($(wildcard $(RUN)),)
ifneq ($(MAKECMDGOALS),clean)
ifneq ($(shell $(RUN) -V),$(shell $(PYTHON) -V))
$(error $(VENV) has $(shell $(RUN) -V), which is not that of $(PYTHON): run make clean first, or make VENV=.venv-other PYTHON=$(PYTHON) ...)
endif
endif
endif
endif

help:
	@echo "make train    train PAGAN on the embedded shapes for a few minutes, and see where everything is"
	@echo "make test     check style, types and the layers of packages, then run the whole suite; make test-quick: what is not slow"
	@echo "make torture  kill runs, workers and servers, feed them hostile files, and compile every system by XLA, for about half an hour"
	@echo "make lint     ruff, mypy and import-linter alone; make format mends what ruff can"
	@echo "make bench    images per second of the ways to compute a step; make bench-eval, of an evaluation"
	@echo "make docs     the pages of docs/ and a reference of the code as a site in site/, which needs no network"
	@echo "make docs-check  run every command of the pages in docs/"
	@echo "make wheel    the package as a wheel in dist/, for pip install"
	@echo "make install  set up .venv only; make clean removes it"

$(VENV)/installed: setup.py constraints/tensorflow-2.15.txt constraints/tensorflow-2.21.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "tfpagan needs one of Python 3.10 to 3.13 with its venv module; none found. Install one, or run: make PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 10) <= v < (3, 14) and f"tfpagan needs one of Python 3.10 to 3.13; $(PYTHON) is {v[0]}.{v[1]}")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c $(VERSIONS) -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(RUN) -m pip install --quiet --disable-pip-version-check -c $(VERSIONS) -e '.[test]'
	@touch $@

install: $(VENV)/installed

train: $(VENV)/installed
	bin/train --preset=pagan_shapes_cpu

lint: $(VENV)/installed-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports --no-cache

format: $(VENV)/installed-test
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

test: lint
	$(RUN) -m pytest -n 2 --dist worksteal

test-quick: lint
	$(RUN) -m pytest -n 2 --dist worksteal -m "not slow"

torture: $(VENV)/installed-test
	$(RUN) -m pytest -s tests/torture/torture_*.py

bench: $(VENV)/installed
	bin/bench

bench-eval: $(VENV)/installed
	bin/bench_eval

docs-check: $(VENV)/installed
	$(RUN) docs/check.py

$(VENV)/installed-docs: $(VENV)/installed
	$(RUN) -m pip install --quiet --disable-pip-version-check -c $(VERSIONS) -e '.[docs]'
	@touch $@

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	@echo site/index.html

wheel: $(VENV)/installed
	rm -rf build
	$(RUN) -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

clean:
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .ruff_cache .mypy_cache

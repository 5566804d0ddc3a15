# Sets itself up: the first target that needs it makes .venv from the locked, hashed requirements.
PYTHON ?= python3
SHARED ?= ../shared
BIN := .venv/bin
LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo real test check lock

.venv/run.stamp: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Name another one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --no-deps --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.lock
	$(PIP) install --quiet --no-deps --require-hashes -r requirements-dev.lock
	touch $@

demo: .venv/run.stamp  ## the whole job on the simulated Sweden
	$(BIN)/effektiv demo

real: .venv/run.stamp  ## the whole job on the recorded archive in $(SHARED)/kolada
	$(BIN)/effektiv real $(SHARED)/kolada

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check  ## everything that must hold before a commit
	$(BIN)/python -m pytest

lock:  ## writes both locks anew; needs uv
	$(LOCK) --group build --constraint requirements.hold --output-file requirements.lock
	$(LOCK) --group build --group dev --constraint requirements.lock --output-file requirements-dev.lock

# Everything goes through here, on a machine that has Python 3.11+ and make.
#   make demo    set up, run a whole invented day, say where the issue lies
#   make test    set up, linters, types, layers, all tests     make unit   the tests without browser and kills
#   make check   linters, types, layers only        make bench   the table of figures
#   make run     scheduler and pages, here           make lock    renew requirements.lock

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= auto

.PHONY: setup demo run check test unit bench crash lock clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $(READY)

# A fresh place in demo/, thirty invented readers, letters as files: nobody is mailed.
demo: $(READY)
	@rm -rf demo
	@$(BIN)/newsletter init demo > /dev/null
	@$(BIN)/newsletter --config demo/config.toml today --sample --approve --send

run: $(READY)
	@test -f demo/config.toml || $(MAKE) --no-print-directory demo
	@$(BIN)/newsletter --config demo/config.toml run

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# What one runs while working: everything but the browser's tests and those that kill the program.
unit: $(READY)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not browser and not crash"

bench: $(READY)
	@$(BIN)/python -m benchmarks

crash: $(READY)
	@$(BIN)/python -m benchmarks.crash

# The one way requirements.lock is made: exact pins for every platform and Python from 3.11 on.
lock: $(READY)
	@$(BIN)/uv pip compile -q pyproject.toml --all-extras --universal \
	  --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) demo dist build *.egg-info

# The verbs of this project, the same by hand and in CI. Each makes what it needs: python3 (3.10 to 3.13), git and a
# way to PyPI (or a mirror that pip is set up for) are all that must be there.
#
#   make demo     plan, apply, drift against the built-in emulator: no account, no network beyond the install
#   make test     lint, types and every test
#   make lint     ruff and mypy
#   make format   rewrite the code as ruff wants it
#   make golden   rewrite the expected outputs of the tests; review the diff like code
#   make bench    the benchmarks
#   make check    the same as test, which lints first
#   make clean    remove what the verbs made

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
SDK_VENV := .venv-sdk
BIN := $(CURDIR)/$(VENV)/bin
PIP_FLAGS := --quiet --disable-pip-version-check

RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
SDK := $(SDK_VENV)/.installed

.DEFAULT_GOAL := test
.PHONY: demo test check lint format golden bench sdk clean

demo: $(RUNTIME)
	@PATH="$(BIN):$$PATH" bash scripts/demo.sh

test: lint sdk
	CLARIFAI_SDK_PYTHON="$$(test -e $(SDK) && echo $(CURDIR)/$(SDK_VENV)/bin/python)" \
	  $(BIN)/python -m pytest -q -n $(WORKERS)

check: test

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(DEV)
	$(BIN)/python -m pytest -q --update-golden

bench: $(DEV)
	$(BIN)/python -m benchmarks

# The clarifai SDK lives in a venv of its own: it is heavy, and only tests that drive the emulator with it want it.
# Without it (no network, no wheel for this Python) those tests are skipped with that reason.
sdk:
	@$(MAKE) --silent --no-print-directory $(SDK) || echo "make: the clarifai SDK did not install; its tests will be skipped" >&2

$(RUNTIME): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.10 to 3.13 is needed. Try make PYTHON=python3.12" >&2; \
	  exit 1; }
	@echo "make: installing into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $(PIP_FLAGS) --editable .
	@touch $@

$(DEV): $(RUNTIME)
	@echo "make: installing the development tools into $(VENV)"
	@$(BIN)/python -m pip install $(PIP_FLAGS) --editable '.[dev]'
	@touch $@

$(SDK): pyproject.toml
	@echo "make: installing the clarifai SDK into $(SDK_VENV)"
	@$(PYTHON) -m venv $(SDK_VENV)
	@$(SDK_VENV)/bin/python -m pip install $(PIP_FLAGS) --retries 2 '.[sdk]'
	@touch $@

clean:
	rm -rf $(VENV) $(SDK_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

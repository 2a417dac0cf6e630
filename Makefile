# The verbs of this project, the same by hand and in CI. Each makes what it needs: python3 (3.10 to 3.13), git and a
# way to PyPI (or a mirror that pip is set up for) are all that must be there.
#
#   make demo     plan, apply, drift against the built-in emulator: no account, no network beyond the install
#   make test     lint, types and every test
#   make lint     ruff and mypy
#   make format   rewrite the code as ruff wants it
#   make golden   rewrite the expected outputs of the tests; review the diff like code
#   make references  rewrite the pages of docs/ that are made from the schemas and the command line
#   make docs     the documentation as a site, in build/site; python3 -m http.server --directory build/site shows it
#   make bench    the benchmarks
#   make coverage branch coverage of the pure core, which has to be whole (about 3 minutes)
#   make mutants  mutation testing of what chooses calls and allows deletions (about 5 minutes)
#   make chaos    the long versions of the tests of faults, kills, fuzzed input and long histories (about 20 minutes)
#   make check    lint, types and the tests that are fast: what to run while working (about 2 minutes)
#   make hooks    let git run the quick checks of .pre-commit-config.yaml before each commit
#   make dist     build what a release publishes into dist/, twice, and try it
#   make lock     rewrite requirements/*.txt from pyproject.toml; UPGRADE=1 takes newer releases too
#   make audit    ask PyPI's advisories about the locked packages; skips, and says so, where they can't be reached
#   make clean    remove what the verbs made
#
# Packages come from the locks in requirements/, by hash. Where an index lacks those files, the newest that pyproject.toml
# allows are taken, with a note; LOCKED=1, as in CI, makes that an error.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
SDK_VENV := .venv-sdk
BIN := $(CURDIR)/$(VENV)/bin
PIP_FLAGS := --quiet --disable-pip-version-check

AUDIT_VENV := .venv-audit
DOCS_VENV := .venv-docs
HOOKS_VENV := .venv-hooks
LOCK_VENV := .venv-lock
MUTANTS_VENV := .venv-mutants
LOCKED ?=
UPGRADE ?=
AUDIT_FLAGS ?=
UNLOCKED := test -z "$(LOCKED)" && echo "make: the locked packages did not install; taking what pyproject.toml allows" >&2 &&

RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
SDK := $(SDK_VENV)/.installed

.DEFAULT_GOAL := test
.PHONY: demo test check lint format golden references docs bench coverage mutants chaos sdk lock audit hooks dist clean

demo: $(RUNTIME)
	@PATH="$(BIN):$$PATH" bash scripts/demo.sh

test: lint sdk
	CLARIFAI_SDK_PYTHON="$$(test -e $(SDK) && echo $(CURDIR)/$(SDK_VENV)/bin/python)" \
	  $(BIN)/python -m pytest -q -n $(WORKERS)

check: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow"

hooks: $(HOOKS_VENV)/.installed
	$(HOOKS_VENV)/bin/pre-commit install

dist: $(DEV)
	$(BIN)/python scripts/release.py dist

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(DEV)
	$(BIN)/python -m pytest -q --update-golden

references: $(RUNTIME)
	$(BIN)/python -m scripts.references

docs: $(DOCS_VENV)/.installed
	$(DOCS_VENV)/bin/mkdocs build --quiet --strict
	@echo "make: the site is in build/site; python3 -m http.server --directory build/site shows it"

chaos: $(DEV)
	RECONCILER_CHAOS=1 $(BIN)/python -m pytest -q -n $(WORKERS) tests/chaos

# The tests that run in this process and are about what the pure core does; the same few examples of each law every time.
COVERING := tests/test_scenarios.py tests/property \
  $(addprefix tests/,resources loading config manifests remote compare requests plan apply report cli)

coverage: $(DEV)
	$(BIN)/coverage run -m pytest -q --hypothesis-profile=small $(COVERING)
	$(BIN)/coverage report

mutants: $(MUTANTS_VENV)/.installed
	rm -rf mutants
	$(MUTANTS_VENV)/bin/mutmut run --max-children $(WORKERS)
	@left="$$($(MUTANTS_VENV)/bin/mutmut results)"; test -z "$$left" || \
	 { echo "$$left" >&2; echo "make: these were not killed; $(MUTANTS_VENV)/bin/mutmut show NAME tells what one is" >&2; exit 1; }

bench: $(DEV)
	$(BIN)/python -m benchmarks

# The clarifai SDK lives in a venv of its own: it is heavy, and only tests that drive the emulator with it want it.
# Without it (no network, no wheel for this Python) those tests are skipped with that reason.
sdk:
	@$(MAKE) --silent --no-print-directory $(SDK) || echo "make: the clarifai SDK did not install; its tests will be skipped" >&2

$(RUNTIME): pyproject.toml $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.10 to 3.13 is needed. Try make PYTHON=python3.12" >&2; \
	  exit 1; }
	@echo "make: installing into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@{ $(BIN)/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/build.txt && \
	   $(BIN)/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/runtime.txt && \
	   $(BIN)/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable . ; } || \
	 { $(UNLOCKED) $(BIN)/python -m pip install $(PIP_FLAGS) --editable . ; }
	@$(BIN)/python -m compileall -q reconciler  # pip compiles what it copies, not a checkout; without, each start does it again
	@touch $@

$(DEV): $(RUNTIME)
	@echo "make: installing the development tools into $(VENV)"
	@$(BIN)/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/dev.txt || \
	 { $(UNLOCKED) $(BIN)/python -m pip install $(PIP_FLAGS) --editable '.[dev]' ; }
	@touch $@

$(SDK): pyproject.toml
	@echo "make: installing the clarifai SDK into $(SDK_VENV)"
	@$(PYTHON) -m venv $(SDK_VENV)
	@$(SDK_VENV)/bin/python -m pip install $(PIP_FLAGS) --retries 2 '.[sdk]'
	@touch $@

# One lock for every Python and platform; uv alone resolves like that. Each narrower one takes the versions of dev.txt.
COMPILE = $(LOCK_VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: $(LOCK_VENV)/.installed
	$(COMPILE) --extra dev --group build --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --constraints requirements/dev.txt --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --constraints requirements/dev.txt --output-file requirements/build.txt --group build
	$(COMPILE) --output-file requirements/audit.txt --group audit
	$(COMPILE) --output-file requirements/docs.txt --group docs
	$(COMPILE) --constraints requirements/dev.txt --output-file requirements/mutants.txt --group mutants

audit:
	@$(MAKE) --silent --no-print-directory $(AUDIT_VENV)/.installed || \
	 { echo "audit: skipped, nothing was checked: pip-audit did not install." >&2; test -z "$(LOCKED)"; }
	@test ! -e $(AUDIT_VENV)/.installed || $(AUDIT_VENV)/bin/python scripts/audit.py $(AUDIT_FLAGS) requirements/*.txt

$(LOCK_VENV)/.installed: pyproject.toml
	@$(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip install $(PIP_FLAGS) 'uv>=0.9'
	@touch $@

$(AUDIT_VENV)/.installed: requirements/audit.txt
	@$(PYTHON) -m venv $(AUDIT_VENV)
	@$(AUDIT_VENV)/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/audit.txt || \
	 { $(UNLOCKED) $(AUDIT_VENV)/bin/python -m pip install $(PIP_FLAGS) 'pip-audit>=2.9' ; }
	@touch $@

$(DOCS_VENV)/.installed: requirements/docs.txt
	@echo "make: installing mkdocs into $(DOCS_VENV)"
	@$(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/docs.txt || \
	 { $(UNLOCKED) $(DOCS_VENV)/bin/python -m pip install $(PIP_FLAGS) 'mkdocs>=1.6' 'mkdocs-material>=9.6' ; }
	@touch $@

$(HOOKS_VENV)/.installed: $(DEV)
	@$(PYTHON) -m venv $(HOOKS_VENV)
	@$(HOOKS_VENV)/bin/python -m pip install $(PIP_FLAGS) 'pre-commit>=4.0'
	@touch $@

# mutmut runs the tests in its own process, so the tools of the tests are installed with it.
$(MUTANTS_VENV)/.installed: pyproject.toml requirements/dev.txt requirements/mutants.txt
	@echo "make: installing mutmut into $(MUTANTS_VENV)"
	@$(PYTHON) -m venv $(MUTANTS_VENV)
	@$(MUTANTS_VENV)/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/dev.txt -r requirements/mutants.txt || \
	 { $(UNLOCKED) $(MUTANTS_VENV)/bin/python -m pip install $(PIP_FLAGS) 'mutmut>=3.8' '.[dev]' && \
	   $(MUTANTS_VENV)/bin/python -m pip uninstall $(PIP_FLAGS) --yes clarifai-reconciler ; }
	@touch $@

clean:
	rm -rf $(VENV) $(SDK_VENV) $(AUDIT_VENV) $(DOCS_VENV) $(HOOKS_VENV) $(LOCK_VENV) $(MUTANTS_VENV) mutants build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

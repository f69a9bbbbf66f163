# Needs make and Python 3.11 or newer; everything else is installed into .venv, from lock files with hashes.
# ARGS goes to the tool behind a target: make demo ARGS='--for 10s', make test ARGS='-k sink', make lock ARGS=--upgrade

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format coverage docs simulate-long bench soak profile memory deploy-test lock clean

# Empty is the first of these that is new enough.
PYTHON ?=
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url

# Rows 1 to 3 of the house: every branch of them is tested.
CORE := models errors lifecycle runs signature stats events/* wire/* reading/* tracker/* roster frontier ordering config/* pace
comma := ,
space := $(subst ,, )

help: ## Show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r target text; do \
	  printf '%-21s%s\n' "$$target" "$$text"; done

demo: .venv/runtime.stamp ## Watch the poller work on a simulated fleet, until Ctrl-C
	@$(BIN)/python -m poller demo $(ARGS)

test: .venv/dev.stamp ## Run the tests
	$(BIN)/python -m pytest $(ARGS)

check: .venv/dev.stamp ## Check style, types, layers and the Dockerfile
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

format: .venv/dev.stamp ## Mend style and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

coverage: .venv/dev.stamp ## Run the tests, and fail unless they cover every branch of the core
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage report
	@echo 'The core alone:'
	$(BIN)/coverage report --fail-under=100 \
	  --include='$(subst $(space),$(comma),$(foreach room,$(CORE),poller/$(room).py))'

docs: .venv/dev.stamp ## Write what the documents have from the code: settings, metrics, requests, the dashboard
	$(BIN)/python -m tests.documents
	$(BIN)/python -m deploy.grafana

simulate-long: .venv/dev.stamp ## Prove the promise by 10 000 seeds of simulated trouble (ARGS='0 2000': fewer)
	$(BIN)/python -m tests.simulation $(ARGS)

bench: .venv/dev.stamp .venv-lean/stamp ## Measure against a floor and the vendor's SDK, and fail where a bound is missed
	@$(BIN)/python -m tests.benchmarks $(ARGS)

soak: .venv/dev.stamp .venv-lean/stamp ## Report a thousand completions a second for ten minutes (ARGS='--minutes 1')
	@$(BIN)/python -m tests.benchmarks.soak $(ARGS)

profile: .venv/dev.stamp .venv-lean/stamp ## Show where the time of a cycle goes
	@$(BIN)/python -m tests.benchmarks.profiling $(ARGS)

memory: .venv/dev.stamp .venv-lean/stamp ## Measure the resident memory, idle and with many jobs
	@$(BIN)/python -m tests.benchmarks memory $(ARGS)

deploy-test: .venv/deploy.stamp ## Run what is in deploy/ for real, as far as this machine has the tools, and tell what was skipped
	$(BIN)/python -m pytest tests/deploy -rs $(ARGS)

lock: .venv/dev.stamp ## Bring the lock files in line with pyproject.toml, changing no more than needed
	$(LOCK) $(ARGS) pyproject.toml --output-file requirements.txt
	$(LOCK) $(ARGS) --group build --output-file requirements-build.txt
	$(LOCK) $(ARGS) pyproject.toml --group dev --constraints requirements.txt --output-file requirements-dev.txt
	$(LOCK) $(ARGS) pyproject.toml --group dev --group deploy --constraints requirements-dev.txt \
	  --output-file requirements-deploy.txt

clean: ## Remove everything that make has made
	rm -rf .venv .venv-lean build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find poller tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@for python in $(or $(PYTHON),$(CANDIDATES)); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "make: $$python lacks the venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; \
	    exit 1; }; \
	  echo "Creating .venv with $$("$$python" --version)" >&2; \
	  exec "$$python" -m venv --clear .venv; \
	done; \
	echo 'make: Python 3.11 or newer is needed, and not found as $(or $(PYTHON),$(CANDIDATES)): set PYTHON to it' >&2; \
	exit 1

.venv/runtime.stamp: .venv/pyvenv.cfg requirements.txt requirements-build.txt pyproject.toml
	@echo 'Installing the poller with what it needs, into .venv' >&2
	@$(PIP) --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# Development tools that are merely installed make libraries import more: what is measured does without them.
.venv-lean/stamp: .venv/pyvenv.cfg requirements.txt requirements-build.txt pyproject.toml
	@echo 'Installing the poller with what it needs and nothing else, into .venv-lean' >&2
	@$(BIN)/python -m venv --clear .venv-lean
	@$(subst $(BIN),.venv-lean/bin,$(PIP)) --require-hashes -r requirements.txt -r requirements-build.txt
	@$(subst $(BIN),.venv-lean/bin,$(PIP)) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.venv/dev.stamp: .venv/pyvenv.cfg requirements-dev.txt pyproject.toml
	@echo 'Installing the poller with its development tools, into .venv' >&2
	@$(PIP) --require-hashes -r requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.venv/deploy.stamp: .venv/dev.stamp requirements-deploy.txt
	@echo 'Installing what the tests of deploy/ need, into .venv' >&2
	@$(PIP) --require-hashes -r requirements-deploy.txt
	@touch $@

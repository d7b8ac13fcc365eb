# Everything is reachable from here. `make run` and `make test` are all that a newcomer needs.

PYTHON ?= python3
BIN := .venv/bin
FOREIGN := anthropic-current anthropic-older aioboto3 awscli node ministack moto
MEASURED := anthropic-current outcrop
PYTEST_WORKERS ?= 2
BENCH_PYTHON ?= 3.12
FUZZ_SECONDS ?= 40
FUZZ_SEED ?= 0

.DEFAULT_GOAL := help
.PHONY: help setup run test check unit fuzz conformance lint types format docs bench bench-check bench-tokens lock clean

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

setup: .venv/.ready  ## make the environment in .venv (quick, and offline, the second time)
	@:

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Outcrop needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/.ready: locks/dev.txt pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes locks/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "The environment is ready: .venv/bin/outcrop --help"

run: setup  ## start the local Bedrock, send it the documented sample, print the reply
	@$(BIN)/python examples/hello.py

test: check docs unit fuzz conformance  ## all tests, foreign clients included

check: lint types  ## style, types, import rules

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/pyright

unit: setup  ## the project's own tests, and the examples of the docs
	OUTCROP_TESTS_REQUIRE_MODEL=1 $(BIN)/python -m pytest tests --ignore tests/conformance -n $(PYTEST_WORKERS) $(PYTEST_ARGS)
	OUTCROP_TRANSPORT=pyreqwest $(BIN)/python -m pytest tests/client -n $(PYTEST_WORKERS) $(PYTEST_ARGS)  # the other transport
	$(BIN)/python -m pytest README.md docs $(PYTEST_ARGS)  # one after the other: a page's examples build on each other

fuzz: setup  ## hostile bytes for every reader, hostile JSON for every operation
	$(BIN)/python tests/wire/fuzz_frames.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)
	$(BIN)/python tests/server/fuzz_connections.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)
	$(BIN)/python tests/server/fuzz_requests.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)

conformance: setup $(FOREIGN:%=.venvs/%/.ready) .venvs/node/node_modules/.ready  ## foreign clients judge the local Bedrock
	$(BIN)/python -m pytest tests/conformance -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

# Each foreign client lives in an environment of its own: some pin what others refuse. So does Outcrop
# where its speed is measured: with what it needs and no more. Those have their modules compiled, as
# pip does for a user.
.venvs/%/.ready: locks/%.txt | setup
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes $(if $(filter $*,$(MEASURED)),--compile-bytecode) locks/$*.txt
	@touch $@

.venvs/node/node_modules/.ready: tests/conformance/node/package-lock.json .venvs/node/.ready
	cp tests/conformance/node/package.json tests/conformance/node/package-lock.json .venvs/node/
	cd .venvs/node && PATH="$(CURDIR)/.venvs/node/bin:$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@

format: setup  ## rewrite to the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup  ## the documentation, in docs/_build/html
	$(BIN)/sphinx-build --quiet --fail-on-warning docs docs/_build/html

bench: setup $(MEASURED:%=.venvs/%/.ready) .venvs/moto/.ready  ## speed beside the official SDK and boto3 (bench/speed; Linux, six minutes)
	$(BIN)/python bench/speed/run.py $(BENCH_ARGS)

bench-check: setup $(MEASURED:%=.venvs/%/.ready)  ## the same, short: fails if a ratio is twice worse than it was
	$(BIN)/python bench/speed/run.py --short

bench-tokens: $(BIN)/uv  ## how far off token estimates are (bench/tokens; needs a Python 3.12)
	PYTHONPATH=src $(BIN)/uv run --no-project --python $(BENCH_PYTHON) --with-requirements bench/tokens/requirements.txt python bench/tokens/run.py

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_ARGS)
lock: $(BIN)/uv  ## renew the lock files (LOCK_ARGS=--upgrade for newer versions)
	$(COMPILE) pyproject.toml --extra activity --extra model --extra pdf --group dev --group docs --output-file locks/dev.txt
	$(COMPILE) pyproject.toml --constraint locks/dev.txt --output-file locks/outcrop.txt
	$(foreach group,$(FOREIGN),$(COMPILE) --group $(group) --output-file locks/$(group).txt && ) true
	$(MAKE) .venvs/node/.ready
	cd tests/conformance/node && PATH="$(CURDIR)/.venvs/node/bin:$$PATH" npm install --package-lock-only --silent --no-audit --no-fund

clean:  ## forget the environments and what was built
	rm -rf .venv .venvs docs/_build .pytest_cache .ruff_cache .hypothesis

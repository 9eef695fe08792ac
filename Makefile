# Everything a person or CI runs. Each target installs what it needs; `.venv` is rebuilt when the lock changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CLIENTS := tests/clients/node_modules

.DEFAULT_GOAL := help
.PHONY: help install demo test check format lint types layers bench fuzz bench-short audit-mutations eval-guard eval-tasks train-tasks caps scale size crash soak package clients pictures lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' || \
	  { echo "Sluiceway needs Python 3.12 or later; $(PYTHON) is $$($(PYTHON) -V). Run: make PYTHON=python3.13 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP)  ## the virtual environment, from the hash-locked requirements

demo: $(STAMP)  ## see it work: simulated providers, real clients, all of it in a minute, a report
	$(BIN)/sluiceway demo

test: $(STAMP)  ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: format-check lint types layers test  ## what CI runs before the demo

format: $(STAMP)  ## rewrite the code in the house style
	$(BIN)/ruff format addons tests
	$(BIN)/ruff check --fix addons tests

format-check: $(STAMP)
	$(BIN)/ruff format --check addons tests

lint: $(STAMP)  ## ruff
	$(BIN)/ruff check addons tests

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

layers: $(STAMP)  ## which room may import which
	$(BIN)/lint-imports

bench: $(STAMP)  ## cost of reading a stream, and ratios against stock mitmdump (some minutes)
	$(BIN)/python -m tests.bench.taps
	$(BIN)/python -m tests.bench

fuzz: $(STAMP)  ## damaged answers, requests and forms, thousands of each; all properties in full (half an hour)
	SLUICEWAY_FUZZ=2000 $(BIN)/python -m pytest -n 2 \
	  tests/wire/test_fuzz.py tests/wire/test_multipart.py tests/wire/test_taps.py tests/wire/test_socket_fuzz.py \
	  tests/store/test_ledger_model.py tests/settings/test_yaml_file.py tests/app/test_reconcile.py tests/gateway/test_restoring.py

bench-short: $(STAMP)  ## the same harness in a minute; its figures mean little
	$(BIN)/python -m tests.bench --short

audit-mutations: $(STAMP)  ## a thousand ways to alter an audit, each found by `audit verify`
	SLUICEWAY_FUZZ=1 $(BIN)/python -m pytest -q tests/audit/test_verify.py

eval-guard: $(STAMP)  ## recall and precision of the secret and PII detectors, and their speed
	$(BIN)/python -m tests.guard.eval && $(BIN)/python -m tests.guard.eval.speed

eval-tasks: $(STAMP)  ## how well the task of a prompt is told: macro-F1, confusion matrix, speed
	$(BIN)/python -m tests.tasks.eval

train-tasks: $(STAMP)  ## the weights of the task classifier, made anew from the labelled prompts (seconds)
	$(BIN)/python -m tests.tasks.eval.train

$(CLIENTS)/.installed: tests/clients/package.json tests/clients/package-lock.json
	@command -v npm > /dev/null || { echo "make clients needs Node.js 20 or later, with npm"; exit 1; }
	cd tests/clients && npm ci --loglevel=error
	node $(CLIENTS)/@anthropic-ai/claude-code/install.cjs  # its own install script; no others are run
	@touch $@

clients: $(STAMP) $(CLIENTS)/.installed  ## Claude Code, Codex and Gemini CLI from npm, unmodified
	$(BIN)/python -m pytest -m clients tests/clients

crash: $(STAMP)  ## kill -9 under load, twenty times
	$(BIN)/python -m tests.heavy.crash --rounds 20

caps: $(STAMP)  ## caps worth 20 answers, 200 clients at once, 30 rounds of each kind, both stores (half an hour)
	$(BIN)/python -m tests.heavy.caps --rounds 30
	$(BIN)/python -m tests.heavy.caps --rounds 30 --store postgresql
	$(BIN)/python -m tests.heavy.caps --rounds 30 --store postgresql --workers 2

scale: $(STAMP)  ## up to a thousand nodes on one budget, simulated: the table of docs/scale.md (minutes)
	$(BIN)/python -m tests.heavy.scale

size: $(STAMP)  ## admissions beside ten million ledger rows, paired with an empty ledger, both stores (ten minutes)
	$(BIN)/python -m tests.heavy.size
	$(BIN)/python -m tests.heavy.size --store postgresql

soak: $(STAMP)  ## a thousand streams at once
	$(BIN)/python -m tests.heavy.streams --streams 1000

package: $(STAMP)  ## install from a wheel as the Containerfile and the systemd unit do, and start it
	$(BIN)/python -m tests.heavy.package

pictures: $(STAMP)  ## the pictures of README.md, made anew from the demo (needs Chromium)
	$(BIN)/python -m tests.pictures

lock:  ## renew requirements.lock, and requirements-run.lock (what a running proxy needs), from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-header --extra demo --group dev --group build pyproject.toml -o requirements.lock
	cp requirements.lock requirements-run.lock  # what uv finds there it prefers, so both name the same versions
	$(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-header pyproject.toml -o requirements-run.lock
	@! grep -E '^[a-z].*==' requirements-run.lock | sed 's/ .*//' | grep -vxF "$$(sed -n 's/ .*//; /^[a-z].*==/p' requirements.lock)" \
	  || { echo "requirements-run.lock names other versions than requirements.lock"; exit 1; }

clean:  ## remove what is built
	rm -rf $(VENV) $(CLIENTS) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

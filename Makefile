PYTHON ?= $(shell command -v python3.11 || command -v python3)
IN := .venv/bin/python

.PHONY: help setup demo test lint types contracts check-migrations chat train bench lock clean
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.venv/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; name it with PYTHON=..."; exit 1; }
	@test -x $(IN) || $(PYTHON) -m venv .venv || { echo "On Debian: apt-get install python3-venv"; exit 1; }
	$(IN) -m pip install --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	$(IN) -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

setup: .venv/.runtime  ## make .venv with all that the channel needs

demo: setup  ## run web, speaker, worker and an embedded database; says where to click
	$(IN) -m api demo

chat: setup  ## talk to the bot in this terminal; REPLAY=tests/transcripts/....toml: watch that conversation
	@$(IN) -m api chat $(if $(REPLAY),--replay $(REPLAY)) $(if $(FAST),--fast)

test: .venv/.dev  ## run all tests (those that need a browser or LAPOR_SHARED skip without)
	$(IN) -m pytest -n auto --maxprocesses=4 --dist=worksteal

lint: .venv/.dev  ## ruff, and bandit over all that runs
	$(IN) -m ruff check . && $(IN) -m ruff format --check .
	$(IN) -m bandit -q -c pyproject.toml -r api bot bridges classifier desk migrations store

types: .venv/.dev  ## mypy, strict
	$(IN) -m mypy

contracts: .venv/.dev  ## the rooms import only what they may
	.venv/bin/lint-imports

check-migrations: .venv/.dev  ## alembic check on a fresh embedded database
	$(IN) -m pytest -q tests/store/test_migrations.py

train: .venv/.dev  ## learn anew: make train DATA="reports.csv corrections.csv"
	$(IN) -m classifier train $(DATA) && $(IN) -m classifier card

bench: .venv/.dev  ## the measured claims (a quarter of an hour)
	$(IN) -m bench.turns && $(IN) bench/crash.py && $(IN) -m bench.classifier && $(IN) -m bench.desk && $(IN) -m bench.ringkas

lock: .venv/.dev  ## renew the pinned requirements (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group dev pyproject.toml -c requirements.txt -o requirements-dev.txt

clean:  ## remove the environment and the demo's data
	rm -rf .venv data

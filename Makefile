# `make run` and `make test` need git, make and Python 3.11 or newer. All else comes from the Python package index.
# Works with any make, including GNU make 3.81 on macOS.

PORT ?= 8000
KAFKA_PORT ?= 9092
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Pins for every platform and for all supported Pythons. The files name no package index, because each machine has its
# own.
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --quiet --no-emit-index-url \
	--universal --python-version 3.11 --generate-hashes

.DEFAULT_GOAL := help
# What `make test-fast` leaves out needs a browser, a broker, processes of its own, or patience.
FAST := tests/architecture tests/domain tests/wallets tests/ledger tests/api tests/pages tests/throttling

.PHONY: help run kafka reset test test-fast test-long bench lint format proto lock install

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: $(STAMP) ## Set everything up and serve the site on http://127.0.0.1:8000 (PORT=… for another port)
	@PORT=$(PORT) exec $(BIN)/python -m devtools.run

kafka: $(STAMP) ## Fetch a Kafka broker and start it on 127.0.0.1:9092 (KAFKA_PORT=… for another port)
	@KAFKA_PORT=$(KAFKA_PORT) exec $(BIN)/python -m devtools.run_kafka

reset: $(STAMP) ## Delete the data of `make run`
	@exec $(BIN)/python -m devtools.run --reset

test: $(STAMP) ## Run the tests on their own Postgres and Valkey (ARGS="-k transfer" selects, WORKERS=0 uses one process)
	@$(BIN)/python -m tests.chromium
	@$(BIN)/python -m tests.pgbouncer
	@$(BIN)/python -m tests.jdk
	@$(BIN)/python -m tests.nginx
	@exec $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup -m "not long" $(ARGS)

test-fast: $(STAMP) ## Run those tests that need no browser and no Kafka, in under a minute (the same ARGS and WORKERS)
	@exec $(BIN)/python -m pytest --numprocesses $(WORKERS) -m "not browser and not kafka and not slow and not long" $(FAST) $(ARGS)

test-long: $(STAMP) ## Run the tests that take long: outages, killed processes, a backlog of a million jobs (ARGS, WORKERS)
	@$(BIN)/python -m tests.pgbouncer
	@$(BIN)/python -m tests.jdk
	@exec $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup -m long tests tests/long $(ARGS)

bench: $(STAMP) ## Measure against pgbench, for under twenty minutes (BENCH_QUICK=1 for a look, BENCH_AGAINST=<commit> to compare)
	@exec $(BIN)/python -m bench

lint: $(STAMP) ## Check style, types, imports, templates and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djlint templates --check --quiet
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/python -W "ignore:Got an error checking" manage.py makemigrations --check --dry-run

format: $(STAMP) ## Format code and templates
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet || true

proto: $(STAMP) ## Regenerate the Python code of the gRPC contract, after a change to proto/
	@exec $(BIN)/python -m devtools.proto

lock: $(STAMP) ## Pin the newest compatible version of every requirement, with hashes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --upgrade --output-file requirements.txt
	$(COMPILE) --upgrade --constraints requirements.txt --extra dev --output-file requirements-dev.txt

install: $(STAMP) ## Create .venv and install the pinned requirements

# Runs again when the pins change. The stamp is written last, so that an interrupted installation is repeated.
$(STAMP): requirements-dev.txt deploy/bootstrap.sh
	@sh deploy/bootstrap.sh $(VENV)
	@touch $(STAMP)

# The commands of this project; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
TOOLS := prometheus prometheus-alertmanager systemd curl
SYSTEM := tests/end_to_end tests/faults tests/rules tests/deploy
QUICK := tests/settings tests/metrics tests/inventory tests/paging tests/source tests/web
SHIFTED := FAKETIME_DONT_FAKE_MONOTONIC=1 TZ=Pacific/Auckland

# pytest keeps the test modules that it has rewritten, which saves each worker ten seconds
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test system-test quick time-test install-test prism-test check docs rules dashboards bench growth soak clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .install-stamp ## set up .venv from the hashed locks

.install-stamp: requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv is missing. On Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	@echo "Installing about 130 packages from requirements-dev.lock; this takes about a minute."
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/pip check --disable-pip-version-check
	@touch $@

demo: install ## simulator and exporter in one go, on loopback; Ctrl-C stops it
	$(BIN)/ses-inventory-exporter demo

test: check tools ## every check, and the tests of behaviour with branch coverage
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not matrix and not histories and not official" \
	  --cov --cov-report=term-missing:skip-covered tests $(SYSTEM:%=--ignore=%)

system-test: install tools ## the slower tests: processes, real Prometheus and Alertmanager, faults, rules, every dialect with every quirk
	$(BIN)/python -m pytest -n auto --dist worksteal -m "matrix or histories"
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not matrix and not histories and not official" $(SYSTEM)

quick: install ## the quick part of the tests: settings, decoding, paging, metrics, web; under two minutes
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not matrix" $(QUICK)

time-test: install clocks ## the quick part in other years, far from UTC, in Turkish and without a locale
	$(SHIFTED) LC_ALL=tr_TR.UTF-8 faketime '+400 days' $(BIN)/python -m pytest -n auto -m "not matrix" $(QUICK)
	$(SHIFTED) LC_ALL=C faketime '2038-02-01 00:00:00' $(BIN)/python -m pytest -n auto -m "not matrix" $(QUICK)

install-test: install ## install as operators do: each pip, no lock, lowest versions, other Pythons; about ten minutes
	$(BIN)/python -m tests.install

prism-test: install prism ## the official TM Forum documents, served by Prism (Node.js); skipped where they are absent
	$(BIN)/python -m pytest -q -rs -m official tests/official

check: install ## lint, types, layers, generated pages without drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.pages --check
	$(BIN)/python -m grafana --check
	$(BIN)/python -m rules --check

docs: install ## write the generated pages
	$(BIN)/python -m tests.pages

rules: install ## write the rules, the dashboards and their copies; RUNBOOKS and DASHBOARDS are the URLs that alerts point to
	$(BIN)/python -m rules $(if $(RUNBOOKS),--runbooks $(RUNBOOKS)) $(if $(DASHBOARDS),--dashboards $(DASHBOARDS))
	$(BIN)/python -m grafana $(if $(RUNBOOKS),--runbooks $(RUNBOOKS))
	$(BIN)/python -m tests.deploy.copies

dashboards: install tools ## write the dashboards and draw their previews
	$(BIN)/python -m grafana
	$(BIN)/python -m grafana.preview

bench: install ## the benchmarks, as one table
	$(BIN)/python -m bench

growth: install ## how cost grows to a million records, into docs/sizing.md; takes half an hour
	$(BIN)/python -m bench.growth
	$(BIN)/python -m bench.million

soak: install ## a thousand refreshes under faults, and 100,000 steps of the model; takes about an hour
	$(BIN)/python -m bench.soak
	MODEL_STEPS=100000 $(BIN)/python -m pytest tests/test_model.py

mutants: install ## changes the code in small ways, and counts the changes that no test notices; ten minutes
	$(BIN)/python -m tests.mutants

image-test: install ## build the image and run it, without a registry (root; Debian's buildah podman crun debootstrap)
	deploy/container/image-test.sh

unit-test: install ## the systemd unit under a real systemd (root; Debian's debootstrap systemd-container)
	deploy/systemd/unit-test.sh

wheel-test: install tools ## every test once more, against the built wheel in a venv of its own
	$(BIN)/python -m tests.wheel

sbom: install ## the bill of materials of what the exporter runs on, CycloneDX
	$(BIN)/cyclonedx-py requirements requirements.lock --output-reproducible -o sbom.json

lock: install ## compile the locks; they name no index
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --group dev pyproject.toml -o requirements-dev.lock

.PHONY: tools lock mutants image-test unit-test wheel-test sbom
tools: # the real Prometheus and Alertmanager, for the tests that use them
	@for tool in prometheus promtool amtool prometheus-alertmanager systemd-analyze curl; do command -v $$tool >/dev/null || missing=1; done; \
	test -z "$$missing" || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { \
	    echo "The tests need $(TOOLS) on PATH. On Debian: apt-get install $(TOOLS)"; exit 1; }; \
	  apt-get update --quiet=2 && \
	  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $(TOOLS); }

.PHONY: prism
PRISM := 5.14.2
prism: # the mock server of prism-test, into build/
	@test -x build/prism/node_modules/.bin/prism || { command -v npm >/dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { \
	    echo "These tests need Node.js and npm. On Debian: apt-get install nodejs npm"; exit 1; }; \
	  apt-get update --quiet=2 && \
	  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends nodejs npm; }; \
	  npm install --silent --no-save --no-audit --no-fund --prefix build/prism @stoplight/prism-cli@$(PRISM); }

.PHONY: clocks
clocks: # another time and another language, for time-test
	@command -v faketime >/dev/null && command -v localedef >/dev/null && test -f /usr/share/i18n/locales/tr_TR || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { \
	    echo "These tests need faketime and locales. On Debian: apt-get install faketime locales"; exit 1; }; \
	  apt-get update --quiet=2 && \
	  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends faketime locales; }
	@locale -a | grep -qi '^tr_TR.utf-\{0,1\}8$$' || localedef -i tr_TR -f UTF-8 tr_TR.UTF-8 || { \
	  echo "The locale tr_TR.UTF-8 is missing. As root: localedef -i tr_TR -f UTF-8 tr_TR.UTF-8"; exit 1; }

clean: ## remove what was built
	rm -rf .venv .install-stamp build dist .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.* .hypothesis

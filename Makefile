# netsonde: `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
APT := bubblewrap nmap traceroute mtr-tiny iputils-ping dnsutils iproute2 dnsmasq-base nftables netbase util-linux curl
FUZZ_EXAMPLES ?= 200000
FUZZ_SECONDS ?= 3600

.DEFAULT_GOAL := help
.PHONY: help demo run test check lint types layers docs fuzz fuzz-properties fuzz-readers fuzz-keep soak faults bench inspector conformance openapi deploy-check mcpb lock sbom audit programs unpacked clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: $(VENV)/dev.done programs  ## see it work: a lab network, the real server, a real MCP client
	@$(BIN)/python -m demo

run: $(VENV)/run.done programs  ## serve HTTP (REST, MCP, events) on loopback
	@$(BIN)/python -m netsonde serve --transport http

test: $(VENV)/dev.done programs unpacked  ## every test, inside a sealed network
	$(BIN)/python -m scripts.run_tests

check: lint types layers programs unpacked  ## what CI runs: lint, types, layers, docs, tests with coverage
	$(BIN)/python -m scripts.generate_docs --check
	rm -f .coverage .coverage.*
	$(BIN)/python -m scripts.run_tests --coverage
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report

lint: $(VENV)/dev.done  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.done .dev/netsonde  ## mypy, strict
	$(BIN)/mypy .dev/netsonde tests bench demo scripts fuzz

layers: $(VENV)/dev.done  ## the arrows between the layers
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/dev.done  ## write the generated pages of docs/
	$(BIN)/python -m scripts.generate_docs

fuzz: fuzz-properties fuzz-readers  ## both of these

fuzz-properties: $(VENV)/dev.done programs  ## property tests with FUZZ_EXAMPLES cases, fixed seed
	HYPOTHESIS_PROFILE=fuzz NETSONDE_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) \
	  timeout --foreground $(FUZZ_SECONDS) $(BIN)/python -m pytest -m fuzz

fuzz-readers: $(VENV)/fuzz.done  ## FUZZ_SECONDS of coverage-guided fuzzing of every reader of foreign bytes
	$(BIN)/python -m fuzz --seconds $(FUZZ_SECONDS)

fuzz-keep: $(VENV)/fuzz.done  ## the least corpus of what the fuzzer has found, into fuzz/corpus
	$(BIN)/python -m fuzz --keep

soak: $(VENV)/dev.done programs  ## many tries: however a call ends nothing is left; load; kill -9
	NETSONDE_TRIES=50 $(BIN)/python -m pytest tests/contract/test_nothing_left.py
	NETSONDE_TRIES=20 NETSONDE_LOAD_S=60 $(BIN)/python -m pytest tests/contract/test_service_load.py
	NETSONDE_TRIES=60 $(BIN)/python -m pytest tests/contract/test_record_crashes.py

faults: $(VENV)/dev.done programs  ## faults caused for real, 100 kills of servers and of their processes among them
	NETSONDE_TRIES=100 $(BIN)/python -m pytest tests/contract/faults tests/contract/runner/test_starved.py \
	  tests/contract/runner/test_killed_links.py tests/contract/test_record_disk.py
	NETSONDE_TRIES=100 $(BIN)/python -m pytest tests/contract/test_record_crashes.py

bench: $(VENV)/dev.done programs  ## ratios against a baseline measured in the same run
	$(BIN)/python -m bench

inspector: $(VENV)/run.done programs  ## the MCP Inspector's command line against the real server
	bash tests/contract/inspector.sh

conformance: $(VENV)/dev.done programs  ## the MCP conformance suite against the HTTP transport
	bash tests/contract/conformance.sh

openapi: $(VENV)/dev.done programs  ## schemathesis, several thousand requests by the service's own description
	NETSONDE_SCHEMATHESIS_EXAMPLES=350 $(BIN)/python -m pytest tests/contract/test_openapi.py

deploy-check: $(VENV)/dev.done  ## deploy/ by the tests and by every tool for it that is installed here
	NETSONDE_NO_LAB=1 $(BIN)/python -m pytest -q tests/unit/deploy
	@$(BIN)/python -m scripts.deploy_check

mcpb: $(VENV)/dev.done  ## dist/netsonde-VERSION.mcpb, for clients that install bundles; built, validated, started
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt 2> >(grep -v '^WARNING: Location' >&2)
	@$(BIN)/python -m scripts.mcpb

lock: $(VENV)/dev.done  ## resolve the dependencies anew into requirements/
	$(BIN)/pip install -q --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip compile -q --upgrade pyproject.toml --generate-hashes --no-emit-index-url --universal \
	  --python-version 3.11 --custom-compile-command 'make lock' -o requirements/run.txt
	$(BIN)/uv pip compile -q pyproject.toml --group dev --generate-hashes --no-emit-index-url --universal \
	  --python-version 3.11 --custom-compile-command 'make lock' -c requirements/run.txt -o requirements/dev.txt
	echo 'uv<1' | $(BIN)/uv pip compile -q --upgrade - --generate-hashes --no-emit-index-url --universal \
	  --python-version 3.11 --custom-compile-command 'make lock' -o requirements/uv.txt
	$(BIN)/uv pip compile -q --group fuzz --generate-hashes --no-emit-index-url --universal \
	  --python-version 3.11 --custom-compile-command 'make lock' -o requirements/fuzz.txt

sbom: $(VENV)/dev.done programs  ## dist/netsonde-VERSION.cdx.json: packages, licences, hashes, programs (CycloneDX)
	@$(BIN)/python -m scripts.sbom

audit: $(VENV)/dev.done  ## what the package index and apt know against what is pinned; AUDIT=--strict
	@$(BIN)/python -m scripts.audit $(AUDIT)

unpacked:
	@bash scripts/unpack.sh prometheus .dev/debian

# Python 3.11 and its venv module may be missing too, so this comes before everything else.
programs:
	@bash scripts/programs.sh $(APT)

$(VENV)/run.done: requirements/run.txt pyproject.toml | programs
	@bash scripts/venv.sh $(PYTHON) $(VENV) requirements/run.txt
	@touch $@

$(VENV)/dev.done: requirements/dev.txt pyproject.toml | programs
	@bash scripts/venv.sh $(PYTHON) $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/run.done

$(VENV)/fuzz.done: requirements/fuzz.txt $(VENV)/dev.done
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/fuzz.txt \
	  2> >(grep -v '^WARNING: Location' >&2)
	@touch $@

# The tree under its import name, for tools that do not run import hooks.
.dev/netsonde:
	@mkdir -p .dev && ln -sfn ../src .dev/netsonde

clean:  ## remove what the targets made
	rm -rf $(VENV) .dev .fuzz .node build dist src/*.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# make demo and make test each work alone, as the first command in a fresh clone.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types imports tests kafka kafka-stop flink flink-stop chaos parity bench bench-serving dist clean runtime development ducklake readers spark peers deploy-check page screenshots

DEMO_SECONDS ?= 30
BIN := .venv/bin
PACKAGES := run.py dataflow sinks query runtime proof doctor starter emit serve flink spark cli tidemill pipelines deploy bench tests

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: runtime ## the main job on a made-up ad stream, for DEMO_SECONDS (default 30); needs no service
	@DEMO_SECONDS=$(DEMO_SECONDS) $(BIN)/tidemill demo

test: check ## set everything up, then every check and every test

check: lint types imports tests ## form, rules, types, imports and tests

format: development ## rewrite the code in the project's form
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

lint: development ## is the code in form, and does it keep the rules
	$(BIN)/ruff format --check --quiet --diff .
	$(BIN)/ruff check .

types: development ## mypy, strict
	$(BIN)/mypy $(PACKAGES)

imports: development ## who may import whom
	$(BIN)/lint-imports

tests: development ducklake readers spark
	@sh deploy/tests.sh

kafka: runtime ## start a real Apache Kafka on 127.0.0.1; needs Java 17 and Maven
	@$(BIN)/tidemill kafka start

kafka-stop: runtime ## end it
	@$(BIN)/tidemill kafka stop

flink: runtime ## start a real Apache Flink on 127.0.0.1, with its SQL gateway; needs Java 17 and Maven
	@$(BIN)/tidemill flink up

flink-stop: runtime ## end it
	@$(BIN)/tidemill flink down

chaos: development ducklake ## 300 kills and every other fault on real Kafka; CHAOS="--kills 1000 --seed 2" for others
	$(BIN)/python -m tests.chaos --write $(CHAOS)

parity: development spark ## Flink, Spark, Tidemill and DuckDB over the same offsets, every case; PARITY="--only sessions" for some
	$(BIN)/python -m tests.flink.parity --write $(PARITY)

bench: runtime spark peers ## everything measured, beside other engines, then bench/RESULTS.md and plots; BENCH="--quick" for a trial
	$(BIN)/python -m bench.all $(BENCH)

bench-serving: runtime ducklake ## how fast answers are, beside the official DuckLake client; writes docs/serving.md
	$(BIN)/python -m bench.serving --write

deploy-check: development ## the files in deploy/ by the programs that read them: systemd, promtool, Compose, Grafana
	@sh deploy/check.sh

page: ## build the page of page/ into serve/page/; needs Node 20 and npm
	@sh deploy/page.sh

screenshots: development ## docs/images/page-light.png and page-dark.png, of the page in Chromium over a real lake
	@sh deploy/browser.sh
	@$(BIN)/python -m tests.page.screenshots

dist: development ## wheel and sdist of the last commit into dist/, built twice and compared byte by byte
	@$(BIN)/python -m deploy.packaging.dist

clean: ## remove the environments, caches and dist/; never a lake, its recovery folder or Kafka's data
	rm -rf .venv .venv-ducklake .venv-readers .venv-spark .venv-peer-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist tidemill.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@sh deploy/bootstrap.sh run

development:
	@sh deploy/bootstrap.sh dev

ducklake: ## the environment with the official DuckLake client, for the tests
	@sh deploy/bootstrap.sh ducklake

spark: ## the environment with Apache Spark's Python, for `tidemill spark run` and the tests
	@sh deploy/bootstrap.sh spark

peers: ## the environments of other engines, for `make bench`; one that cannot be made is left out
	@for name in quix pathway laminardb; do sh deploy/bootstrap.sh peer $$name || true; done

readers: ## the environment with other readers of lake and API, for the tests
	@sh deploy/bootstrap.sh readers

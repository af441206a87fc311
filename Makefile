# rsdbt: `make demo` shows everything on real input, `make test` tests everything. Both do all set-up themselves.

CARGO   ?= cargo
TARGET  ?= $(or $(CARGO_TARGET_DIR),target)
BIN     := $(TARGET)/release/rsdbt
LIB_DIR := target/libduckdb

UNAME_S := $(shell uname -s)
UNAME_M := $(shell uname -m)
ifeq ($(UNAME_S),Darwin)
  PLATFORM := darwin-$(if $(filter arm64,$(UNAME_M)),arm64,x64)
  LIB := libduckdb.dylib
else
  PLATFORM := linux-$(if $(filter aarch64 arm64,$(UNAME_M)),arm64,x64)
  LIB := libduckdb.so
endif

# The newest 1.5 that DuckDB publishes for each platform.
DUCKDB_NPM_VERSION := $(if $(filter linux-x64,$(PLATFORM)),1.5.6-r.1,1.5.5-r.5)

# Without npm libduckdb is compiled from source, into the binary.
ifneq ($(shell command -v npm 2>/dev/null),)
  FEATURES :=
  LIBRARY  := $(LIB_DIR)/$(LIB)
else
  FEATURES := --no-default-features --features cloud,bundled
  LIBRARY  :=
endif

# What a failed command leaves is not taken for the real thing.
.DELETE_ON_ERROR:

.PHONY: compare-state demo build lib test fmt clippy test-dbt test-bigquery test-pubsub test-gcp-pubsub test-browser test-crash test-all doc bench-events conformance certify certify-jinja fuzz dist clean-demo bench-ml

demo: build
	scripts/demo.sh $(BIN)

# The library is fetched while the program compiles: it is opened at run time, not linked.
build:
ifeq ($(LIBRARY),)
	@echo "npm was not found: compiling DuckDB from source, which takes about 20 minutes"
	$(CARGO) build --release $(FEATURES)
else
	@scripts/libduckdb.sh $(PLATFORM) $(DUCKDB_NPM_VERSION) $(LIBRARY) & fetch=$$!; $(CARGO) build --release && wait $$fetch
	@cmp -s $(LIBRARY) $(TARGET)/release/$(LIB) || cp $(LIBRARY) $(TARGET)/release/$(LIB)
endif

lib: $(LIB_DIR)/$(LIB)

$(LIB_DIR)/$(LIB):
	scripts/libduckdb.sh $(PLATFORM) $(DUCKDB_NPM_VERSION) $@

# Crashes and faults on request are no part of what users run, so their tests have a program of their own. It shares the
# folder of what was compiled: only `sys` and what stands on it is compiled once more, and no dependency. Its program lies
# in a folder of its own, so that $(BIN) stays the one without failpoints.
FAILPOINTS := CARGO_BUILD_BUILD_DIR="$(abspath $(TARGET))" CARGO_TARGET_DIR="$(abspath $(TARGET))/failpoints"
FAILPOINT_TESTS := $(FAILPOINTS) $(CARGO) test --release $(FEATURES) --features failpoints --test it --

# One profile for everything: the program that users run is the one that is tested, but for the crashes. Examples are benchmarks;
# clippy compiles them, and no test needs them linked.
test: build
	scripts/ensure_chromium.sh
	$(CARGO) test --release --lib --bins --tests $(FEATURES)
	$(FAILPOINT_TESTS) crash:: cloud::landing::

fmt:
	$(CARGO) fmt --check

# In the release profile what was compiled for the build serves here too.
clippy:
	$(CARGO) clippy --release --all-targets $(FEATURES) -- -D warnings

# What rustdoc warns of is an error.
doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --workspace $(FEATURES)

# Every suite there is; the end says how each went.
test-all:
	scripts/test_all.sh test test-dbt conformance test-pubsub test-bigquery test-crash test-browser test-gcp-pubsub certify certify-jinja fuzz

# dbt's own adapter tests, driven through the binary (needs ../shared and pip). UPDATE=1 writes the list of those that pass.
test-dbt: build
	scripts/dbt_suite.sh $(BIN)

# The cloud adapter against an emulator of BigQuery (needs pip).
test-bigquery: build
	scripts/test_bigquery.sh $(BIN)

# Google's official Python client against `rsdbt pubsub serve` (needs pip).
test-pubsub: build
	scripts/test_pubsub.sh $(BIN)

# Google's official Rust client behind `--bus gcp` against `rsdbt pubsub serve`: kills in the middle, 0 lost, 0 doubled (5 min).
test-gcp-pubsub: $(LIBRARY)
	$(FAILPOINTS) $(CARGO) test --release $(FEATURES) --features gcp-pubsub,failpoints --lib --test it gcp::

# Shoppers in headless Chromium: what they click is what lands, and no process stays (needs Chromium).
test-browser: $(LIBRARY)
	scripts/ensure_chromium.sh
	$(CARGO) test --release $(FEATURES) --features browser --test it browser::

# 200 processes that die at chosen steps: no event lost, none twice.
test-crash: build
	RSDBT_CRASH_RUNS=200 $(FAILPOINT_TESTS) crash::

# Speed and memory of the event stream, with ratios to the targets and to a peer.
bench-events: build
	$(CARGO) run --release $(FEATURES) --example bench_events

# BigQuery ML beside scikit-learn, with the ratios that have to hold (needs pip).
bench-ml: build
	scripts/bench_ml.sh

# BigQuery SQL cases against BigQuery's answers (needs ../shared). UPDATE=1 writes the list of those that pass.
conformance: build
	scripts/conformance.sh $(BIN)

# Types and rows of every SQL fixture are what Google's reference implementation of GoogleSQL says (needs pip).
certify:
	scripts/certify.sh

# Every Jinja fixture against dbt itself (needs pip); `make certify-jinja WRITE=--write` fills in missing answers.
DBT_VENV := target/dbt-jinja
certify-jinja:
	test -f $(DBT_VENV)/ready || { python3 -m venv $(DBT_VENV) && $(DBT_VENV)/bin/pip install -q 'dbt-core==1.11.16' && touch $(DBT_VENV)/ready; }
	$(DBT_VENV)/bin/python scripts/certify_jinja.py $(WRITE)

# A history of edits: what `state:` selects after each is what dbt selects (needs pip). EDITS=300 for a long one.
EDITS ?= 40
STATE_VENV := target/dbt-state
compare-state: build
	test -f $(STATE_VENV)/ready || { python3 -m venv $(STATE_VENV) && $(STATE_VENV)/bin/pip install -q 'dbt-core==1.11.16' 'dbt-duckdb==1.11.1' && touch $(STATE_VENV)/ready; }
	$(STATE_VENV)/bin/python scripts/compare_state.py $(BIN) $(EDITS)

# Changed fixtures at every reader of text and requests, SECONDS in sum; PROFILE=dev also checks overflows.
SECONDS ?= 60
SEED    ?= 1
PROFILE ?= release
fuzz: $(LIBRARY)
	RSDBT_LIBDUCKDB=$(abspath $(LIBRARY)) CARGO="$(CARGO)" scripts/fuzz.sh $(SECONDS) $(SEED) $(PROFILE)

# A tarball and a Python wheel of everything in target/dist, tried out in an empty environment (needs pip).
DIST_PROFILE ?= release
dist: $(LIBRARY)
	scripts/dist.sh $(DIST_PROFILE) $(LIBRARY)

clean-demo:
	rm -rf project/target project/live_shopping.duckdb*

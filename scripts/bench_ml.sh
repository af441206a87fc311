#!/usr/bin/env bash
# BigQuery ML's speed beside scikit-learn's, in one run on this machine (needs pip). Called by `make bench-ml`.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=target/bench_ml
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/pip -q install scikit-learn
threads=$(nproc)
figures=target/bench_ml.txt
cargo run --release --example bench_ml > $figures
OMP_NUM_THREADS=$threads OPENBLAS_NUM_THREADS=$threads $venv/bin/python scripts/bench_ml.py $figures

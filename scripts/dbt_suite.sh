#!/usr/bin/env bash
# dbt-tests-adapter through the binary: how many of expected.txt pass.
set -euo pipefail
rsdbt=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
suite=$(cd "$(dirname "$0")/../../shared/dbt_suite" && pwd)
venv=target/venv-dbt
if [ ! -x "$venv/bin/pytest" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q "dbt-core<1.12" dbt-duckdb "duckdb==1.5.6" dbt-tests-adapter pytest pytest-xdist pytest-timeout
fi
log=target/dbt_suite.log
DBT_CLI=$rsdbt "$venv/bin/pytest" -p no:cacheprovider -W ignore -q -n 2 --timeout 120 -rA "$suite" >"$log" 2>&1 || true
passed=$(grep -oE '^PASSED .*' "$log" | sed -E 's/^PASSED ([^ ]*\.py::)?//' | sort -u | comm -12 - <(sort -u "$suite/expected.txt") | wc -l)
echo "$passed of $(wc -l <"$suite/expected.txt") expected tests pass (log: $log)"

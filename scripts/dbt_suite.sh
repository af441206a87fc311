#!/usr/bin/env bash
# dbt-tests-adapter through the binary; fails when a test of tests/expected/dbt_suite.txt does not pass.
# usage: dbt_suite.sh RSDBT
set -euo pipefail
rsdbt=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/.."
suite=$(scripts/shared.sh dbt_suite test_suite.py)
[ -n "$suite" ] || exit 0
venv=target/venv-dbt
if [ ! -f "$venv/ready" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q "dbt-core<1.12" dbt-duckdb "duckdb==1.5.6" dbt-tests-adapter pytest pytest-xdist pytest-timeout
  touch "$venv/ready"
fi
log=target/dbt_suite.log
# Single tests may fail (1 says so); what passed is judged below. Anything else is the suite itself that broke.
status=0
DBT_CLI=$rsdbt "$venv/bin/pytest" -p no:cacheprovider -W ignore -q -n 2 --timeout 120 -rA "$suite" >"$log" 2>&1 || status=$?
[ "$status" -le 1 ] || { tail -20 "$log" >&2; echo "FAILED: pytest ended with $status (log: $log)" >&2; exit 1; }
{ grep -oE '^PASSED .*' "$log" || true; } | sed -E 's/^PASSED ([^ ]*\.py::)?//' | LC_ALL=C sort -u >target/dbt_suite.passed
bar=$(LC_ALL=C sort -u "$suite/expected.txt" | LC_ALL=C comm -12 - target/dbt_suite.passed | wc -l)
echo "$bar of the $(wc -l <"$suite/expected.txt") tests that dbt itself passes pass (log: $log)"
scripts/compare_passed.sh test-dbt target/dbt_suite.passed tests/expected/dbt_suite.txt

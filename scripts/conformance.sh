#!/usr/bin/env bash
# BigQuery SQL cases, one process each; fails when a case of tests/expected/conformance.txt does not give BigQuery's answer.
# usage: conformance.sh RSDBT
set -euo pipefail
rsdbt=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/.."
suite=$(scripts/shared.sh conformance run.py)
[ -n "$suite" ] || exit 0
report=target/conformance.jsonl
rm -f "$report"
# It ends with 1 while a single case fails: what passed is judged below.
python3 "$suite/run.py" --cli "$rsdbt sql --local --output json" --report "$report" || true
python3 -c 'import json, sys
for line in sys.stdin:
    case = json.loads(line)
    if case["verdict"] == "pass":
        print(case["id"])' <"$report" >target/conformance.passed
scripts/compare_passed.sh conformance target/conformance.passed tests/expected/conformance.txt

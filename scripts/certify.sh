#!/usr/bin/env bash
# The SQL fixtures against Google's reference implementation of GoogleSQL. It is installed into target/, nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=target/certify/venv
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import zetasql' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'zetasql==0.1.5'
fi
exec "$venv/bin/python" scripts/certify.py "$@"

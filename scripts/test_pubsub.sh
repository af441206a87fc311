#!/usr/bin/env bash
# Google's official Python client against the local broker. The client is installed into target/, nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
venv=target/pubsub-client
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import google.cloud.pubsub_v1' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'google-cloud-pubsub==2.44.0'
fi
exec "$venv/bin/python" tests/pubsub/conformance.py "$binary" "${@:2}"

#!/usr/bin/env bash
# Runs the cloud adapter against an emulator: local-bigquery where there is a Python 3.13, else bqemulator.
# Usage: test_bigquery.sh RSDBT
set -euo pipefail
cd "$(dirname "$0")/.."
rsdbt=$(realpath "$1")
venv=target/bigquery-emulator
export RSDBT_LIBDUCKDB=${RSDBT_LIBDUCKDB:-$(ls "$PWD"/target/libduckdb/libduckdb.* 2>/dev/null | head -1)}

find_python() {
  for candidate in python3.13 "$HOME"/.pyenv/versions/3.13*/bin/python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then echo "$candidate"; return; fi
  done
}

python=$(find_python)
name=${EMULATOR:-$([ -n "$python" ] && echo local-bigquery || echo bqemulator)}
[ "$name" = local-bigquery ] || python=python3

if [ ! -f "$venv-$name/ready" ]; then
  rm -rf "$venv-$name"
  "$python" -m venv "$venv-$name"
  pip="$venv-$name/bin/pip --disable-pip-version-check -q install"
  case $name in
    local-bigquery)
      # It asks for a DuckDB whose extensions no registry has; 1.5.5 with its extensions serves, set up without the network.
      $pip local-bigquery==0.4.0
      $pip --no-deps duckdb==1.5.5 duckdb-extension-ducklake==1.5.5 duckdb-extension-spatial==1.5.5
      file=$(find "$venv-$name" -path '*local_bigquery/engine/database.py')
      sed -i 's/con = duckdb.connect(config={"TimeZone": "UTC"})/con = duckdb.connect(); con.execute("LOAD icu"); con.execute("SET GLOBAL TimeZone = '"'UTC'"'")/' "$file"
      ;;
    bqemulator) $pip 'bqemulator[udf-js]==1.4.0' duckdb==1.5.5 duckdb-extension-spatial==1.5.5 ;;
  esac
  touch "$venv-$name/ready"
fi
# DuckDB looks for extensions below the home folder: the emulator gets one of its own.
home="$PWD/$venv-$name/home"
extensions="$home/.duckdb/extensions/v1.5.5/linux_amd64"
mkdir -p "$extensions"
find "$venv-$name/lib" -name '*.duckdb_extension' -exec cp -n {} "$extensions" \;
HOME="$home" "$venv-$name/bin/python" tests/bigquery/suite.py "$rsdbt" "$PWD/$venv-$name/bin/$name" "$name"

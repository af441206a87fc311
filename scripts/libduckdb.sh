#!/usr/bin/env bash
# The prebuilt libduckdb out of DuckDB's npm package; nothing of the package is run. Does nothing when it is there.
# usage: libduckdb.sh PLATFORM VERSION FILE
set -euo pipefail
platform=$1 version=$2 file=$3
[ ! -e "$file" ] || exit 0
folder=$(dirname "$file")
rm -rf "$folder"
mkdir -p "$folder"
npm install --ignore-scripts --no-audit --no-fund --loglevel=error --prefix "$folder/npm" "@duckdb/node-bindings-$platform@$version" >/dev/null || {
  echo "libduckdb $version for $platform could not be fetched by npm; without npm it is compiled from source" >&2
  exit 1
}
# At once, so that no interrupted copy is taken for the library.
mv "$folder/npm/node_modules/@duckdb/node-bindings-$platform/$(basename "$file")" "$file"
rm -rf "$folder/npm"

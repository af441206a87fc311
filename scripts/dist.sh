#!/usr/bin/env bash
# One tarball and one Python wheel in target/dist, each with the program (all features) and libduckdb, found relative to it.
# usage: dist.sh PROFILE LIBRARY
set -euo pipefail
cd "$(dirname "$0")/.."
profile=$1 library=$2
out=target/dist venv=target/venv-dist
commit=$(git rev-parse --short HEAD 2>/dev/null || true)
if [ ! -f "$venv/ready" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'maturin==1.16.0'
  touch "$venv/ready"
fi

rm -rf "$out"
mkdir -p "$out/data/data/lib/rsdbt"
cp "$library" "$out/data/data/lib/rsdbt/"
# Symbols for debuggers are a sixth of it.
if [ "$(uname)" = Darwin ]; then strip -x "$out/data/data/lib/rsdbt/"*; else strip --strip-unneeded "$out/data/data/lib/rsdbt/"*; fi

# Nothing of this machine is remembered: `.cargo/config.toml` speaks to running tests, and RSDBT_COMMIT is all that is built in.
RSDBT_COMMIT=$commit "$venv/bin/maturin" build --profile "$profile" --locked --strip --out "$out"

# The tarball holds what the wheel holds, so that there is one thing to test.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=rsdbt-$version-$(uname -m)-$(uname -s | tr '[:upper:]' '[:lower:]')
root=$out/$name
mkdir -p "$root/bin" "$root/lib" "$root/share/man/man1" "$root/share/completions" "$out/wheel"
"$venv/bin/python" -m zipfile -e "$out"/rsdbt-*.whl "$out/wheel"
cp "$out"/wheel/rsdbt-*.data/scripts/rsdbt "$root/bin/"
chmod +x "$root/bin/rsdbt"
cp -r "$out"/wheel/rsdbt-*.data/data/lib/rsdbt "$root/lib/"
cp LICENSE README.md COMPATIBILITY.md "$root/"
"$root/bin/rsdbt" man "$root/share/man/man1" >/dev/null
for shell in bash zsh fish; do "$root/bin/rsdbt" completions $shell >"$root/share/completions/rsdbt.$shell"; done
tar -C "$out" -cJf "$out/$name.tar.xz" "$name"
rm -rf "$out/wheel" "$out/data"
scripts/test_dist.sh "$out/$name.tar.xz" "$(echo "$out"/rsdbt-*.whl)" "$profile"

#!/usr/bin/env bash
# What `make dist` made, as a user gets it: an empty folder, an empty venv, no Rust, no npm, no variable of ours. Both run the
# whole demo there. Sizes are checked for what is optimised.
# usage: test_dist.sh TARBALL WHEEL PROFILE
set -euo pipefail
cd "$(dirname "$0")/.."
tarball=$(realpath "$1") wheel=$(realpath "$2") profile=$3
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }

# No cargo, rustc or npm below this PATH.
mkdir "$fresh/tools"
for tool in bash env dirname basename cat printf; do ln -s "$(command -v "$tool")" "$fresh/tools/$tool"; done
clean() { (cd "$fresh" && env -i HOME="$fresh/home" PATH="$fresh/tools" "$@"); }
for tool in cargo rustc npm; do clean bash -c "command -v $tool" && fail "$tool is in the PATH of the test"; done

tar -C "$fresh" -xf "$tarball"
python3 -m venv "$fresh/venv"
"$fresh/venv/bin/pip" install --quiet --no-index --disable-pip-version-check "$wheel"

for rsdbt in "$fresh"/rsdbt-*/bin/rsdbt "$fresh/venv/bin/rsdbt"; do
  # Generated code may name its file in a panic; the library's folder must not be known.
  ! grep -qF "$PWD/target/libduckdb" "$rsdbt" || fail "$rsdbt remembers $PWD/target/libduckdb"
  rm -rf "$fresh/work"
  mkdir -p "$fresh/work/scripts" "$fresh/home"
  git ls-files project seeds | tar -cf - -T - | tar -C "$fresh/work" -xf -
  cp scripts/demo.sh "$fresh/work/scripts/"
  clean "$rsdbt" --version
  clean "$fresh/work/scripts/demo.sh" "$rsdbt" >"$fresh/demo.log" 2>&1 || { cat "$fresh/demo.log"; fail "the demo of $rsdbt"; }
  grep -q 'Open the dashboard' "$fresh/demo.log" && [ -s "$fresh/work/project/target/dashboard.html" ] || fail "no dashboard"
  # Even a library that lies in the build's folder is not taken: only the one beside the program.
  library=$(find "$(dirname "$rsdbt")/.." -name 'libduckdb.*' | head -1)
  mv "$library" "$fresh/away"
  clean bash -c "echo 'select 1' | '$rsdbt' sql" 2>"$fresh/why" && fail "$rsdbt found another libduckdb than its own"
  grep -q 'libduckdb could not be loaded' "$fresh/why" || { cat "$fresh/why"; fail "no word about the library"; }
  mv "$fresh/away" "$library"
done

mega() { echo $(($(du -sb "$@" | awk '{sum += $1} END {print sum}') / 1000000)); }
unpacked=$(mega "$fresh"/rsdbt-*/) packed_tar=$(mega "$tarball") packed_wheel=$(mega "$wheel")
echo "unpacked $unpacked MB; $(basename "$tarball") $packed_tar MB, $(basename "$wheel") $packed_wheel MB"
if [ "$profile" = release ]; then
  [ "$unpacked" -le 100 ] && [ "$packed_tar" -le 35 ] && [ "$packed_wheel" -le 35 ] || fail "more than 100 MB unpacked or 35 MB packed"
fi

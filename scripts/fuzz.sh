#!/usr/bin/env bash
# All fuzz targets for SECONDS in sum. The locked versions and the build folder are those of the program.
# usage: fuzz.sh SECONDS SEED PROFILE
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1 seed=$2 profile=$3
cp Cargo.lock fuzz/Cargo.lock
"${CARGO:-cargo}" build --manifest-path fuzz/Cargo.toml --target-dir target --profile "$profile"
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
# What asks for more memory than this would end a laptop; the failed request ends the target.
ulimit -v "$((8 * 1024 * 1024))"
exec "target/$folder/rsdbt-fuzz" "$PWD" "$seconds" "$seed"

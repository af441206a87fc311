#!/usr/bin/env bash
# A suite that is not whole yet: what passes is compared with a checked-in list, so that every step back fails.
# usage: compare_passed.sh SUITE PASSED EXPECTED    (names of cases, one a line; UPDATE=1 writes EXPECTED)
set -euo pipefail
export LC_ALL=C
suite=$1 passed=$2 expected=$3
sort -u -o "$passed" "$passed"
[ -s "$passed" ] || { echo "$suite: nothing passed at all; $expected stays as it is" >&2; exit 1; }
if [ "${UPDATE:-}" = 1 ]; then
  mkdir -p "$(dirname "$expected")"
  cp "$passed" "$expected"
  echo "$suite: $(wc -l <"$passed") cases pass, written to $expected"
  exit 0
fi
lost=$(comm -23 <(sort -u "$expected") "$passed")
new=$(comm -13 <(sort -u "$expected") "$passed")
echo "$suite: $(wc -l <"$passed") cases pass, $(sort -u "$expected" | wc -l) were expected"
if [ -n "$new" ]; then
  printf '%s cases are new; keep them with: make %s UPDATE=1\n' "$(wc -l <<<"$new")" "$suite"
  sed 's/^/  new: /' <<<"$new" | head -20
fi
if [ -n "$lost" ]; then
  printf 'FAILED: %s cases of %s passed before and do not pass now:\n' "$(wc -l <<<"$lost")" "$expected" >&2
  sed 's/^/  lost: /' <<<"$lost" >&2
  exit 1
fi

#!/usr/bin/env bash
# Every suite there is, one after the other; the end says how each went. Fails when one of them fails.
# Suites beside the repository (../shared) must be there too, unless RSDBT_WITHOUT_SHARED=1.
# usage: test_all.sh MAKE_TARGET...
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/suites
verdicts=() failed=0
for suite in "$@"; do
  printf '\n==> make %s\n' "$suite"
  log=target/suites/$suite.log
  began=$SECONDS
  if "${MAKE:-make}" --no-print-directory "$suite" 2>&1 | tee "$log"; then verdict=ok; else verdict=FAILED failed=1; fi
  # A suite that was allowed to be left out has not passed.
  [ "$verdict" = ok ] && grep -q '^SKIPPED: ' "$log" && verdict=SKIPPED
  verdicts+=("$(printf '%-8s %-16s %4d s  %s' "$verdict" "$suite" $((SECONDS - began)) "$log")")
done
printf '\n'
printf '%s\n' "${verdicts[@]}"
exit $failed

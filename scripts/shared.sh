#!/usr/bin/env bash
# Prints the folder of a suite that lies beside the repository, in ../shared. A suite that is not there fails, unless
# RSDBT_WITHOUT_SHARED=1 says that it may be left out: then nothing is printed, and the reason goes to standard error.
# usage: shared.sh SUITE FILE
set -euo pipefail
suite=$1 file=$2
folder=$(cd "$(dirname "$0")/../.." && pwd)/shared/$suite
if [ -e "$folder/$file" ]; then
  echo "$folder"
elif [ "${RSDBT_WITHOUT_SHARED:-}" = 1 ]; then
  echo "SKIPPED: $suite was NOT run: $folder is not there, and RSDBT_WITHOUT_SHARED=1 allows that" >&2
else
  echo "FAILED: $suite cannot run: $folder/$file is not there (RSDBT_WITHOUT_SHARED=1 leaves it out)" >&2
  exit 1
fi

#!/usr/bin/env bash
# The browser tests need Chromium. Installs it where apt may; otherwise they are skipped, and say so.
set -u
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium >/dev/null && exit 0
fi
echo "WARNING: chromium is not installed and cannot be installed here: the browser tests will be skipped" >&2
exit 0

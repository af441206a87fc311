#!/usr/bin/env bash
# The browser tests need Chromium. Installs it where apt may; otherwise this fails, as the tests would.
set -eu
[ -z "${CHROME:-}" ] || exit 0
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium >/dev/null && exit 0
fi
echo "FAILED: the dashboard is tested in Chromium, which is not installed and cannot be installed here." >&2
echo "Install it, name it in CHROME, or run all other tests: cargo test --release --workspace -- --skip dashboard::figures" >&2
exit 1

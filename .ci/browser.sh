#!/usr/bin/env bash
# Opens the pages of davit in Chromium, and checks them with axe-core. SCREENSHOTS=DIR saves pictures of all pages, and
# PICTURES=$PWD/docs/pictures updates those in docs.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${DAVIT_TOOLS:-$PWD/.tools}
axe=axe-core@4.14.1

if [ "$(cat "$tools/axe/.version" 2>/dev/null)" != "$axe" ]; then
	npm install --prefix "$tools/axe" --no-save --no-audit --no-fund --loglevel=error "$axe"
	echo "$axe" >"$tools/axe/.version"
fi
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/davit" ./cmd/davit
cd .ci/browser
PATH=$bin:$PATH AXE=$tools/axe/node_modules/axe-core/axe.min.js go test -count=1 ./...

#!/usr/bin/env bash
# Runs every fuzz target of the module for TIME (default: 10s): .ci/fuzz.sh [TIME]
set -euo pipefail
cd "$(dirname "$0")/.."
for pkg in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "fuzz: $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-10s}" -fuzzminimizetime 1x "$pkg"
	done
done

#!/usr/bin/env bash
# Checks the workflows and makes a snapshot of a release, twice: the archives must be equal. Tools are built from their modules into
# the tools folder, once.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${DAVIT_TOOLS:-$PWD/.tools}
PATH=$tools/bin:$PATH
command -v actionlint >/dev/null || GOBIN=$tools/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
command -v goreleaser >/dev/null || GOBIN=$tools/bin go install github.com/goreleaser/goreleaser/v2@v2.15.1
actionlint
export HOMEBREW_TAP_TOKEN=none
goreleaser check
for run in one two; do
	goreleaser release --snapshot --clean --skip=publish,docker,sbom >"dist-$run.log" 2>&1 || { tail -30 "dist-$run.log"; exit 1; }
	sort dist/checksums.txt >"dist-$run.sums"
done
cmp dist-one.sums dist-two.sums
cat dist-two.sums
rm -f dist-one.* dist-two.*

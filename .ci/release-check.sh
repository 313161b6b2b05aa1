#!/usr/bin/env bash
# Checks the workflows, and makes a snapshot of a release twice: the archives must be equal. Then it publishes the snapshot to a
# registry on this machine, and verifies the pushed artifacts. The first run builds the tools into the tools folder.
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

work=$(mktemp -d)
davit=$(ls "$PWD"/dist/davit_linux_"$(go env GOARCH)"*/davit)
"$davit" serve --write --addr 127.0.0.1:0 "$work/registry" >"$work/serve.log" &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
for _ in $(seq 50); do
	host=$(grep -o '127\.0\.0\.1:[0-9]*' "$work/serve.log" | head -1) && break
	sleep 0.1
done
export COSIGN_PASSWORD=snapshot
(cd "$work" && "$davit" keygen release)
SIGN_KEY=$(cat "$work/release.key") .ci/publish.sh v0.0.0-snapshot "$host/davit"
"$davit" verify --require sbom --key "$work/release.pub" "$host/davit:0.0.0-snapshot"
"$davit" pull --verify-key "$work/release.pub" "$host/davit/archives:0.0.0-snapshot" -o "$work/archives"
(cd "$work/archives" && sha256sum --check --quiet checksums.txt)

# Run go install with a module proxy that has this commit as a version.
versions=$work/proxy/github.com/davit-oci/davit/@v
mkdir -p "$versions"
echo v0.0.1 >"$versions/list"
echo '{"Version":"v0.0.1"}' >"$versions/v0.0.1.info"
cp go.mod "$versions/v0.0.1.mod"
git archive --format=zip --prefix=github.com/davit-oci/davit@v0.0.1/ --output="$versions/v0.0.1.zip" HEAD
cache=$(go env GOMODCACHE)
(cd "$work" && GOBIN=$work/bin GOMODCACHE=$work/mod GOFLAGS=-modcacherw GONOSUMDB=github.com/davit-oci \
	GOPROXY="file://$work/proxy,file://$cache/cache/download,$(go env GOPROXY)" \
	go install github.com/davit-oci/davit/cmd/davit@latest)
"$work/bin/davit" version
"$work/bin/davit" version | grep -q '^version  *0\.0\.1$'

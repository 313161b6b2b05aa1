#!/bin/sh
# Publishes the container image of a release with davit itself: pushes it for two platforms, attaches an SBOM, and signs both.
#
#	REGISTRY_USER=… REGISTRY_TOKEN=… SIGN_KEY=… COSIGN_PASSWORD=… .ci/publish.sh v1.2.3 [REPOSITORY]
#
# The programs are those in dist/, where goreleaser puts them. SIGN_KEY is the private key itself; without it nothing is signed.
set -eu
cd "$(dirname "$0")/.."
version=${1#v}
repository=${2:-ghcr.io/davit-oci/davit}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -trimpath -o "$work/davit" ./cmd/davit
davit=$work/davit
for arch in amd64 arm64; do
	mkdir -p "$work/image/$arch/etc/ssl/certs"
	cp "$(ls -d dist/davit_linux_${arch}*/davit)" "$work/image/$arch/davit"
	cp /etc/ssl/certs/ca-certificates.crt "$work/image/$arch/etc/ssl/certs/"
done
cat >"$work/image/davit.yaml" <<YAML
kind: image
name: davit
version: $version
annotations: {org.opencontainers.image.source: https://github.com/davit-oci/davit, org.opencontainers.image.licenses: Apache-2.0}
platforms:
  - {platform: linux/amd64, layers: [{path: amd64/, title: /}], config: {config: {Entrypoint: [/davit]}}}
  - {platform: linux/arm64, layers: [{path: arm64/, title: /}], config: {config: {Entrypoint: [/davit]}}}
YAML
case $repository in
*.*/* | *:*/*) [ -z "${REGISTRY_USER-}" ] || echo "$REGISTRY_TOKEN" | "$davit" login "${repository%%/*}" --username "$REGISTRY_USER" --password-stdin ;;
esac
image=$("$davit" push --quiet "$work/image" "$repository:$version" --tag latest)
go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 app -json -licenses -main cmd/davit -output "$work/davit.cdx.json" .
"$davit" attach --quiet "$work/davit.cdx.json" "$image"
if [ -n "${SIGN_KEY-}" ]; then
	"$davit" sign --key env://SIGN_KEY --referrers --each-platform "$image"
fi
echo "$image"

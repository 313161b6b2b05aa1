#!/bin/sh
# Publishes a release with davit itself: pushes the container image for two platforms, attaches an SBOM, pushes the archives and
# packages as an artifact beside it (REPOSITORY/archives), and signs all of them.
#
#	REGISTRY_USER=… REGISTRY_TOKEN=… SIGN_KEY=… COSIGN_PASSWORD=… .ci/publish.sh v1.2.3 [REPOSITORY]
#
# It takes the programs from dist/, where goreleaser writes them. SIGN_KEY is the private key itself; without it, nothing is signed.
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
  - {platform: linux/amd64, layers: [amd64/], config: {config: {Entrypoint: [/davit]}}}
  - {platform: linux/arm64, layers: [arm64/], config: {config: {Entrypoint: [/davit]}}}
YAML
case $repository in
*.*/* | *:*/*) [ -z "${REGISTRY_USER-}" ] || echo "$REGISTRY_TOKEN" | "$davit" login "${repository%%/*}" --username "$REGISTRY_USER" --password-stdin ;;
esac
image=$("$davit" push --quiet "$work/image" "$repository:$version" --tag latest)
go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 app -json -licenses -main cmd/davit -output "$work/davit.cdx.json" .
"$davit" attach --quiet "$work/davit.cdx.json" "$image" >/dev/null
archives=$(cd dist && "$davit" push --quiet --kind generic --name davit --version "$version" \
	*.tar.gz *.zip *.deb *.rpm checksums.txt "$repository/archives:$version")
if [ -n "${SIGN_KEY-}" ]; then
	"$davit" sign --key env://SIGN_KEY --referrers --each-platform "$image"
	"$davit" sign --key env://SIGN_KEY "$archives"
fi
printf '%s\n' "$image" "$archives"

#!/usr/bin/env bash
# Builds the pinned clients and registries that the tests run davit against.
#
#   .ci/clients.sh [core|extra|late|NAME]... (default: core extra)
#
# They are installed in $DAVIT_TOOLS/bin, by default .tools/bin of this tree. A
# client that exists there in the pinned version is not built again. If a client
# fails to build, that is reported, and the others are built; the exit code is 1
# only with DAVIT_REQUIRE_CLIENTS=1.
#
# `go install pkg@version` refuses modules with replace lines and queries a proxy
# for more than the version itself. So every client is built from a generated
# module with the client's requirements, replacements, and checksums. For a client
# that does not build this way, .ci/clients has a small program that uses its
# library.
set -uo pipefail

# group name module@version package (-: the program is in .ci/clients) tags
clients() { cat <<'EOF'
core  staticcheck   honnef.co/go/tools@v0.7.0                         cmd/staticcheck
core  registry      github.com/distribution/distribution/v3@v3.1.2    cmd/registry
core  olareg        github.com/olareg/olareg@v0.2.2                   cmd/olareg
core  regctl        github.com/regclient/regclient@v0.11.7            cmd/regctl
core  crane         github.com/google/go-containerregistry@v0.22.1    cmd/crane
core  oras          oras.land/oras@v1.3.3                             cmd/oras
core  helm          helm.sh/helm/v4@v4.3.1                            cmd/helm
extra wasm-to-oci   github.com/engineerd/wasm-to-oci@v0.1.2           cmd
extra notation      github.com/notaryproject/notation@v1.3.2          cmd/notation
extra modctl        github.com/modelpack/modctl@v0.2.2                .
extra dmr           github.com/docker/model-runner@v1.2.6             cmd/dmr
extra cosign        github.com/sigstore/cosign/v3@v3.1.3              cmd/cosign
extra docker-compose github.com/docker/compose/v5@v5.5.0              cmd
extra wazero        github.com/tetratelabs/wazero@v1.12.0            cmd/wazero
extra flux          github.com/fluxcd/pkg/oci@v0.50.0                 -
extra podman-artifact go.podman.io/common@v0.66.0                     -              containers_image_openpgp,exclude_graphdriver_btrfs
extra image-copy    go.podman.io/image/v5@v5.42.1                     -              containers_image_openpgp
late  cue           cuelang.org/go@v0.17.1                            cmd/cue
late  conftest      github.com/open-policy-agent/conftest@v0.71.1     .
late  opa           github.com/open-policy-agent/opa@v1.22.4          .
late  falcoctl      github.com/falcosecurity/falcoctl@v0.13.0         .
late  tofu          github.com/opentofu/opentofu@v1.12.6              cmd/tofu
late  tkn           github.com/tektoncd/cli@v0.44.0                        -
EOF
}

root=$(cd "$(dirname "$0")/.." && pwd)
tools=${DAVIT_TOOLS:-$root/.tools}
bin=$tools/bin
log=$tools/log
mkdir -p "$bin" "$log"
export GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=mod CGO_ENABLED=0
unset GOOS GOARCH GOBIN

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v flock >/dev/null; then
	exec 9>"$tools/.lock" && flock 9 # two checkouts may share a tools folder
fi

# wrapper MODULE@VERSION creates a module with the client's requirements in the
# current folder. It drops replacements by a path in the client's repository.
wrapper() {
	local dir
	dir=$(go mod download -json "$1" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
	[ -f "$dir/go.mod" ] || return 1
	sed '/=> *\.\.*\//d' "$dir/go.mod" >go.mod
	cat "$dir/go.sum" >go.sum
	go mod edit -module=wrapper -require="$1" go.mod
}

# build NAME MODULE@VERSION PACKAGE [TAGS] builds a client into $bin.
build() {
	local name=$1 mod=$2 pkg=${2%@*}/$3 tags=${4-}
	mkdir "$work/$name" && cd "$work/$name" || return
	if [ "$3" = - ]; then
		pkg=. && cp "$root/.ci/clients/$name"/*.go . || return
	fi
	wrapper "$mod" &&
		go build -trimpath -ldflags='-s -w' -tags "$tags" -o "$name.out" "$pkg" &&
		mv "$name.out" "$bin/$name"
}

failed=
TIMEFORMAT='%R s, cpu %U s'
while read -r group name mod pkg tags; do
	case " ${*:-core extra} " in *" $group "* | *" $name "*) ;; *) continue ;; esac
	stamp="$mod $pkg $tags $(go env GOVERSION)"
	[ "$pkg" != - ] || stamp="$stamp $(cksum <"$root/.ci/clients/$name/main.go")"
	if [ -x "$bin/$name" ] && [ "$(cat "$bin/.$name" 2>/dev/null)" = "$stamp" ]; then
		continue
	fi
	printf 'clients: %s %s: ' "$name" "${mod#*@}" >&2
	if { time (build "$name" "$mod" "$pkg" "$tags" </dev/null); } >"$log/$name" 2>&1; then
		echo "$stamp" >"$bin/.$name"
		tail -n 1 "$log/$name" >&2
	else
		echo failed >&2
		tail -n 5 "$log/$name" >&2
		failed="$failed $name"
	fi
done < <(clients)

[ -z "$failed" ] && exit
echo "clients: not built:$failed (logs in $log)" >&2
[ "${DAVIT_REQUIRE_CLIENTS-}" != 1 ]

#!/usr/bin/env bash
# write.sh DAVIT EXAMPLES: writes the corpus into this directory, with a davit of an earlier version and the examples of its
# source tree. Needs bash, tar, gzip, strace (which kills davit at a chosen system call), and a registry with accounts:
# the "registry" program of distribution and htpasswd. The version that wrote what is committed is commit c162a4e.
#
# Don't renew what is committed: a later version adds archives of its own.
set -euo pipefail
davit=$(realpath "$1") examples=$(realpath "$2") out=$(cd "$(dirname "$0")" && pwd)
served=127.0.0.1:5791 private=127.0.0.1:5792
top=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$top"' EXIT
mkdir "$top/corpus" "$top/home" && cd "$top/corpus"
export HOME=$top/home XDG_CACHE_HOME=$top/corpus/cache XDG_STATE_HOME=$top/corpus/state DOCKER_CONFIG=$top/corpus/docker
export DAVIT_PROGRESS=none SOURCE_DATE_EPOCH=1700000000
umask 022

# sources: the examples, and what they leave out.
cp -r "$examples" src
rm -f src/README.md src/demo.sh
mkdir -p src/hidden/.hidden/sub src/dirs/{plain,zipped,zstd} src/split/tree src/big src/platforms src/v1/tree src/v2/tree src/one
printf 'kind: generic\nname: hidden\nlayers: [{path: .hidden, packing: tar+zstd}]\n' >src/hidden/davit.yaml
echo a >src/hidden/.hidden/a.txt
echo b >src/hidden/.hidden/sub/b.txt
for dir in plain zipped zstd; do
	echo "$dir" >src/dirs/$dir/file
	ln -s file src/dirs/$dir/link
	mkdir src/dirs/$dir/empty
done
cat >src/dirs/davit.yaml <<-EOF
	kind: generic
	name: dirs
	layers:
	  - {path: plain, packing: tar}
	  - {path: zipped, packing: tar+gzip}
	  - {path: zstd, packing: tar+zstd}
EOF
for i in 0 1 2 3 4 5 6 7 8 9; do # ten times one MiB: two groups of at most 8 MiB
	{ yes "part $i of the tree" || true; } | head -c 1048576 >src/split/tree/part-$i
done
printf 'kind: generic\nname: split\nlayers: [{path: tree, packing: tar+zstd, split: true}]\n' >src/split/davit.yaml
for i in $(seq 1024); do { yes "block $i of a file that a journal is kept for" || true; } | head -c 8192; done >src/big/weights.bin
echo small >src/big/small.txt
printf 'kind: generic\nname: big\nlayers: [small.txt, weights.bin]\n' >src/big/davit.yaml
echo amd64 >src/platforms/amd64
echo arm64 >src/platforms/arm64
echo '{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "a", "dataLicense": "CC0-1.0", "documentNamespace": "https://example.com/a"}' >src/platforms/a.spdx.json
cat >src/platforms/davit.yaml <<-EOF
	kind: generic
	name: platforms
	platforms:
	  - {platform: linux/amd64, layers: [{path: amd64, title: program}]}
	  - {platform: linux/arm64, layers: [{path: arm64, title: program}]}
	referrers:
	  - {kind: sbom, layers: [a.spdx.json]}
EOF
for f in a b c; do echo $f >src/v1/$f.txt; done
echo b >src/v2/b.txt
echo C >src/v2/c.txt
echo d >src/v2/d.txt
for v in v1 v2; do
	echo $v >src/$v/tree/one
	echo same >src/$v/tree/two
	printf 'kind: generic\nname: plain\nlayers: ["*.txt", {path: tree, packing: tar+gzip}]\n' >src/$v/davit.yaml
done
echo one >src/one/one.txt

# layouts and archives. A file is in the cache of digests only when it is older than two seconds.
sleep 3
for dir in src/*/; do
	[ "$dir" = src/one/ ] || "$davit" pack "$dir" -o "./oci:$(basename "$dir")" --quiet
done
"$davit" pack src/one/one.txt -o ./one --quiet
"$davit" attach src/platforms/a.spdx.json ./oci:wasm --quiet
for tag in generic helm platforms; do "$davit" copy --referrers ./oci:$tag ./oci.tar:$tag --quiet; done
"$davit" serve ./oci --addr $served --write 2>serve.log &
for _ in $(seq 100); do "$davit" tags $served/oci >/dev/null 2>&1 && break; sleep 0.1; done

# pulled: beside each directory is the record of what was placed in it.
mkdir pulled
for tag in generic helm flux model docs v1; do "$davit" pull ./oci:$tag -o pulled/$tag --quiet; done
"$davit" pull ./oci.tar:generic -o pulled/archive --quiet
"$davit" pull $served/oci:v1 -o pulled/registry --quiet
"$davit" pull ./oci:v1 -o pulled/changed --quiet
echo mine >pulled/changed/c.txt
mkdir pulled/here && (cd pulled/here && "$davit" pull ../../oci:v1 --quiet) # remembered in the state directory

# killed: SIGKILL, or SIGINT, at a system call.
mkdir killed
at() { # SIGNAL CALL WHEN PATH TARGET DIR
	local path=()
	[ "$4" = - ] || path=(-P "$4")
	strace -f -o trace "${path[@]}" -e "trace=$2" -e "inject=$2:signal=$1:when=$3" "$davit" pull "$5" -o "$6" --quiet || true
}
at KILL pwrite64 8 - $served/oci:big killed/download
at INT pwrite64 8 - $served/oci:big killed/interrupted
mkdir killed/placing
at KILL renameat 3 "$PWD/killed/placing" ./oci:v1 killed/placing
"$davit" pull ./oci:v1 -o killed/replacing --quiet
at KILL linkat 2 - ./oci:v2 killed/replacing
at KILL renameat 1 "$PWD/killed/.unrecorded.davit.json.new" ./oci:v1 killed/unrecorded
"$davit" pull ./oci:v1 -o killed/unpacking --quiet
at KILL symlinkat 2 - ./oci:dirs killed/unpacking

# login: an account that docker and davit share.
htpasswd -Bbn user secret >"$top/htpasswd"
cat >"$top/registry.yaml" <<-EOF
	version: 0.1
	storage: {filesystem: {rootdirectory: $top/registry}}
	http: {addr: $private}
	auth: {htpasswd: {realm: corpus, path: $top/htpasswd}}
EOF
registry serve "$top/registry.yaml" >/dev/null 2>&1 &
for _ in $(seq 100); do echo secret | "$davit" login $private --username user --password-stdin --quiet 2>/dev/null && break; sleep 0.1; done
sed "s/$private/HOST/g" "$DOCKER_CONFIG/config.json" >"$out/docker-config.json"

# What davit says of it, as later versions must.
mkdir expected
for tag in $("$davit" tags ./oci); do
	"$davit" inspect ./oci:$tag --format json >expected/$tag.inspect.json
	# The version of the corpus can't read what it wrote for .hidden.
	"$davit" ls ./oci:$tag --platform linux/amd64 --format json >expected/$tag.ls.json || rm expected/$tag.ls.json
done

pack() { # NAME PATH...
	tar --format=pax --pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime --sort=name --owner=0 --group=0 --numeric-owner -cf - "${@:2}" |
		gzip -9n >"$out/$1.tar.gz"
}
mv "state/davit/pulled/"*here.json state/davit/pulled/here.json # its name was the path of the directory
pack sources src
pack layouts oci oci.tar one
pack pulled pulled state
pack killed killed
pack caches cache
rm -rf "$out/expected" && cp -r expected "$out/expected"

# The problems of declarations.txtar.
awk -v top="$top/declarations/" '/^-- .* --$/ { file = top $2; dir = file; sub("/[^/]*$", "", dir); system("mkdir -p " dir); printf "" > file; next }
	file { print > file }' "$out/declarations.txtar"
{
	sed '/^-- /,$d' "$out/declarations.txtar"
	cd "$top/declarations"
	for dir in *; do
		rm -f "$dir/problems"
		("$davit" check "$dir" 2>&1 >/dev/null || true) | sed -n 's/^davit: error: //p' >"$top/problems"
		find "$dir" -type f | sort | while read -r file; do echo "-- $file --" && cat "$file"; done
		echo "-- $dir/problems --" && cat "$top/problems"
	done
} >"$top/declarations.txtar"
mv "$top/declarations.txtar" "$out/declarations.txtar"

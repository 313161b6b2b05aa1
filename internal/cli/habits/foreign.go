// Package habits knows how commands and flags are named by other tools, and by other commands of davit.
package habits

import (
	"fmt"
	"slices"
	"strings"
)

// Commands lists commands of davit, each with its names in other tools. Without this list, a name of another tool would be
// taken for a misspelling of a similar command, such as fetch for detach, or get no hint. Two words are joined by a dot, as in
// repo.tags.
const Commands = `
attach: add annotate attest
browse: web
cache: delete-cache scan-cache
cat: blob
check: lint validate
copy: artifact.copy image.copy image.save clone cp export import load mirror mv promote save
copy --from-file: sync
delete: image.rm manifest.delete remove rm rmi untag
discover: artifact.list artifact.tree referrers tree
index: image.index manifest.create
init: create generate new
inspect: artifact describe history image info
inspect --config: config
inspect --manifest: manifest
keygen: generate-key-pair
login: auth registry whoami
ls: list
ls -l: du
pack: archive build package
prune: gc
pull: artifact.get artifact.pull image.pull download extract fetch get install run unpack
push: artifact.put artifact.push manifest.push publish upload
repos: catalog images ps repo.ls repo.list search
resolve: digest
show: view
show --alert: alert alerts
show --kind report: scan
show --kind runbook: runbook
show --kind sbom: sbom
tags: list-tags log repo.tags tag.ls
verify: fsck
`

// Flags lists flags of other tools, each line with the hint for them. A name such as push.t is a flag of that command only.
const Flags = `
V | "davit --version" prints the version
v verbose d debug-http | --debug shows each request
json j o output | --format json prints JSON
jsonpath jq | --format '{{.FIELD}}' prints a field; --format json shows the fields
tls-verify | --insecure does not check certificates; --plain-http uses plain HTTP
skip-tls-verify insecure-skip-tls-verify insecure-registry k | --insecure does not check certificates
cacert ca-cert cert-dir tlscacert | --ca-file FILE trusts a certificate authority
allow-http | --plain-http uses plain HTTP
n | --dry-run shows what would be done
verify.dry-run | without --repair, verify changes nothing, and lists the files that --repair would remove
authfile src-authfile dest-authfile | --registry-config FILE reads credentials from a file
creds | --username USER --password-stdin, or "davit login"
subject | the subject is the last argument
oci-layout oci-layout-path from-oci-layout to-oci-layout | a layout is a path: ./DIR:TAG
distribution-spec | referrers are found by the API and by tags
image-spec | manifests follow version 1.1 of the specification
annotation-file | annotations are in davit.yaml, or --annotation KEY=VALUE
image artifact to target | the target is an argument
file-type type attach.t | --kind sets the kind of the files
a | --annotation KEY=VALUE adds an annotation, and --artifact-type sets the type
show.a | --alert NAME shows the runbook for an alert
sign.k verify.k sign.private-key sign.privkey sign.signing-key | --key FILE is the key
no-trunc | digests are whole in a pipe and in JSON
push.t | the target is the last argument; --tag TAG adds a tag
pack.t | the target is -o PATH:TAG; --tag TAG adds a tag
push.no-overwrite push.immutable push.no-clobber tag.no-overwrite copy.no-overwrite | --if-absent does not move a tag that exists
push.platform pack.platform | platforms: in davit.yaml declares them; "davit index" joins artifacts of one platform each
pull.os pull.arch pull.override-os pull.override-arch copy.os copy.arch copy.override-os copy.override-arch | --platform OS/ARCH chooses a platform
copy.preserve-digests | a copy always has the digest of its source
push.disable-path-validation | any path can be packed; title: in davit.yaml sets its name on pull
push.export-manifest | "davit inspect --manifest TARGET" prints the manifest
detach.name | the name is an argument
sign.r sign.recursive | a signature of an index counts for its platforms; --referrers signs attachments, too
pull.check | "davit verify DIR" compares files with the artifact they come from
copy.key | --verify-key FILE checks the signature first; --sign-key FILE signs the copy
key public-key pubkey | --verify-key FILE checks signatures with a public key
key private-key privkey signing-key | --sign-key FILE signs with a private key
pull.untar pull.extract | archives that davit packed are unpacked; a chart stays one file: unpack it with tar or helm
serve.port serve.p serve.listen browse.port | --addr HOST:PORT is the address to listen on
sign.y sign.yes sign.tlog-upload | signing needs no confirmation, and uploads nothing to a transparency log
verify.insecure-ignore-tlog verify.private-infrastructure verify.offline | leave it out: no transparency log is read
verify.o verify.output verify.d | --dir DIR compares the files in a directory
verify.public-key verify.pubkey | --key FILE checks with a key
sign.keyless verify.keyless | signatures without keys are for cosign; "davit keygen" makes a pair of keys
attach.platform | attach to the manifest of one platform: "davit resolve --platform P SUBJECT" prints its digest; --each-platform attaches to all
attach.predicate attach.sbom | the file is an argument
push.o push.output | JSON is --format json; a target is an argument
init.o init.output | the argument is the directory that gets davit.yaml
pull.exclude | --include GLOB chooses files; no flag excludes files
pull.d pull.dir pull.destination pull.untardir pull.local-dir | -o DIR is the directory for the files
pull.revision | the tag or digest is a part of TARGET
pull.keep-old-files pull.overwrite | files that differ are kept, and --force overwrites them
pull.f | --force overwrites
pull.a | all files are pulled; --platform chooses a platform, --referrers adds attachments
pull.all-tags | "davit copy --all-tags" copies all tags
copy.a copy.all copy.multi-arch | every platform is copied; --all-tags copies every tag, --all-repos every repository
copy.r copy.recursive | --referrers copies the attachments, too
copy.from copy.f | --from-file LIST copies the artifacts in a list
copy.src-creds | --from-username USER and --from-password-stdin
copy.dest-creds | --to-username USER and --to-password-stdin
copy.src-tls-verify | --from-insecure, or --from-plain-http
copy.dest-tls-verify | --to-insecure, or --to-plain-http
prune.keep-within | --older-than AGE removes only older tags
delete.f delete.force prune.f prune.force | --yes does not ask
detach.f detach.force | --all removes all attachments without asking
discover.platform | the attachments of every platform are listed, too
detach.platform sign.platform | --each-platform includes the manifest of every platform
delete.platform tag.platform | "davit resolve --platform P TARGET" prints the digest to write after REPO@
discover.o discover.output | --format tree or --format json chooses the format
discover.alerts | "davit show --alert TARGET" lists the alerts
discover.artifact-type | --kind takes an artifactType, too
show.runbook | --alert NAME shows the runbook for an alert
show.list | "davit ls TARGET" lists the files
ls.all ls.a | all files are listed
ls.h | sizes are readable; --format json has bytes
inspect.raw | --manifest prints the manifest
verify.certificate-identity | signatures without keys are for cosign; --key FILE checks with a key
`

// HintForCommand returns the hint for a command of another tool, or "".
func HintForCommand(name string) string {
	for line := range strings.Lines(Commands) {
		known, names, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if slices.Contains(strings.Fields(names), strings.ToLower(name)) {
			return fmt.Sprintf("did you mean %q?", "davit "+known)
		}
	}
	return ""
}

// HintForFlag returns the hint for a flag of another tool, or "". A hint that begins with a flag is only for commands that have it: the
// first such hint counts, but those for one command come before those for all.
func HintForFlag(command, flag string, has func(flag string) bool) string {
	general := ""
	for line := range strings.Lines(Flags) {
		names, hint, _ := strings.Cut(strings.TrimSpace(line), " | ")
		instead, isFlag := strings.CutPrefix(strings.TrimRight(strings.Split(hint, " ")[0], ","), "--")
		flags := strings.Fields(names)
		switch {
		case isFlag && !has(instead):
		case slices.Contains(flags, command+"."+flag):
			return hint
		case general == "" && slices.Contains(flags, flag):
			general = hint
		}
	}
	return general
}

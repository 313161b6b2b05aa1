package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"github.com/davit-oci/davit/mediatypes"
	godigest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// runWith runs a command and checks that its output contains texts.
func (o *odd) runWith(want exit.Code, command string, texts ...string) {
	o.t.Helper()
	got := o.run(want, command)
	for _, text := range texts {
		if !strings.Contains(got, text) {
			o.t.Errorf("davit %s: no %q in\n%s", command, text, got)
		}
	}
}

// open opens a repository for writing.
func (o *odd) open(name string) registry.Target {
	o.t.Helper()
	host, repository, _ := strings.Cut(o.reg.Host+"/"+name, "/")
	target, err := registry.New(registry.Options{}).Open(o.t.Context(), registry.Reference{Registry: host, Repository: repository}, registry.Write)
	if err != nil {
		o.t.Fatal(err)
	}
	return target
}

// TestDeniedReferrers inspects an artifact in a registry that denies only the list of referrers.
func TestDeniedReferrers(t *testing.T) {
	withHome(t)
	for _, status := range []int{401, 403} {
		o := newOdd(t, registrytest.Options{})
		o.reg.Inject("GET referrers", faults.Always, faults.Status(status))
		o.runWith(exit.Done, "inspect $R/app:1", "layers", "unknown: ", fmt.Sprint(status, " ", http.StatusText(status)))
		o.runWith(exit.Done, "inspect $R/app:1 --format json", `"unlisted": "`)
		o.run(exit.Denied, "discover $R/app:1")
		o.run(exit.Denied, "pull --referrers $R/app:1 -o $D/out")
	}
}

// TestCosignTagsAreNotReferrers checks that detach does not remove an SBOM under a cosign tag, but hints at the davit delete that does.
func TestCosignTagsAreNotReferrers(t *testing.T) {
	withHome(t)
	for _, opts := range []registrytest.Options{{}, withoutAPI} {
		o := newOdd(t, opts)
		tag := "$R/app:" + o.listTag() + ".sbom"
		o.run(exit.Done, "push -q --kind sbom $D/one.spdx.json "+tag)
		hint := "davit delete " + strings.Replace(tag, "$R", o.reg.Host, 1)
		o.runWith(exit.NotFound, "detach --kind sbom $R/app:1", hint)
		o.runWith(exit.NotFound, "detach --all $R/app:1", hint)
		if got := o.run(exit.NotFound, "detach --kind report $R/app:1"); strings.Contains(got, hint) {
			t.Errorf("the SBOM is not a report:\n%s", got)
		}
		o.run(exit.Done, strings.TrimPrefix(hint, "davit "))
	}
}

// TestAttestationsWithSubject reads the attestations that BuildKit writes with and without oci-artifact=true.
func TestAttestationsWithSubject(t *testing.T) {
	withHome(t)
	for name, artifact := range map[string]bool{"oci-artifact": true, "image": false} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, registrytest.Options{})
			target := o.open("image")
			x := imageIndex{t, target}
			image, attestation := x.platform("amd64")
			if artifact {
				predicate := x.blob(mediatypes.InToto, []byte(`{"predicateType":"https://spdx.dev/Document"}`))
				predicate.Annotations = map[string]string{mediatypes.PredicateType: "https://spdx.dev/Document"}
				subject := ocispec.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size}
				own := x.document(ocispec.MediaTypeImageManifest, ocispec.Manifest{
					Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
					ArtifactType: mediatypes.BuildKitAttestation, Config: x.document(ocispec.MediaTypeEmptyJSON, struct{}{}),
					Layers: []ocispec.Descriptor{predicate}, Subject: &subject,
				})
				own.Platform, own.Annotations = attestation.Platform, attestation.Annotations
				attestation = own
			}
			index := x.document(ocispec.MediaTypeImageIndex, ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2},
				MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{image, attestation}})
			if err := target.Tag(t.Context(), index, "1"); err != nil {
				t.Fatal(err)
			}
			o.runWith(exit.Done, "discover --kind sbom $R/image:1", "linux/amd64", "spdx.dev/Document", attestation.Digest.String())
			left := o.run(exit.Done, "copy --platform linux/amd64 --referrers $R/image:1 $D/oci:1")
			if want := "left"; strings.Contains(left, want) == artifact || !strings.Contains(left, attestation.Digest.String()) {
				t.Errorf("copy of an attestation with a subject (%v): got\n%s", artifact, left)
			}
		})
	}
}

// TestReferrerWithoutFiles pulls a referrer that has only annotations, as oras attaches them.
func TestReferrerWithoutFiles(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	x := imageIndex{t, o.open("app")}
	digest, mediaType, body, _ := o.reg.Manifest("app", "1")
	desc := x.document(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.example.lifecycle",
		Config: x.document(ocispec.MediaTypeEmptyJSON, struct{}{}), Annotations: map[string]string{"end": "2027"}, Layers: []ocispec.Descriptor{},
		Subject: &ocispec.Descriptor{MediaType: mediaType, Digest: godigest.Digest(digest), Size: int64(len(body))},
	})
	o.runWith(exit.NotFound, "pull $R/app@"+desc.Digest.String()+" -o $D/out", "has no files, only annotations")
	o.run(exit.Done, "pull --referrers $R/app:1 -o $D/all")
	empty := x.document(ocispec.MediaTypeEmptyJSON, struct{}{})
	desc = x.document(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.example.lifecycle",
		Config: empty, Layers: []ocispec.Descriptor{empty},
		Subject: &ocispec.Descriptor{MediaType: mediaType, Digest: godigest.Digest(digest), Size: int64(len(body))},
	})
	o.runWith(exit.NotFound, "pull $R/app@"+desc.Digest.String()+" -o $D/out", "has no files, only annotations")
}

// TestReferrerWithMissingParts pulls attachments after another client deleted the manifest of one of them, and from a registry that
// lacks their layers.
func TestReferrerWithMissingParts(t *testing.T) {
	withHome(t)
	o := newOdd(t, withoutAPI)
	one := o.run(exit.Done, "attach -q --name one $D/one.spdx.json $R/app:1")
	two := o.run(exit.Done, "attach -q --name two $D/two.spdx.json $R/app:1")
	o.remove(strings.TrimSpace(one))
	_, digest, _ := strings.Cut(strings.TrimSpace(one), "@")
	o.runWith(exit.Done, "pull --referrers $R/app:1 -o $D/out", "gone", digest, "listed, but deleted", "referrers/sbom-")
	o.runWith(exit.Done, "pull --referrers $R/app:1 -o $D/out --format json", `"gone": [`)
	o.reg.Inject("GET blob", faults.Always, faults.Status(404))
	o.runWith(exit.NotFound, "pull --kind sbom "+strings.TrimSpace(two)+" -o $D/two", "two.spdx.json")
	o.runWith(exit.NotFound, "pull --referrers $R/app:1 --force -o $D/new", "not found")
}

// TestForeignLayer checks that the error names the URL of a layer that the registry does not have.
func TestForeignLayer(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	x := imageIndex{t, o.open("app")}
	foreign := ocispec.Descriptor{MediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Size: 1234,
		Digest: godigest.Digest("sha256:" + strings.Repeat("ab", 32)), URLs: []string{"https://user:secret@mcr.example.com/v2/x/blobs/sha256:0?sig=secret"}}
	config := x.document(ocispec.MediaTypeImageConfig, json.RawMessage(`{"os":"windows","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}`))
	desc := x.document(mediatypes.DockerManifest, ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: mediatypes.DockerManifest,
		Config: config, Layers: []ocispec.Descriptor{foreign}})
	for _, command := range []string{"pull $R/app@%s -o $D/out", "ls $R/app@%s", "show $R/app@%s"} {
		command = fmt.Sprintf(command, desc.Digest)
		o.runWith(exit.NotFound, command, "https://mcr.example.com/v2/x/blobs/sha256:0")
		if strings.Contains(o.run(exit.NotFound, command), "secret") {
			t.Errorf("%s prints a secret", command)
		}
	}
	o.run(exit.Done, "copy $R/app@"+desc.Digest.String()+" $D/oci:1")
	o.runWith(exit.NotFound, "pull $D/oci:1 -o $D/out", "https://mcr.example.com/v2/x/blobs/sha256:0")
}

// TestDroppedManifestType copies a referrer of the type that version 1.1 of the specification dropped to a registry that refuses it.
func TestDroppedManifestType(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	x := imageIndex{t, o.open("app")}
	digest, mediaType, body, _ := o.reg.Manifest("app", "1")
	old := x.document("application/vnd.oci.artifact.manifest.v1+json", map[string]any{
		"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "artifactType": "application/spdx+json",
		"blobs": []any{x.blob("text/plain", []byte("x"))}, "subject": map[string]any{"mediaType": mediaType, "digest": digest, "size": len(body)},
	})
	other := newOdd(t, registrytest.Options{})
	other.reg.Inject("PUT manifest", faults.Always, faults.At(old.Digest.String(), faults.Status(400)))
	o.runWith(exit.Network, "copy --referrers $R/app:1 "+other.reg.Host+"/app:2", "few registries accept")
	o.run(exit.Done, "copy --referrers $R/app:1 $D/oci:2")
}

// TestCompressedResponses pulls blobs from a registry that compresses responses although davit does not request it.
func TestCompressedResponses(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	for _, size := range []int{3, 5000, 400_000, 20 << 20} {
		name := fmt.Sprint("f", size)
		data := bytes.Repeat([]byte("davit\n"), size/6+1)[:size]
		if err := os.WriteFile(o.dir+"/"+name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		o.run(exit.Done, "push -q --kind generic $D/"+name+" $R/"+name+":1")
	}
	o.reg.Inject("GET blob", faults.Always, faults.Gzip())
	for _, size := range []int{3, 5000, 400_000, 20 << 20} {
		name := fmt.Sprint("f", size)
		o.run(exit.Done, "pull -q $R/"+name+":1 -o $D/out"+name)
		want, _ := os.ReadFile(o.dir + "/" + name)
		if got, err := os.ReadFile(o.dir + "/out" + name + "/" + name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: pulled %d bytes, %v, want the %d that were pushed", name, len(got), err, size)
		}
		if got := o.run(exit.Done, "cat $R/"+name+":1 "+name); got != strings.TrimSpace(string(want)) {
			t.Errorf("cat of %s: got %d bytes, want %d", name, len(got), size)
		}
	}
}

// TestErrorsAboutMalformedSBOMs checks that the error says why davit cannot read a document as an SBOM, with and without --kind and
// with any file name.
func TestErrorsAboutMalformedSBOMs(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	text := fmt.Sprintf(spdx, "x")
	var wide strings.Builder
	wide.WriteString("\xff\xfe")
	for _, c := range []byte(text) {
		wide.WriteString(string([]byte{c, 0}))
	}
	for _, name := range []string{"u", "u.json", "u.spdx.json"} {
		writeFile(t, o.dir+"/wide/"+name, wide.String())
		writeFile(t, o.dir+"/wrapped/"+name, `{"sbom":`+text+`}`)
		for _, kind := range []string{"", "--kind sbom "} {
			o.runWith(exit.BadUsage, "attach "+kind+"$D/wide/"+name+" $R/app:1", "UTF-16")
			o.runWith(exit.BadUsage, "attach "+kind+"$D/wrapped/"+name+" $R/app:1", "as GitHub's API exports it")
		}
	}
}

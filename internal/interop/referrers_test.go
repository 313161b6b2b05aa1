//go:build clients

package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// startServers returns the hosts of a registry without the referrers API and of one with it.
func startServers(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"fallback tag": clients.SharedDistribution(t).Host, "referrers API": clients.SharedOlareg(t).Host}
}

// pushImage pushes an image, and returns its reference HOST/NAME:v1 and its descriptor.
func pushImage(t *testing.T, host, name string) (ref string, desc ocispec.Descriptor) {
	t.Helper()
	ref = host + "/" + name + ":v1"
	result := push(t, example("image"), "", ref)
	return ref, ocispec.Descriptor{MediaType: result.MediaType, Digest: result.Digest, Size: result.Size}
}

// listAttachedKinds returns the kinds of the referrers of a subject, sorted.
func listAttachedKinds(t *testing.T, ref string, subject ocispec.Descriptor) []string {
	t.Helper()
	target, _ := open(t, ref, registry.Read)
	found, err := referrers.List(t.Context(), target, subject, referrers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, r := range found {
		kinds = append(kinds, r.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

// newCosign returns cosign with a new key.
func newCosign(t *testing.T) *clients.Client {
	t.Helper()
	cosign := clients.New(t, "cosign")
	cosign.Env = []string{"COSIGN_PASSWORD=", "COSIGN_YES=true"}
	cosign.Run("generate-key-pair")
	return cosign
}

// offline has the arguments for cosign to sign without a network.
var offline = []string{"--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry"}

// TestSignaturesAreRecognized signs and attests an image with cosign and notation, and checks that davit recognizes the referrers.
func TestSignaturesAreRecognized(t *testing.T) {
	t.Parallel()
	for name, host := range startServers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign, notation := newCosign(t), clients.New(t, "notation")
			ref, subject := pushImage(t, host, "signed")
			byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
			cosign.Run(append(append([]string{"sign"}, offline...), byDigest)...)
			predicate := filepath.Join(cosign.Home, "p.json")
			if err := os.WriteFile(predicate, []byte(`{"buildDefinition":{},"runDetails":{}}`), 0o644); err != nil {
				t.Fatal(err)
			}
			cosign.Run(append(append([]string{"attest", "--predicate", predicate, "--type", "slsaprovenance1"}, offline...), byDigest)...)
			notation.Run("cert", "generate-test", "--default", "davit.test")
			notation.Run("sign", "--insecure-registry", byDigest)
			if got, want := listAttachedKinds(t, ref, subject), []string{"attestation", "signature", "signature"}; !slices.Equal(got, want) {
				t.Errorf("got attachments of the kinds %q, want %q", got, want)
			}
		})
	}
}

// TestCosignTagsAreRecognized checks that davit recognizes a signature in cosign's older format, which is stored under a tag.
func TestCosignTagsAreRecognized(t *testing.T) {
	t.Parallel()
	cosign := newCosign(t)
	ref, subject := pushImage(t, clients.SharedDistribution(t).Host, "signed-by-tag")
	byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
	cosign.Run(append(append([]string{"sign", "--new-bundle-format=false"}, offline...), byDigest)...)
	wantKind(t, strings.TrimSuffix(ref, "v1")+"sha256-"+subject.Digest.Encoded()+".sig", "signature")
}

// TestCosignVerifiesAttachments attaches a bundle from a file that cosign wrote, and verifies the attestation with cosign.
func TestCosignVerifiesAttachments(t *testing.T) {
	t.Parallel()
	for name, host := range startServers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign := newCosign(t)
			ref, subject := pushImage(t, host, "attested")
			dir := t.TempDir()
			predicate := filepath.Join(dir, "p.json")
			if err := os.WriteFile(predicate, []byte(`{"buildDefinition":{},"runDetails":{}}`), 0o644); err != nil {
				t.Fatal(err)
			}
			cosign.Run("attest-blob", "--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--predicate", predicate,
				"--type", "slsaprovenance1", "--hash", subject.Digest.Encoded(), "--bundle", filepath.Join(dir, "b.json"), predicate)
			attach(t, dir, "kind: attestation\nlayers: [b.json]\n", ref, subject)
			if got := listAttachedKinds(t, ref, subject); !slices.Equal(got, []string{"attestation"}) {
				t.Errorf("got attachments of the kinds %q, want one attestation", got)
			}
			byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
			cosign.Run("verify-attestation", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry", "--type", "slsaprovenance1", byDigest)
		})
	}
}

// attach packs a directory and attaches the artifact to subject.
func attach(t *testing.T, dir, declaration, ref string, subject ocispec.Descriptor) {
	t.Helper()
	plan, fsys := compose(t, dir, declaration)
	target, _ := open(t, ref, registry.Write)
	if _, err := pack.Attach(t.Context(), fsys, plan, pack.Attachment{Target: target, Subject: subject}, pack.AttachOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestClientsFindAttachments attaches referrers of several kinds, and lists them by artifact type with oras and regctl, and with davit.
func TestClientsFindAttachments(t *testing.T) {
	t.Parallel()
	types := map[string]string{
		"sbom": mediatypes.SPDXJSON, "attestation": mediatypes.InToto, "vex": mediatypes.OpenVEX, "report": mediatypes.SARIF,
		"runbook": mediatypes.RunbookArtifact, "docs": mediatypes.DocsArtifact,
	}
	for name, host := range startServers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, subject := pushImage(t, host, "described")
			for kind := range types {
				attach(t, example(kind), "", ref, subject)
			}
			oras := clients.New(t, "oras")
			for kind, artifactType := range types {
				out, _ := oras.Run("discover", "--plain-http", "--format", "json", "--artifact-type", artifactType, ref)
				var found struct {
					Referrers []struct{ ArtifactType string }
				}
				if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Referrers) != 1 || found.Referrers[0].ArtifactType != artifactType {
					t.Errorf("oras discover of kind %s: got %v, %v, want one with the type %s: %s", kind, found, err, artifactType, out)
				}
			}
			regctl := clients.New(t, "regctl")
			regctl.Run("registry", "set", "--tls", "disabled", host)
			out, _ := regctl.Run("artifact", "list", ref)
			for kind, artifactType := range types {
				if !strings.Contains(out, artifactType) {
					t.Errorf("regctl artifact list: no %s, the type of kind %s, in %s", artifactType, kind, out)
				}
			}
			want := []string{"attestation", "docs", "report", "runbook", "sbom", "vex"}
			if got := listAttachedKinds(t, ref, subject); !slices.Equal(got, want) {
				t.Errorf("davit: got the kinds %q, want %q", got, want)
			}
		})
	}
}

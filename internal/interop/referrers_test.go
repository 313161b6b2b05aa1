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

// servers returns a registry without and one with the referrers API.
func servers(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"fallback tag": clients.SharedDistribution(t).Host, "referrers API": clients.SharedOlareg(t).Host}
}

// pushedImage pushes an image to sign and describe: HOST/REPO:v1 and its descriptor.
func pushedImage(t *testing.T, host, name string) (ref string, desc ocispec.Descriptor) {
	t.Helper()
	ref = host + "/" + name + ":v1"
	result := push(t, example("image"), "", ref)
	return ref, ocispec.Descriptor{MediaType: result.MediaType, Digest: result.Digest, Size: result.Size}
}

// kindsAttached lists the kinds of what refers to a subject.
func kindsAttached(t *testing.T, ref string, subject ocispec.Descriptor) []string {
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

// signer returns cosign with a key of its own.
func signer(t *testing.T) *clients.Client {
	t.Helper()
	cosign := clients.New(t, "cosign")
	cosign.Env = []string{"COSIGN_PASSWORD=", "COSIGN_YES=true"}
	cosign.Run("generate-key-pair")
	return cosign
}

// offline keeps cosign off the network.
var offline = []string{"--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry"}

// TestSignaturesAreRecognized signs with cosign and notation what davit pushed.
func TestSignaturesAreRecognized(t *testing.T) {
	t.Parallel()
	for name, host := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign, notation := signer(t), clients.New(t, "notation")
			ref, subject := pushedImage(t, host, "signed")
			byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
			cosign.Run(append(append([]string{"sign"}, offline...), byDigest)...)
			predicate := filepath.Join(cosign.Home, "p.json")
			if err := os.WriteFile(predicate, []byte(`{"buildDefinition":{},"runDetails":{}}`), 0o644); err != nil {
				t.Fatal(err)
			}
			cosign.Run(append(append([]string{"attest", "--predicate", predicate, "--type", "slsaprovenance1"}, offline...), byDigest)...)
			notation.Run("cert", "generate-test", "--default", "davit.test")
			notation.Run("sign", "--insecure-registry", byDigest)
			if got, want := kindsAttached(t, ref, subject), []string{"attestation", "signature", "signature"}; !slices.Equal(got, want) {
				t.Errorf("attached are %q, want %q", got, want)
			}
		})
	}
}

// TestCosignTagsAreRecognized signs as cosign did before bundles, under tags of its own.
func TestCosignTagsAreRecognized(t *testing.T) {
	t.Parallel()
	cosign := signer(t)
	ref, subject := pushedImage(t, clients.SharedDistribution(t).Host, "signed-by-tag")
	byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
	cosign.Run(append(append([]string{"sign", "--new-bundle-format=false"}, offline...), byDigest)...)
	wantKind(t, strings.TrimSuffix(ref, "v1")+"sha256-"+subject.Digest.Encoded()+".sig", "signature")
}

// TestCosignVerifiesAttachments attaches a bundle that cosign made to a file.
func TestCosignVerifiesAttachments(t *testing.T) {
	t.Parallel()
	for name, host := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign := signer(t)
			ref, subject := pushedImage(t, host, "attested")
			dir := t.TempDir()
			predicate := filepath.Join(dir, "p.json")
			if err := os.WriteFile(predicate, []byte(`{"buildDefinition":{},"runDetails":{}}`), 0o644); err != nil {
				t.Fatal(err)
			}
			cosign.Run("attest-blob", "--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--predicate", predicate,
				"--type", "slsaprovenance1", "--hash", subject.Digest.Encoded(), "--bundle", filepath.Join(dir, "b.json"), predicate)
			attach(t, dir, "kind: attestation\nlayers: [b.json]\n", ref, subject)
			if got := kindsAttached(t, ref, subject); !slices.Equal(got, []string{"attestation"}) {
				t.Errorf("attached are %q", got)
			}
			byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
			cosign.Run("verify-attestation", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry", "--type", "slsaprovenance1", byDigest)
		})
	}
}

// attach attaches what a directory declares.
func attach(t *testing.T, dir, declaration, ref string, subject ocispec.Descriptor) {
	t.Helper()
	plan, fsys := composed(t, dir, declaration)
	target, _ := open(t, ref, registry.Write)
	if _, err := pack.Attach(t.Context(), fsys, plan, pack.Attachment{Target: target, Subject: subject}, pack.AttachOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestClientsFindAttachments lists referrers of every kind with oras and regctl, by the types that scanners ask for.
func TestClientsFindAttachments(t *testing.T) {
	t.Parallel()
	types := map[string]string{
		"sbom": mediatypes.SPDXJSON, "attestation": mediatypes.InToto, "vex": mediatypes.OpenVEX, "report": mediatypes.SARIF,
		"runbook": mediatypes.RunbookArtifact, "docs": mediatypes.DocsArtifact,
	}
	for name, host := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, subject := pushedImage(t, host, "described")
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
					t.Errorf("oras discovers %v of kind %s (%v): %s", found, kind, err, out)
				}
			}
			regctl := clients.New(t, "regctl")
			regctl.Run("registry", "set", "--tls", "disabled", host)
			out, _ := regctl.Run("artifact", "list", ref)
			for kind, artifactType := range types {
				if !strings.Contains(out, artifactType) {
					t.Errorf("regctl does not list the %s: %s", kind, out)
				}
			}
			want := []string{"attestation", "docs", "report", "runbook", "sbom", "vex"}
			if got := kindsAttached(t, ref, subject); !slices.Equal(got, want) {
				t.Errorf("davit finds %q, want %q", got, want)
			}
		})
	}
}

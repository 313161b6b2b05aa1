//go:build clients

package interop

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/davit-oci/davit/pull/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// verifyOffline has the arguments for cosign to verify without a network.
var verifyOffline = []string{"verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry"}

// TestCosignVerifiesSignatures signs with davit: with a cosign key, in both formats, and with a davit key. It verifies each signature
// with cosign, which must accept the davit key for signing, too.
func TestCosignVerifiesSignatures(t *testing.T) {
	t.Parallel()
	for name, host := range startServers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign := newCosign(t)
			ref, subject := pushImage(t, host, "signed-by-davit")
			byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()

			signManifest(t, ref, subject, readPrivateKey(t, cosign), sign.Bundle)
			cosign.Run(append(verifyOffline, byDigest)...)
			signManifest(t, ref, subject, readPrivateKey(t, cosign), sign.Legacy)
			cosign.Run(append(verifyOffline, "--new-bundle-format=false", byDigest)...)

			private, public, err := sign.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			writeKey(t, cosign, "cosign.key", private)
			writeKey(t, cosign, "cosign.pub", public)
			signManifest(t, ref, subject, readPrivateKey(t, cosign), sign.Bundle)
			cosign.Run(append(verifyOffline, byDigest)...)
			cosign.Run(append(append([]string{"sign"}, offline...), byDigest)...)
		})
	}
}

// TestDavitVerifiesCosign signs and attests with cosign, in both formats, and verifies with davit.
func TestDavitVerifiesCosign(t *testing.T) {
	t.Parallel()
	for name, host := range startServers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign, other := newCosign(t), newCosign(t)
			for _, format := range []string{"--new-bundle-format=true", "--new-bundle-format=false"} {
				ref, subject := pushImage(t, host, "signed-by-cosign"+format[len(format)-4:])
				byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
				cosign.Run(append(append([]string{"sign", format, "-a", "stage=test"}, offline...), byDigest)...)
				predicate := filepath.Join(cosign.Home, "p.json")
				if err := os.WriteFile(predicate, []byte(`{"buildDefinition":{},"runDetails":{}}`), 0o644); err != nil {
					t.Fatal(err)
				}
				cosign.Run(append(append([]string{"attest", "--predicate", predicate, "--type", "slsaprovenance1"}, offline...), byDigest)...)

				target, _ := open(t, ref, registry.Read)
				opts := trust.Options{Keys: []trust.Key{readPublicKey(t, cosign)}, Require: []string{"attestation=https://slsa.dev/provenance/v1"}}
				report, err := trust.Verify(t.Context(), target, []ocispec.Descriptor{subject}, opts)
				if err != nil || report.Verified().Annotations["stage"] != "test" {
					t.Errorf("%s: got %+v, %v, want a verified signature with stage=test", format, report, err)
				}
				opts = trust.Options{Keys: []trust.Key{readPublicKey(t, other)}}
				if _, err := trust.Verify(t.Context(), target, []ocispec.Descriptor{subject}, opts); !errors.As(err, new(*trust.NotSignedError)) {
					t.Errorf("%s: with another key: got %v, want a NotSignedError", format, err)
				}
			}
		})
	}
}

// signManifest signs a manifest in the repository of ref, and checks that signing it again is skipped.
func signManifest(t *testing.T, ref string, subject ocispec.Descriptor, key *sign.Key, format sign.Format) {
	t.Helper()
	target, parsed := open(t, ref, registry.Write)
	opts := sign.Options{Key: key, Formats: []sign.Format{format}, Repository: parsed.Name()}
	for _, skipped := range []bool{false, true} {
		results, err := sign.Sign(t.Context(), target, subject, opts)
		if err != nil || results[0].Skipped != skipped {
			t.Fatalf("signing: got %+v, %v, want skipped %v", results, err, skipped)
		}
	}
}

func readPrivateKey(t *testing.T, cosign *clients.Client) *sign.Key {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(cosign.Home, "cosign.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := sign.ParseKey(data, func() ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readPublicKey(t *testing.T, cosign *clients.Client) trust.Key {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(cosign.Home, "cosign.pub"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := trust.ParseKey(data, "cosign.pub")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeKey(t *testing.T, cosign *clients.Client, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(cosign.Home, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

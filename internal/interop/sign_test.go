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

// verifyOffline keeps cosign's verify off the network.
var verifyOffline = []string{"verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry"}

// TestCosignVerifiesSignatures signs with a key of davit and with one of cosign, of each type, and lets cosign check it.
func TestCosignVerifiesSignatures(t *testing.T) {
	t.Parallel()
	for name, host := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign := signer(t)
			ref, subject := pushedImage(t, host, "signed-by-davit")
			byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()

			signIn(t, ref, subject, privateKey(t, cosign), sign.Bundle)
			cosign.Run(append(verifyOffline, byDigest)...)
			signIn(t, ref, subject, privateKey(t, cosign), sign.Legacy)
			cosign.Run(append(verifyOffline, "--new-bundle-format=false", byDigest)...)

			private, public, err := sign.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			writeKey(t, cosign, "cosign.key", private)
			writeKey(t, cosign, "cosign.pub", public)
			signIn(t, ref, subject, privateKey(t, cosign), sign.Bundle)
			cosign.Run(append(verifyOffline, byDigest)...)
			cosign.Run(append(append([]string{"sign"}, offline...), byDigest)...)
		})
	}
}

// TestDavitVerifiesCosign signs with cosign, in both formats and with an attestation, and checks it here.
func TestDavitVerifiesCosign(t *testing.T) {
	t.Parallel()
	for name, host := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign, other := signer(t), signer(t)
			for _, format := range []string{"--new-bundle-format=true", "--new-bundle-format=false"} {
				ref, subject := pushedImage(t, host, "signed-by-cosign"+format[len(format)-4:])
				byDigest := strings.TrimSuffix(ref, ":v1") + "@" + subject.Digest.String()
				cosign.Run(append(append([]string{"sign", format, "-a", "stage=test"}, offline...), byDigest)...)
				predicate := filepath.Join(cosign.Home, "p.json")
				if err := os.WriteFile(predicate, []byte(`{"buildDefinition":{},"runDetails":{}}`), 0o644); err != nil {
					t.Fatal(err)
				}
				cosign.Run(append(append([]string{"attest", "--predicate", predicate, "--type", "slsaprovenance1"}, offline...), byDigest)...)

				target, _ := open(t, ref, registry.Read)
				opts := trust.Options{Keys: []trust.Key{publicKey(t, cosign)}, Require: []string{"attestation=https://slsa.dev/provenance/v1"}}
				report, err := trust.Verify(t.Context(), target, []ocispec.Descriptor{subject}, opts)
				if err != nil || report.Verified().Annotations["stage"] != "test" {
					t.Errorf("%s: %+v, %v", format, report, err)
				}
				opts = trust.Options{Keys: []trust.Key{publicKey(t, other)}}
				if _, err := trust.Verify(t.Context(), target, []ocispec.Descriptor{subject}, opts); !errors.As(err, new(*trust.NotSignedError)) {
					t.Errorf("%s: accepted for another key: %v", format, err)
				}
			}
		})
	}
}

// signIn signs a manifest at a reference.
func signIn(t *testing.T, ref string, subject ocispec.Descriptor, key *sign.Key, format sign.Format) {
	t.Helper()
	target, parsed := open(t, ref, registry.Write)
	opts := sign.Options{Key: key, Formats: []sign.Format{format}, Repository: parsed.Name()}
	for _, skipped := range []bool{false, true} {
		made, err := sign.Sign(t.Context(), target, subject, opts)
		if err != nil || made[0].Skipped != skipped {
			t.Fatalf("signing: %+v, %v", made, err)
		}
	}
}

func privateKey(t *testing.T, cosign *clients.Client) *sign.Key {
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

func publicKey(t *testing.T, cosign *clients.Client) trust.Key {
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

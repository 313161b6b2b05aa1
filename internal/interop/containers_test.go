//go:build clients

package interop

import (
	"encoding/json"
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

// TestContainersVerifySignatures verifies davit's signatures with a policy and the library that podman and skopeo share, and the
// library's signatures with davit.
func TestContainersVerifySignatures(t *testing.T) {
	t.Parallel()
	for name, host := range startServers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			skopeo := clients.New(t, "image-copy")
			good, other := writeKeyPair(t, skopeo, "good"), writeKeyPair(t, skopeo, "other")
			ref, subject := pushImage(t, host, "signed-for-containers")
			repository := strings.TrimSuffix(ref, ":v1")
			out := "dir:" + filepath.Join(skopeo.Home, "out")

			if _, _, err := skopeo.Try("--policy", writePolicy(t, skopeo, repository, "good"), "docker://"+ref, out); err == nil {
				t.Error("the library accepted an image without a signature")
			}
			signManifest(t, ref, subject, good, sign.Legacy)
			skopeo.Run("--policy", writePolicy(t, skopeo, repository, "good"), "docker://"+ref, out)
			if _, _, err := skopeo.Try("--policy", writePolicy(t, skopeo, repository, "other"), "docker://"+ref, out); err == nil {
				t.Error("the library accepted a signature by another key")
			}
			signManifest(t, ref, subject, other, sign.Legacy) // must keep the first signature
			skopeo.Run("--policy", writePolicy(t, skopeo, repository, "good"), "docker://"+ref, out)
			skopeo.Run("--policy", writePolicy(t, skopeo, repository, "other"), "docker://"+ref, out)

			// davit verifies a signature that the library makes.
			theirs := repository + "-copied:v1"
			skopeo.Run("--sign-key", filepath.Join(skopeo.Home, "good.key"), "docker://"+ref, "docker://"+theirs)
			target, parsed := open(t, theirs, registry.Read)
			copied, err := target.Resolve(t.Context(), "v1")
			if err != nil {
				t.Fatal(err)
			}
			accepts := func(repository string) bool {
				named, err := registry.Parse(repository)
				return err == nil && named.Name() == parsed.Name()
			}
			for key, want := range map[string]bool{"good": true, "other": false} {
				data, err := os.ReadFile(filepath.Join(skopeo.Home, key+".pub"))
				if err != nil {
					t.Fatal(err)
				}
				public, err := trust.ParseKey(data, key)
				if err != nil {
					t.Fatal(err)
				}
				report, err := trust.Verify(t.Context(), target, []ocispec.Descriptor{copied}, trust.Options{Keys: []trust.Key{public}, Accepts: accepts})
				if (err == nil) != want {
					t.Errorf("with the key %s: got %+v, %v, want success: %v", key, report, err, want)
				}
			}
		})
	}
}

// writeKeyPair generates a pair of keys, writes it to the home of a client, and returns the private key.
func writeKeyPair(t *testing.T, c *clients.Client, name string) *sign.Key {
	t.Helper()
	private, public, err := sign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	writeKey(t, c, name+".key", private)
	writeKey(t, c, name+".pub", public)
	key, err := sign.ParseKey(private, func() ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// writePolicy writes a policy that requires a signature by a key for a repository and rejects everything else, and returns its
// path.
func writePolicy(t *testing.T, c *clients.Client, repository, key string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"default": []any{map[string]any{"type": "reject"}},
		"transports": map[string]any{"docker": map[string]any{repository: []any{map[string]any{
			"type": "sigstoreSigned", "keyPath": filepath.Join(c.Home, key+".pub"), "signedIdentity": map[string]any{"type": "matchRepository"},
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	writeKey(t, c, key+".json", data)
	return filepath.Join(c.Home, key+".json")
}

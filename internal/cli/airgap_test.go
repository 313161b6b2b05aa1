//go:build clients

package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
)

// notationPolicy trusts the certificate of the test, for every repository.
const notationPolicy = `{"version": "1.0", "trustPolicies": [{"name": "all", "registryScopes": ["*"], "trustStores": ["ca:davit.test"],
	"signatureVerification": {"level": "strict"}, "trustedIdentities": ["*"]}]}`

// TestAirGap copies an image and its attachments from one registry to an archive, and from there to
// another. Digests stay the same, and signatures verify.
func TestAirGap(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", home)
	distribution, olareg := clients.SharedDistribution(t).Host, clients.SharedOlareg(t).Host
	for _, way := range []struct{ name, from, to string }{
		{"from a registry without the referrers API to one with it", distribution, olareg},
		{"from a registry with the referrers API to one without it", olareg, distribution},
	} {
		t.Run(way.name, func(t *testing.T) {
			cosign, notation := clients.New(t, "cosign"), clients.New(t, "notation")
			from, to, archive := way.from+"/airgap/from", way.to+"/airgap/to", filepath.Join(t.TempDir(), "carried.tar")
			digest := davit(t, "push", "../../examples/image", from+":1.0", "-q")
			digest = digest[strings.Index(digest, "@"):]
			davit(t, "attach", "../../examples/sbom/greeting.spdx.json", "../../examples/runbook/greeting-down.md", from+":1.0", "-q")
			sign(t, cosign, notation, from+digest)

			davit(t, "copy", from+":1.0", archive, "--referrers")
			davit(t, "copy", archive, to, "--referrers")

			if got := davit(t, "resolve", to+":1.0", "-q"); got != digest[1:] {
				t.Errorf("got the image %s, want %s", got, digest[1:])
			}
			const kinds = "{{range .referrers}}{{.kind}} {{.digest}} {{.tag}}\n{{end}}"
			want := davit(t, "discover", from+":1.0", "--tags", "--format", "go-template="+kinds)
			if got := davit(t, "discover", to+":1.0", "--tags", "--format", "go-template="+kinds); got != want {
				t.Errorf("got the attachments\n%s\nwant\n%s", got, want)
			}
			var attached []string
			for line := range strings.Lines(want) {
				attached = append(attached, strings.Fields(line)[0])
			}
			slices.Sort(attached)
			if got := strings.Join(attached, " "); got != "runbook sbom signature signature signature" {
				t.Errorf("got attachments of the kinds %s", got)
			}
			davit(t, "verify", to+":1.0", "--referrers")
			if got := davit(t, "show", "--alert", "GreetingDown", to+digest); !strings.Contains(got, "The greeting service is down") {
				t.Errorf("got the runbook %q", got)
			}
			cosign.Run("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry", to+digest)
			cosign.Run("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry", "--new-bundle-format=false", to+digest)
			notation.Run("verify", "--insecure-registry", to+digest)
		})
	}
}

// sign signs an image with notation, and with cosign as a bundle and under a tag.
func sign(t *testing.T, cosign, notation *clients.Client, ref string) {
	t.Helper()
	cosign.Env = []string{"COSIGN_PASSWORD=", "COSIGN_YES=true"}
	cosign.Run("generate-key-pair")
	offline := []string{"--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry", ref}
	cosign.Run(append([]string{"sign"}, offline...)...)
	cosign.Run(append([]string{"sign", "--new-bundle-format=false"}, offline...)...)
	notation.Run("cert", "generate-test", "--default", "davit.test")
	policy := filepath.Join(notation.Home, "policy.json")
	if err := os.WriteFile(policy, []byte(notationPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	notation.Run("policy", "import", policy)
	notation.Run("sign", "--insecure-registry", ref)
}

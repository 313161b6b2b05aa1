//go:build clients

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/hostconfig"
	"github.com/davit-oci/davit/internal/registrytest"
	"oras.land/oras-go/v2"
)

// TestSkopeoReadsTheSameConfig checks that skopeo and davit read the same manifests with the same registries.conf, drop-in
// files, and certs.d, or that both fail.
func TestSkopeoReadsTheSameConfig(t *testing.T) {
	t.Parallel()
	skopeo := clients.New(t, "skopeo")
	ref := repo(t, "app") + ":v1"
	push(t, example("image"), "", ref)
	address := strings.TrimSuffix(ref, "/app:v1")
	tls := registrytest.Start(t, registrytest.Options{TLS: true})
	copyTo(t, ref, tls)
	config := filepath.Join(skopeo.Home, ".config", "containers")
	for name, text := range map[string]string{
		"registries.conf": `
[[registry]]
prefix = "moved.example.invalid/team"
location = "` + address + `"
insecure = true
[[registry]]
location = "mirrored.example.invalid"
mirror = [{location = "127.0.0.1:1/nothing", insecure = true}, {location = "` + address + `", insecure = true}]
[[registry]]
location = "digests.example.invalid"
[[registry.mirror]]
location = "` + address + `"
insecure = true
pull-from-mirror = "digest-only"
[[registry]]
prefix = "*.wild.example.invalid"
location = "` + address + `"
insecure = true
[[registry]]
location = "blocked.example.invalid"
blocked = true
[[registry]]
prefix = "dropped.example.invalid"
location = "127.0.0.1:1"
`,
		"registries.conf.d/dropped.conf":  "[[registry]]\nprefix = \"dropped.example.invalid\"\nlocation = \"" + address + "\"\ninsecure = true\n",
		"certs.d/" + tls.Host + "/ca.crt": string(tls.CA),
	} {
		file := filepath.Join(config, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := hostconfig.FilesIn(skopeo.Home, func(string) string { return "" })
	client := registry.New(registry.Options{Hosts: hostconfig.New(files), RetryFor: -1})
	for _, name := range []string{
		"moved.example.invalid/team/app:v1", "moved.example.invalid/teams/app:v1", "mirrored.example.invalid/app:v1",
		"mirrored.example.invalid/absent:v1", "digests.example.invalid/app:v1", "a.wild.example.invalid/app:v1",
		"a.b.wild.example.invalid/app:v1", "wild.example.invalid/app:v1", "blocked.example.invalid/app:v1",
		"dropped.example.invalid/app:v1", tls.Host + "/app:v1",
	} {
		want, _, err := skopeo.Try("inspect", "--raw", "docker://"+name)
		reads := err == nil
		ref, err := registry.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		target, err := client.Open(t.Context(), ref, registry.Read)
		if err == nil {
			_, got, err = oras.FetchBytes(t.Context(), target, ref.Tag, oras.DefaultFetchBytesOptions)
		}
		if (err == nil) != reads || reads && string(got) != want {
			t.Errorf("%s: skopeo reads the manifest: %v; davit reads %d bytes, error %v", name, reads, len(got), err)
		}
	}
}

// copyTo copies an image to a registry with TLS.
func copyTo(t *testing.T, ref string, to *registrytest.Registry) {
	t.Helper()
	src, from := open(t, ref, registry.Read)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, to.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	options := registry.Options{}
	options.Security.CAFile = ca
	dst, err := registry.New(options).Open(t.Context(), registry.Reference{Registry: to.Host, Repository: "app"}, registry.Write)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Copy(t.Context(), src, dst, registry.CopyOptions{Reference: from.Tag, Tags: []string{"v1"}}); err != nil {
		t.Fatal(err)
	}
}

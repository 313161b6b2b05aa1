//go:build clients

package serve

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestClients checks that other clients can push to a served layout and pull from it.
func TestClients(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *testServer){
		"helm": testHelm, "skopeo": testSkopeo, "podman": testPodman, "crane": testCrane, "regctl": testRegctl, "oras": testOras,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "oci")
			r := start(t, dir, Options{Write: true})
			test(t, r)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			checkLayout(t, dir)
		})
	}
}

func testHelm(t *testing.T, r *testServer) {
	c := clients.New(t, "helm")
	writeFile(t, filepath.Join(c.Home, "web", "Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0+build.1\n")
	writeFile(t, filepath.Join(c.Home, "web", "templates", "x.yaml"), "a: 1\n")
	c.Run("package", "web")
	c.Run("push", "web-1.0.0+build.1.tgz", "oci://"+r.host+"/charts", "--plain-http")
	c.Run("push", "web-1.0.0+build.1.tgz", "oci://"+r.host+"/charts", "--plain-http") // again
	out, _ := c.Run("show", "chart", "oci://"+r.host+"/charts/web", "--plain-http")   // helm finds the version in the tags
	if !strings.Contains(out, "version: 1.0.0+build.1") {
		t.Errorf("helm show: got %s, want the version 1.0.0+build.1", out)
	}
	if err := os.Mkdir(filepath.Join(c.Home, "pulled"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.Run("pull", "oci://"+r.host+"/charts/web", "--version", "1.0.0+build.1", "--plain-http", "-d", "pulled")
	compareFiles(t, filepath.Join(c.Home, "web-1.0.0+build.1.tgz"), filepath.Join(c.Home, "pulled", "web-1.0.0+build.1.tgz"))
}

// pushImage pushes a minimal image that every client accepts.
func pushImage(t *testing.T, r *testServer, repo, tag string) ocispec.Descriptor {
	t.Helper()
	layer := makeTar(t, "hello.txt", "hello "+tag)
	push := func(content string, mediaType string) ocispec.Descriptor {
		desc := r.pushBlob(repo, content)
		desc.MediaType = mediaType
		return desc
	}
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{push(layer, ocispec.MediaTypeImageLayer)}}
	m.SchemaVersion = 2
	m.Config = push(fmt.Sprintf(`{"os":"linux","architecture":"amd64","config":{"Cmd":["/x"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}`,
		digest.FromString(layer)), ocispec.MediaTypeImageConfig)
	data := marshal(t, m)
	r.want(201, "PUT", "/v2/"+repo+"/manifests/"+tag, data, "Content-Type", m.MediaType)
	return ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

func testSkopeo(t *testing.T, r *testServer) {
	pushImage(t, r, "oci", "2.0") // not deleted
	want := pushImage(t, r, "oci", "1.0")
	c := clients.New(t, "skopeo")
	remote := "docker://" + r.host + "/"
	c.Run("copy", "--src-tls-verify=false", remote+"oci:1.0", "oci:out:1.0")
	c.Run("copy", "--dest-tls-verify=false", "oci:out:1.0", remote+"team/copy:2.0")
	out, _ := c.Run("inspect", "--tls-verify=false", "--format", "{{.Digest}}", remote+"team/copy:2.0")
	if strings.TrimSpace(out) != want.Digest.String() {
		t.Errorf("digest of the copy: got %s, want %s", out, want.Digest)
	}
	out, _ = c.Run("list-tags", "--tls-verify=false", remote+"team/copy")
	if !strings.Contains(out, `"2.0"`) {
		t.Errorf("tags: got %s, want 2.0", out)
	}
	c.Run("delete", "--tls-verify=false", remote+"team/copy:2.0")
}

func testPodman(t *testing.T, r *testServer) {
	pushImage(t, r, "oci", "1.0")
	c := clients.Podman(t)
	c.Run("pull", "--tls-verify=false", r.host+"/oci:1.0")
	c.Run("push", "--tls-verify=false", r.host+"/oci:1.0", r.host+"/team/pushed:1.0")
	c.Run("rmi", r.host+"/oci:1.0")
	c.Run("pull", "--tls-verify=false", r.host+"/team/pushed:1.0")
	out, _ := c.Run("image", "inspect", "--format", "{{.Config.Cmd}}", r.host+"/team/pushed:1.0")
	if strings.TrimSpace(out) != "[/x]" {
		t.Errorf("command of the image: got %s, want [/x]", out)
	}
}

func testCrane(t *testing.T, r *testServer) {
	want := pushImage(t, r, "oci", "1.0")
	c := clients.New(t, "crane")
	c.Run("copy", r.host+"/oci:1.0", r.host+"/team/copy:2.0") // with a mount
	c.Run("pull", "--format=oci", r.host+"/team/copy:2.0", "pulled")
	c.Run("push", "pulled", r.host+"/team/again:3.0")
	for _, ref := range []string{"/oci:1.0", "/team/copy:2.0", "/team/again:3.0"} {
		if out, _ := c.Run("digest", r.host+ref); strings.TrimSpace(out) != want.Digest.String() {
			t.Errorf("%s: got %s, want %s", ref, out, want.Digest)
		}
	}
	c.Run("append", "-f", writeFile(t, filepath.Join(c.Home, "layer.tar"), makeTar(t, "x", "x")), "-t", r.host+"/team/new:1.0")
	out, _ := c.Run("catalog", r.host)
	if got := strings.Fields(out); !slices.Equal(got, []string{"oci", "team/again", "team/copy", "team/new"}) {
		t.Errorf("catalog: got %q, want four repositories", got)
	}
	out, _ = c.Run("export", r.host+"/team/again:3.0", "-")
	if !strings.Contains(out, "hello 1.0") {
		t.Errorf("export: got %q, want it to contain hello 1.0", out)
	}
	out, _ = c.Run("ls", r.host+"/team/new")
	if !slices.Equal(strings.Fields(out), []string{"1.0"}) {
		t.Errorf("tags: got %q, want 1.0", out)
	}
	c.Run("delete", r.host+"/team/copy:2.0")
}

func testRegctl(t *testing.T, r *testServer) {
	base := pushImage(t, r, "oci", "1.0")
	c := clients.New(t, "regctl")
	c.Run("registry", "set", "--tls", "disabled", r.host)
	file := writeFile(t, filepath.Join(c.Home, "big"), strings.Repeat("0123456789abcdef", 1<<16))
	c.Run("registry", "set", "--blob-chunk", "100000", "--blob-max", "1000", r.host) // makes regctl send chunks
	c.Run("artifact", "put", "--artifact-type", "application/x-big", "-f", file, r.host+"/team/big:1.0")
	out, _ := c.Run("artifact", "get", r.host+"/team/big:1.0")
	if digest.FromString(out) != digest.FromString(strings.Repeat("0123456789abcdef", 1<<16)) {
		t.Errorf("artifact get: got %d other bytes, want the pushed file of %d", len(out), 1<<20)
	}
	c.Run("artifact", "put", "--artifact-type", "application/x-note", "--subject", r.host+"/oci:1.0",
		"-f", writeFile(t, filepath.Join(c.Home, "note"), "note"))
	out, _ = c.Run("artifact", "list", r.host+"/oci:1.0", "--format", "{{jsonPretty .}}")
	if !strings.Contains(out, "application/x-note") || strings.Contains(out, "sha256-"+base.Digest.Encoded()) {
		t.Errorf("got the referrers %s, want a note, and no referrers tag", out)
	}
	c.Run("image", "copy", "--referrers", r.host+"/oci:1.0", "ocidir://"+filepath.Join(c.Home, "out")+":1.0")
	c.Run("image", "copy", "--referrers", "ocidir://"+filepath.Join(c.Home, "out")+":1.0", r.host+"/team/copy:1.0")
	out, _ = c.Run("tag", "ls", r.host+"/team/big")
	if !slices.Contains(strings.Fields(out), "1.0") {
		t.Errorf("tags: got %q, want 1.0 among them", out)
	}
	c.Run("tag", "delete", r.host+"/team/big:1.0")
	c.Run("manifest", "delete", r.host+"/oci@"+base.Digest.String(), "--ignore-missing")
}

func testOras(t *testing.T, r *testServer) {
	c := clients.New(t, "oras")
	writeFile(t, filepath.Join(c.Home, "a.txt"), "a")
	writeFile(t, filepath.Join(c.Home, "sbom.json"), "{}")
	ref := r.host + "/notes/a:1.0"
	c.Run("push", "--plain-http", ref, "a.txt:text/plain")
	c.Run("attach", "--plain-http", "--artifact-type", "application/x-sbom", ref, "sbom.json:application/json")
	out, _ := c.Run("discover", "--plain-http", "--format", "json", ref)
	var found struct {
		Referrers []struct{ ArtifactType string }
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Referrers) != 1 || found.Referrers[0].ArtifactType != "application/x-sbom" {
		t.Errorf("discover: got %s, %v, want one SBOM", out, err)
	}
	c.Run("copy", "-r", "--from-plain-http", "--to-plain-http", ref, r.host+"/notes/copy:2.0")
	c.Run("pull", "--plain-http", "-o", "out", r.host+"/notes/copy:2.0")
	compareFiles(t, filepath.Join(c.Home, "a.txt"), filepath.Join(c.Home, "out", "a.txt"))
	out, _ = c.Run("repo", "ls", "--plain-http", r.host)
	if got := strings.Fields(out); !slices.Equal(got, []string{"notes/a", "notes/copy"}) {
		t.Errorf("got the repositories %q, want two: the layout has no artifact of its own", got)
	}
	c.Run("manifest", "delete", "--plain-http", "--force", r.host+"/notes/copy:2.0")
}

func writeFile(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func compareFiles(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if string(x) != string(y) {
		t.Errorf("%s and %s differ", a, b)
	}
}

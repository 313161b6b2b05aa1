package pull

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/pulltest"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content/memory"
)

// FuzzArtifact checks that no manifest makes a pull write outside of the destination, or place anything except unchanged blobs.
func FuzzArtifact(f *testing.F) {
	blob := digest.FromString("blob").String()
	layer := func(annotations string) string {
		return `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` +
			digest.FromString("{}").String() + `","size":2},"layers":[{"mediaType":"text/plain","digest":"` + blob + `","size":4` + annotations + `}]}`
	}
	f.Add([]byte(layer("")))
	f.Add([]byte(layer(`,"annotations":{"org.opencontainers.image.title":"dir/name"}`)))
	f.Add([]byte(layer(`,"annotations":{"org.opencontainers.image.title":"../../up"}`)))
	f.Add([]byte(layer(`,"annotations":{"org.cncf.model.filepath":"/etc/x"}`)))
	f.Add([]byte(layer(`,"annotations":{"org.opencontainers.image.title":"d","io.deis.oras.content.unpack":"true"}`)))
	f.Add([]byte(layer(`,"annotations":{"vnd.davit.directory":".."}`)))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + blob + `","size":4}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		src := &pulltest.Source{Store: memory.New()}
		src.Add(t, "text/plain", "blob")
		src.Add(t, "application/vnd.oci.empty.v1+json", "{}")
		if err := src.Tag(t.Context(), src.Add(t, "application/json", string(body)), "v1"); err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "out")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		dst, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer dst.Close()
		_, err = Artifact(t.Context(), src, "v1", dst, Options{NoSync: true})
		entries, readErr := os.ReadDir(parent)
		if readErr != nil {
			t.Fatal(readErr)
		}
		for _, e := range entries {
			if e.Name() != "out" {
				t.Errorf("got %q beside the destination, want nothing", e.Name())
			}
		}
		files := pulltest.Tree(t, dst)
		if err != nil && len(files) > 0 {
			t.Errorf("after %v: got files %v, want none", err, files)
		}
		for name, content := range files {
			if !strings.HasSuffix(name, "/") && content != "blob" && content != "{}" && content != string(body) {
				t.Errorf("%s: got %q, want the content of a blob", name, content)
			}
		}
	})
}

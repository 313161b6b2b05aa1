// Package kindtest helps test kinds: it composes declarations over small trees of files.
package kindtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Tree writes files below a new temporary directory and returns the directory. A name that ends in "/" makes a directory. A
// content that begins with "->" makes a symbolic link to the path after it.
func Tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(content, "->")
		var err error
		switch {
		case link:
			err = os.Symlink(target, full)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// Compose parses a davit.yaml and composes it over files. The error includes the problems that Parse found.
func Compose(t *testing.T, files map[string]string, davitYAML string) (*spec.Plan, error) {
	t.Helper()
	spec, err := artifact.Parse("davit.yaml", []byte(davitYAML))
	if spec == nil {
		return nil, err
	}
	return artifact.Compose(Tree(t, files).FS(), spec)
}

// WantLines compares texts of several lines. want may be indented with a tab.
func WantLines(t *testing.T, got, want string) {
	t.Helper()
	want = strings.TrimSpace(strings.ReplaceAll(want, "\n\t", "\n"))
	if got = strings.TrimSpace(got); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// Describe returns a text that describes the layers of a plan, one per line.
func Describe(p *spec.Plan) string {
	var b strings.Builder
	for _, l := range p.Layers {
		fmt.Fprintf(&b, "%s %s %s %s", l.Path, l.Title, l.Packing, l.MediaType)
		if len(l.Files) > 0 {
			fmt.Fprintf(&b, " files=%v", l.Files)
		}
		if l.Role != "" && l.Role != "file" && l.Role != "directory" {
			b.WriteString(" as=" + l.Role)
		}
		if l.Prefix != "" {
			b.WriteString(" prefix=" + l.Prefix)
		}
		for name, set := range map[string]bool{" dir": l.Dir && len(l.Files) > 0, " unpack": l.Unpack} {
			if set {
				b.WriteString(name)
			}
		}
		if len(l.Annotations) > 0 {
			fmt.Fprintf(&b, " %v", l.Annotations)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Finished runs a plan's Finish with made-up blobs, for tests in which the bytes of the blobs don't matter. The digest of
// each blob is that of the layer's title and path.
func Finished(t *testing.T, plan *spec.Plan) spec.Finished {
	t.Helper()
	packed := make([]spec.Packed, len(plan.Layers))
	for i, l := range plan.Layers {
		d := digest.FromString(l.Title + l.Path)
		packed[i] = spec.Packed{Layer: l, Descriptor: ocispec.Descriptor{MediaType: l.MediaType, Digest: d, Size: l.Size}, DiffID: d}
	}
	f, err := plan.Finish(packed)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// WantJSON compares JSON by value.
func WantJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	gb, _ := json.Marshal(g)
	wb, _ := json.Marshal(w)
	if string(gb) != string(wb) {
		t.Errorf("got  %s\nwant %s", gb, wb)
	}
}

// LayerLines describes each layer in one line: role, media type, packing, title.
func LayerLines(plan *spec.Plan) string {
	var b strings.Builder
	for _, l := range plan.Layers {
		fmt.Fprintf(&b, "%s %s %s %s\n", l.Role, l.MediaType, l.Packing, l.Title)
	}
	return strings.TrimSpace(b.String())
}

// ConfigOf returns the config of a plan whose config does not depend on the digests of layers.
func ConfigOf(t *testing.T, plan *spec.Plan) string {
	t.Helper()
	finished, err := plan.Finish(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(finished.Config)
}

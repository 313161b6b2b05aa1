package interop

import (
	"archive/tar"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
)

// makeModelSet returns a model as people publish it: shards, a projector, a template, a license, and a card.
func makeModelSet(t *testing.T) map[string]string {
	t.Helper()
	shard := func(no uint16) string {
		g := formattest.TinyLlama()
		g.Keys = append(g.Keys, formattest.Pair{Key: "split.no", Value: no - 1}, formattest.Pair{Key: "split.count", Value: uint16(3)})
		for i := range g.Tensors {
			g.Tensors[i].Name = strings.Repeat("b", int(no)) + g.Tensors[i].Name
		}
		return string(g.Bytes())
	}
	projector := formattest.TinyLlama()
	projector.Keys = []formattest.Pair{{Key: "general.architecture", Value: "clip"}, {Key: "general.type", Value: "mmproj"}}
	return map[string]string{
		"tiny-Q4_K_M-00001-of-00003.gguf": shard(1), "tiny-Q4_K_M-00002-of-00003.gguf": shard(2), "tiny-Q4_K_M-00003-of-00003.gguf": shard(3),
		"mmproj-F16.gguf": string(projector.Bytes()), "chat_template.jinja": "{{ messages }}", "LICENSE": "CC0",
		"README.md": "---\nlicense: apache-2.0\nlanguage: [en]\ntags: [tiny]\nbase_model: org/tiny\n---\n# Tiny\n",
	}
}

// writeModelSet writes the files of makeModelSet, without some names, and returns the directory and the files.
func writeModelSet(t *testing.T, except ...string) (string, map[string]string) {
	t.Helper()
	dir, all := t.TempDir(), without(makeModelSet(t), except...)
	for name, data := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, all
}

// TestModelPackMeetsClientRules checks what clients require that do not run here: ramalama needs a path on every layer, and Harbor's
// README tab a document with the path README.md.
func TestModelPackMeetsClientRules(t *testing.T) {
	t.Parallel()
	dir, all := writeModelSet(t)
	ref := repo(t, "tiny") + ":v1"
	push(t, dir, "kind: modelpack\nlayers: [./]\n", ref)
	m, _ := manifestOf(t, ref)
	if m.ArtifactType != mediatypes.ModelPackManifest || m.Config.MediaType != mediatypes.ModelPackConfig {
		t.Errorf("got a manifest of type %s with a config of type %s", m.ArtifactType, m.Config.MediaType)
	}
	seen := map[string]string{}
	for _, l := range m.Layers {
		name := l.Annotations[mediatypes.ModelPath]
		if name == "" || all[name] == "" || l.Digest != digest.FromString(all[name]) {
			t.Errorf("layer %s: got the path %q, want that of the file", l.Digest, name)
		}
		seen[name] = l.MediaType
	}
	if len(seen) != len(all) {
		t.Errorf("got the paths %v", seen)
	}
	const doc = "application/vnd.cncf.model.doc.v1.raw"
	if seen["README.md"] != doc || seen["LICENSE"] != doc {
		t.Errorf("got the types %s of README.md and %s of LICENSE, want %s", seen["README.md"], seen["LICENSE"], doc)
	}
	dirOut, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dirOut), all)
}

// TestModelKitPartsMeetKitRules checks what kit requires to unpack a model with parts: the Kitfile has the digest of the only model
// layer, and the digests of the parts in the order of their layers.
func TestModelKitPartsMeetKitRules(t *testing.T) {
	t.Parallel()
	dir, all := writeModelSet(t)
	ref := repo(t, "tiny") + ":v1"
	push(t, dir, "kind: modelkit\nlayers: ['*']\n", ref)
	m, _ := manifestOf(t, ref)
	var kitfile struct {
		Model struct {
			Path, Digest string
			Parts        []struct{ Path, Digest string }
		}
	}
	if err := json.Unmarshal(blobOf(t, ref, m.Config), &kitfile); err != nil {
		t.Fatal(err)
	}
	var models, parts, names []string
	for _, l := range m.Layers {
		for _, h := range tarHeaders(t, blobOf(t, ref, l)) {
			if h.Typeflag == tar.TypeReg {
				names = append(names, h.Name)
			}
		}
		switch base := path.Base(l.MediaType); {
		case strings.HasPrefix(base, "vnd.kitops.modelkit.model.v1."):
			models = append(models, l.Digest.String())
		case strings.HasPrefix(base, "vnd.kitops.modelkit.modelpart.v1."):
			parts = append(parts, l.Digest.String())
		}
	}
	if !slices.Equal(models, []string{kitfile.Model.Digest}) || kitfile.Model.Path != "tiny-Q4_K_M-00001-of-00003.gguf" {
		t.Errorf("got the model %+v, want its layer, one of %v, and the path of the first shard", kitfile.Model, models)
	}
	var digests, paths []string
	for _, p := range kitfile.Model.Parts {
		digests, paths = append(digests, p.Digest), append(paths, p.Path)
	}
	if !slices.Equal(digests, parts) || len(paths) < 4 || !slices.Equal(paths[:3], []string{"tiny-Q4_K_M-00002-of-00003.gguf", "tiny-Q4_K_M-00003-of-00003.gguf", "chat_template.jinja"}) {
		t.Errorf("got the parts %v, want those of the layers %v", paths, parts)
	}
	if len(names) != len(all) {
		t.Errorf("got the files %v, want %d", names, len(all))
	}
}

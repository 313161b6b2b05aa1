package pull

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
)

// source is a store that counts what is read and can be made to lie.
type source struct {
	*memory.Store
	fetched  atomic.Int32 // blobs and manifests
	resolved atomic.Int32
	lie      map[digest.Digest][]byte // other bytes for a digest
	fail     map[digest.Digest]error
	before   func(digest.Digest) // called before each fetch; nil: nothing is
}

func newSource() *source { return &source{Store: memory.New()} }

func (s *source) Resolve(ctx context.Context, ref string) (ocispec.Descriptor, error) {
	s.resolved.Add(1)
	return s.Store.Resolve(ctx, ref)
}

func (s *source) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	s.fetched.Add(1)
	if s.before != nil {
		s.before(desc.Digest)
	}
	if err := s.fail[desc.Digest]; err != nil {
		return nil, err
	}
	if b, ok := s.lie[desc.Digest]; ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	return s.Store.Fetch(ctx, desc)
}

// push stores bytes.
func (s *source) push(t testing.TB, mediaType, data string) ocispec.Descriptor {
	t.Helper()
	desc := content.NewDescriptorFromBytes(mediaType, []byte(data))
	if err := s.Store.Push(t.Context(), desc, strings.NewReader(data)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		t.Fatal(err)
	}
	return desc
}

// layer stores a layer; an empty title is none.
func (s *source) layer(t testing.TB, title, data string) ocispec.Descriptor {
	t.Helper()
	desc := s.push(t, "text/plain", data)
	if title != "" {
		desc.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	}
	return desc
}

// manifest stores a manifest and tags it.
func (s *source) manifest(t testing.TB, tag string, layers ...ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	s.push(t, ocispec.MediaTypeEmptyJSON, "{}")
	return s.document(t, tag, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.example.thing", Config: ocispec.DescriptorEmptyJSON, Layers: layers,
	})
}

func (s *source) document(t testing.TB, tag string, v any) ocispec.Descriptor {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var head struct{ MediaType string }
	if err := json.Unmarshal(b, &head); err != nil {
		t.Fatal(err)
	}
	desc := s.push(t, head.MediaType, string(b))
	if err := s.Tag(t.Context(), desc, tag); err != nil {
		t.Fatal(err)
	}
	return desc
}

// beside is where the tests keep the state of a destination.
func beside(dst *os.Root) string { return dst.Name() + ".state" }

// newDir is a destination.
func newDir(t testing.TB) *os.Root {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// tree is what a directory holds: content by path, directories with a slash.
func tree(t testing.TB, root *os.Root) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if d.IsDir() {
			files[path+"/"] = ""
			return nil
		}
		b, err := root.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func want(t *testing.T, root *os.Root, files map[string]string) {
	t.Helper()
	if got := tree(t, root); fmt.Sprint(got) != fmt.Sprint(files) {
		t.Errorf("destination has %v, want %v", got, files)
	}
}

func TestArtifact(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	twice := src.layer(t, "d/e/b", "B")
	other := src.layer(t, "b2", "B")
	m := src.manifest(t, "v1", src.layer(t, "a", "A"), twice, other, src.layer(t, "", "none"))
	r, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)})
	if err != nil {
		t.Fatal(err)
	}
	derived := "sha256-" + digest.FromString("none").Encoded() + ".txt"
	want(t, dst, map[string]string{"a": "A", "b2": "B", "d/": "", "d/e/": "", "d/e/b": "B", derived: "none"})
	if r.Digest != m.Digest || r.Skipped || len(r.Files) != 4 || r.Files[0].Path != "a" || r.Files[0].Digest != digest.FromString("A") {
		t.Errorf("got %+v", r)
	}
	a, _ := dst.Stat("b2")
	b, _ := dst.Stat("d/e/b")
	if os.SameFile(a, b) {
		t.Error("two files are one")
	}
}

func TestAgainIsOneRequest(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	src.manifest(t, "v1", src.layer(t, "a", "A"), src.layer(t, "d/b", "B"))
	first, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)})
	if err != nil {
		t.Fatal(err)
	}
	src.fetched.Store(0)
	src.resolved.Store(0)
	r, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)})
	if err != nil || !r.Skipped || src.fetched.Load() != 0 || src.resolved.Load() != 1 {
		t.Errorf("skipped %v after %d fetches, %d resolves: %v", r.Skipped, src.fetched.Load(), src.resolved.Load(), err)
	}
	r.Skipped = false
	if a, b := asJSON(t, first), asJSON(t, r); a != b {
		t.Errorf("the second result is\n%s, the first was\n%s", b, a)
	}
	// Without the state file, contents are compared: nothing but the manifest is fetched.
	if r, err = Artifact(t.Context(), src, "v1", dst, Options{}); err != nil || !r.Skipped || src.fetched.Load() != 1 {
		t.Errorf("without state: skipped %v after %d fetches: %v", r.Skipped, src.fetched.Load(), err)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNewVersion(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	src.manifest(t, "v1", src.layer(t, "same", "S"), src.layer(t, "a", "old"), src.layer(t, "d/gone", "G"))
	src.manifest(t, "v2", src.layer(t, "same", "S"), src.layer(t, "a", "newer"), src.layer(t, "e/b", "B"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); err != nil {
		t.Fatal(err)
	}
	before, _ := dst.Stat("same")
	src.fetched.Store(0)
	if _, err := Artifact(t.Context(), src, "v2", dst, Options{State: beside(dst)}); err != nil {
		t.Fatal(err)
	}
	if src.fetched.Load() != 3 {
		t.Errorf("%d fetches, want manifest and two layers", src.fetched.Load())
	}
	if after, _ := dst.Stat("same"); !os.SameFile(before, after) {
		t.Error("a file that did not change was replaced")
	}
	want(t, dst, map[string]string{"same": "S", "a": "newer", "d/": "", "d/gone": "G", "e/": "", "e/b": "B"})
	r, err := Artifact(t.Context(), src, "v2", dst, Options{State: beside(dst), Delete: true})
	if err != nil || fmt.Sprint(r.Removed) != "[d/gone]" || r.Skipped {
		t.Errorf("removed %v, skipped %v, %v", r.Removed, r.Skipped, err)
	}
	want(t, dst, map[string]string{"same": "S", "a": "newer", "e/": "", "e/b": "B"})
	if r, err = Artifact(t.Context(), src, "v2", dst, Options{State: beside(dst), Delete: true}); err != nil || !r.Skipped {
		t.Errorf("again: skipped %v, %v", r.Skipped, err)
	}
}

func TestOthersFilesAreKept(t *testing.T) {
	t.Parallel()
	src := newSource()
	src.manifest(t, "v1", src.layer(t, "a", "one"), src.layer(t, "b", "B1"))
	src.manifest(t, "v2", src.layer(t, "a", "two"), src.layer(t, "b", "B2"))
	prepare := map[string]func(dst *os.Root) error{
		"changed": func(dst *os.Root) error {
			if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); err != nil {
				return err
			}
			return dst.WriteFile("a", []byte("mine"), 0o666)
		},
		"made": func(dst *os.Root) error { return dst.WriteFile("a", []byte("mine"), 0o666) },
		"link": func(dst *os.Root) error { return dst.Symlink("../elsewhere", "a") },
	}
	for name, prepare := range prepare {
		t.Run(name, func(t *testing.T) {
			dst := newDir(t)
			if err := prepare(dst); err != nil {
				t.Fatal(err)
			}
			old, _ := dst.Lstat("a")
			_, err := Artifact(t.Context(), src, "v2", dst, Options{State: beside(dst)})
			if !errors.Is(err, artifact.ErrKept) || !strings.Contains(err.Error(), `"a"`) {
				t.Errorf("got %v", err)
			}
			if now, _ := dst.Lstat("a"); !os.SameFile(old, now) {
				t.Error("the file was touched")
			}
			if _, err := Artifact(t.Context(), src, "v2", dst, Options{State: beside(dst), Force: true}); err != nil {
				t.Fatal(err)
			}
			want(t, dst, map[string]string{"a": "two", "b": "B2"})
		})
	}
}

func TestFailureLeavesTheOldFiles(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	src.manifest(t, "v1", src.layer(t, "a", "A1"), src.layer(t, "b", "B1"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); err != nil {
		t.Fatal(err)
	}
	bad := src.layer(t, "b", "B2")
	src.manifest(t, "v2", src.layer(t, "a", "A2"), bad, src.layer(t, "new/c", "C"))
	src.fail = map[digest.Digest]error{bad.Digest: errors.New("connection reset")}
	if _, err := Artifact(t.Context(), src, "v2", dst, Options{State: beside(dst)}); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"a", "b"} {
		if b, err := dst.ReadFile(name); string(b) != strings.ToUpper(name)+"1" {
			t.Errorf("%s is %q (%v)", name, b, err)
		}
	}
	// What came before the failure is not fetched again, and nothing is left in the end.
	src.fail = nil
	if _, err := Artifact(t.Context(), src, "v2", dst, Options{State: beside(dst)}); err != nil {
		t.Fatal(err)
	}
	want(t, dst, map[string]string{"a": "A2", "b": "B2", "new/": "", "new/c": "C"})
}

func TestPlacingIsUndone(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	src.manifest(t, "v1", src.layer(t, "a", "A1"), src.layer(t, "d/b", "B1"))
	src.manifest(t, "v2", src.layer(t, "a", "A2"), src.layer(t, "d/b", "B2"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); err != nil {
		t.Fatal(err)
	}
	s, err := openStage(dst, digest.FromString("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.root.WriteFile(stageFiles+"/a", []byte("A2"), 0o666); err != nil {
		t.Fatal(err)
	}
	p := &placer{stage: s, moves: []move{{path: "a", replace: true}, {path: "missing"}}}
	if err := p.apply(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	want(t, dst, map[string]string{"a": "A1", "d/": "", "d/b": "B1"})
}

// TestEveryChangeIsRefused changes, cuts and lengthens each blob in turn.
func TestEveryChangeIsRefused(t *testing.T) {
	t.Parallel()
	src := newSource()
	layers := []ocispec.Descriptor{src.layer(t, "a", "content of a"), src.layer(t, "d/b", "content of b")}
	m := src.manifest(t, "v1", layers...)
	for _, desc := range append(layers, m) {
		whole, err := content.FetchAll(t.Context(), src.Store, desc)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(whole)
		changed[len(changed)/2] ^= 1
		for name, lie := range map[string][]byte{
			"changed": changed, "cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), ' '), "empty": {},
		} {
			liar := &source{Store: src.Store, lie: map[digest.Digest][]byte{desc.Digest: lie}}
			dst := newDir(t)
			if err := dst.WriteFile("mine", []byte("mine"), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := Artifact(t.Context(), liar, "v1", dst, Options{State: beside(dst)})
			if !errors.Is(err, artifact.ErrRefused) {
				t.Errorf("%s %s: got %v", name, desc.MediaType, err)
			}
			want(t, dst, map[string]string{"mine": "mine"})
		}
	}
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"../up", "a/../../up", "/etc/passwd", "..", ".", "a/..", "C:/x", `a\b`, "nul\x00", "line\nfeed", "bad\xff", "dir/",
		".davit-0123456789abcdef/files/x", "a/../b", strings.Repeat("x/", 3000) + "x",
	} {
		src, dst := newSource(), newDir(t)
		src.manifest(t, "v1", src.layer(t, "good", "g"), src.layer(t, name, "x"))
		// JSON can't carry every byte: what arrives is what counts.
		_, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)})
		if name != "bad\xff" && !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%q: got %v", name, err)
		}
		if err != nil {
			want(t, dst, map[string]string{})
		}
	}
}

func TestCollidingNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"a", "a"}, {"a", "./a"}, {"a", "a/b"}, {"a/b", "a"}} {
		src, dst := newSource(), newDir(t)
		src.manifest(t, "v1", src.layer(t, names[0], "1"), src.layer(t, names[1], "2"))
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%v: got %v", names, err)
		}
		want(t, dst, map[string]string{})
	}
}

func TestSymlinkInDestinationIsNotFollowed(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dst.Name(), "d")); err != nil {
		t.Fatal(err)
	}
	src.manifest(t, "v1", src.layer(t, "d/file", "x"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); err == nil {
		t.Error("wrote through a link")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

func TestAmbiguousManifests(t *testing.T) {
	t.Parallel()
	const config = `"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}`
	for name, body := range map[string]string{
		"twice":          `{"schemaVersion":2,` + config + `,"layers":[],"layers":[]}`,
		"other case":     `{"schemaVersion":2,` + config + `,"Layers":[]}`,
		"Kelvin sign":    `{"schemaVersion":2,` + config + `,"layerſ":[]}`,
		"both":           `{"schemaVersion":2,` + config + `,"layers":[],"manifests":[]}`,
		"no config":      `{"schemaVersion":2,"layers":[]}`,
		"version 1":      `{"schemaVersion":1,` + config + `,"layers":[]}`,
		"other type":     `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` + config + `}`,
		"not JSON":       `<html>`,
		"trailing":       `{"schemaVersion":2,` + config + `} {}`,
		"a digest twice": `{"schemaVersion":2,"config":{"digest":"sha256:1","digest":"sha256:2"}}`,
		"bad digest":     `{"schemaVersion":2,` + config + `,"layers":[{"digest":"sha256:../x","size":1}]}`,
		"negative size":  strings.Replace(`{"schemaVersion":2,`+config+`}`, `"size":2`, `"size":-2`, 1),
		"deep":           `{"schemaVersion":2,` + config + `,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		src, dst := newSource(), newDir(t)
		raw := src.push(t, "application/json", body) // of another type the store would parse it
		if err := src.Tag(t.Context(), raw, "v1"); err != nil {
			t.Fatal(err)
		}
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	src := newSource()
	entry := func(os, arch, variant string) ocispec.Descriptor {
		d := src.manifest(t, os+arch+variant, src.layer(t, "file", os+"/"+arch+variant))
		d.Platform = &ocispec.Platform{OS: os, Architecture: arch, Variant: variant}
		return d
	}
	attestation := entry("unknown", "unknown", "")
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{attestation, entry("linux", "amd64", ""), entry("linux", "arm", "v7"), entry("linux", "arm64", "v8")},
	}
	src.document(t, "v1", index)
	for want, p := range map[string]ocispec.Platform{
		"linux/amd64":   {OS: "linux", Architecture: "amd64"},
		"linux/armv7":   {OS: "linux", Architecture: "arm"},
		"linux/arm64v8": {OS: "linux", Architecture: "arm64"},
	} {
		dst := newDir(t)
		r, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst), Platform: &p})
		if b, _ := dst.ReadFile("file"); err != nil || string(b) != want || r.Platform == nil {
			t.Errorf("%v: got %q, %v", p, b, err)
		}
	}
	for _, p := range []ocispec.Platform{{OS: "windows", Architecture: "amd64"}, {OS: "unknown", Architecture: "unknown"}} {
		_, err := Artifact(t.Context(), src, "v1", newDir(t), Options{Platform: &p})
		var missing *PlatformError
		if !errors.Is(err, errdef.ErrNotFound) || !errors.As(err, &missing) || strings.Join(missing.Have, " ") != "linux/amd64 linux/arm/v7 linux/arm64/v8" {
			t.Errorf("%v: got %v", p, err)
		}
	}
	index.Manifests = index.Manifests[1:2]
	index.Manifests[0].Platform = nil
	src.document(t, "single", index)
	if _, err := Artifact(t.Context(), src, "single", newDir(t), Options{}); err != nil {
		t.Errorf("an entry for every platform: %v", err)
	}
}

func TestNothingToWriteIsAnError(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	src.manifest(t, "empty", ocispec.DescriptorEmptyJSON)
	src.manifest(t, "v1", src.layer(t, "a", "A"))
	for tag, opts := range map[string]Options{
		"empty": {}, "v1": {Include: []string{"*.md"}}, "missing": {},
	} {
		if _, err := Artifact(t.Context(), src, tag, dst, opts); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("%s: got %v", tag, err)
		}
		want(t, dst, map[string]string{})
	}
}

func TestDataInTheDescriptor(t *testing.T) {
	t.Parallel()
	src := newSource()
	layer := src.layer(t, "a", "A")
	for data, ok := range map[string]bool{"A": true, "B": false, "AA": false} {
		layer.Data = []byte(data)
		src.manifest(t, "v1", layer)
		src.fetched.Store(0)
		_, err := Artifact(t.Context(), src, "v1", newDir(t), Options{})
		if ok && (err != nil || src.fetched.Load() != 1) || !ok && !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("data %q: %v after %d fetches", data, err, src.fetched.Load())
		}
	}
}

func TestChartIsNamedAsHelmDoes(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	config := src.push(t, helmConfig, `{"name":"demo","version":"0.1.0"}`)
	layer := src.push(t, helmChart, "tgz")
	src.document(t, "v1", ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{layer, src.push(t, helmProvenance, "prov")},
	})
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); err != nil {
		t.Fatal(err)
	}
	want(t, dst, map[string]string{"demo-0.1.0.tgz": "tgz", "demo-0.1.0.tgz.prov": "prov"})
}

func TestStagesOfKilledPullsAreSwept(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	src.manifest(t, "v1", src.layer(t, "a", "A"))
	killed, err := openStage(dst, digest.FromString("another artifact"))
	if err != nil {
		t.Fatal(err)
	}
	working, err := openStage(dst, digest.FromString("a third one"))
	if err != nil {
		t.Fatal(err)
	}
	killed.release()
	for _, name := range []string{".davit-mine", besides(killed.name)} { // the second was killed at once
		if err := dst.Mkdir(name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst)}); err != nil {
		t.Fatal(err)
	}
	if err := working.close(); err != nil {
		t.Fatal(err)
	}
	want(t, dst, map[string]string{"a": "A", ".davit-mine/": ""})
}

func TestStateSeesOnlyItsOrigin(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	src.manifest(t, "one", src.layer(t, "a", "A"))
	src.manifest(t, "two", src.layer(t, "b", "B"))
	for _, tag := range []string{"one", "two"} {
		if _, err := Artifact(t.Context(), src, tag, dst, Options{State: beside(dst), Origin: tag, Delete: true}); err != nil {
			t.Fatal(err)
		}
	}
	want(t, dst, map[string]string{"a": "A", "b": "B"})
	if r, err := Artifact(t.Context(), src, "one", dst, Options{State: beside(dst), Origin: "one"}); err != nil || !r.Skipped {
		t.Errorf("skipped %v, %v", r.Skipped, err)
	}
	if err := os.Chtimes(filepath.Join(dst.Name(), "a"), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if r, err := Artifact(t.Context(), src, "one", dst, Options{State: beside(dst), Origin: "one"}); err != nil || !r.Skipped {
		t.Errorf("touched: skipped %v, %v", r.Skipped, err)
	}
}

// TestPullsAtOnce lets pulls of two versions place their files in one directory: each succeeds, and what is there in the
// end is one of them.
func TestPullsAtOnce(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	want := map[string]map[string]string{}
	for _, tag := range []string{"v1", "v2"} {
		var layers []ocispec.Descriptor
		want[tag] = map[string]string{"same": "S", "d/": "", "d/e/": ""}
		layers = append(layers, src.layer(t, "same", "S"))
		for i := range 10 {
			name := fmt.Sprintf("d/e/%d", i)
			layers = append(layers, src.layer(t, name, tag+name))
			want[tag][name] = tag + name
		}
		src.manifest(t, tag, layers...)
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			if _, err := Artifact(t.Context(), src, fmt.Sprintf("v%d", 1+i%2), dst, Options{State: beside(dst)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got := fmt.Sprint(tree(t, dst))
	if got != fmt.Sprint(want["v1"]) && got != fmt.Sprint(want["v2"]) {
		t.Errorf("a mixture: %s", got)
	}
}

// TestOutrunPullLeavesNothing lets other pulls do the work of one while it fetches: it finds nothing left to do, and
// leaves nothing of what it began.
func TestOutrunPullLeavesNothing(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	a, c := src.layer(t, "a", "A"), src.layer(t, "c", "C")
	src.manifest(t, "v1", a)
	src.manifest(t, "v2", src.layer(t, "a", "X"))
	src.manifest(t, "v3", a, c)
	pull := func(tag string) *Result {
		r, err := Artifact(t.Context(), src, tag, dst, Options{State: beside(dst)})
		if err != nil {
			t.Error(err)
		}
		return r
	}
	pull("v1")
	var outrun atomic.Bool
	src.before = func(d digest.Digest) {
		if d == c.Digest && !outrun.Swap(true) {
			pull("v2")
			pull("v3")
		}
	}
	if r := pull("v3"); r == nil || !r.Skipped {
		t.Errorf("got %+v, want nothing left to do", r)
	}
	want(t, dst, map[string]string{"a": "A", "c": "C"})
}

func TestFailedPullGoesOnOrLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cause error
		again int32 // blobs and manifests that the next pull fetches
	}{
		"broken off": {io.ErrUnexpectedEOF, 2},
		"full disk":  {&fs.PathError{Op: "write", Path: "b", Err: syscall.ENOSPC}, 3}, // others need the room as well
	} {
		src, dst := newSource(), newDir(t)
		broken := src.layer(t, "b", "two")
		src.manifest(t, "v1", src.layer(t, "a", "one"), broken)
		src.fail = map[digest.Digest]error{broken.Digest: c.cause}
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{Concurrency: 1}); !errors.Is(err, c.cause) {
			t.Errorf("%s: got %v", name, err)
		}
		if files := tree(t, dst); c.again == 3 && len(files) > 0 {
			t.Errorf("%s: left behind %v", name, files)
		}
		src.fail = nil
		src.fetched.Store(0)
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{}); err != nil || src.fetched.Load() != c.again {
			t.Errorf("%s: then fetched %d, %v, want %d", name, src.fetched.Load(), err, c.again)
		}
		if files := tree(t, dst); len(files) != 2 || files["a"] != "one" || files["b"] != "two" {
			t.Errorf("%s: at last %v", name, files)
		}
	}
}

// TestLinkInTheWay: a link in the place of a directory is neither followed nor replaced.
func TestLinkInTheWay(t *testing.T) {
	t.Parallel()
	src := newSource()
	src.manifest(t, "v1", src.layer(t, "d/sub/x", "content"))
	for _, target := range []string{"../elsewhere", "inside", "/etc", "nowhere"} {
		top := t.TempDir()
		out := filepath.Join(top, "out")
		for _, dir := range []string{"elsewhere/sub", "out/inside/sub"} {
			if err := os.MkdirAll(filepath.Join(top, dir), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(target, filepath.Join(out, "d")); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(out)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		before := src.fetched.Load()
		if _, err := Artifact(t.Context(), src, "v1", root, Options{}); !errors.Is(err, artifact.ErrKept) || !strings.Contains(err.Error(), `"d"`) {
			t.Errorf("%s: %v", target, err)
		}
		if n := src.fetched.Load() - before; n > 1 {
			t.Errorf("%s: %d fetched besides the manifest", target, n-1)
		}
		if _, err := Artifact(t.Context(), src, "v1", root, Options{Force: true}); err != nil {
			t.Errorf("%s: by force: %v", target, err)
		}
		if info, err := os.Lstat(filepath.Join(out, "d")); err != nil || !info.IsDir() {
			t.Errorf("%s: by force: %v, %v", target, info, err)
		}
		for _, dir := range []string{"elsewhere/sub", "out/inside/sub"} {
			if left, err := os.ReadDir(filepath.Join(top, dir)); err != nil || len(left) > 0 {
				t.Errorf("%s: %s has %v, %v", target, dir, left, err)
			}
		}
	}
}

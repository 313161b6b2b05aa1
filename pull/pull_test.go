package pull

import (
	"bytes"
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
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/pulltest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

func TestArtifact(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	twice := src.Layer(t, "d/e/b", "B")
	other := src.Layer(t, "b2", "B")
	m := src.Manifest(t, "v1", src.Layer(t, "a", "A"), twice, other, src.Layer(t, "", "none"))
	r, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)})
	if err != nil {
		t.Fatal(err)
	}
	derived := "sha256-" + digest.FromString("none").Encoded() + ".txt"
	pulltest.WantFiles(t, dst, map[string]string{"a": "A", "b2": "B", "d/": "", "d/e/": "", "d/e/b": "B", derived: "none"})
	if r.Digest != m.Digest || r.Skipped || len(r.Files) != 4 || r.Files[0].Path != "a" || r.Files[0].Digest != digest.FromString("A") {
		t.Errorf("got %+v, want digest %s and four files, not skipped", r, m.Digest)
	}
	a, _ := dst.Stat("b2")
	b, _ := dst.Stat("d/e/b")
	if os.SameFile(a, b) {
		t.Error("two files are hard links of each other")
	}
}

func TestUnchangedPullIsOneRequest(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	src.Manifest(t, "v1", src.Layer(t, "a", "A"), src.Layer(t, "d/b", "B"))
	first, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)})
	if err != nil {
		t.Fatal(err)
	}
	src.Fetched.Store(0)
	src.Resolved.Store(0)
	r, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)})
	if err != nil || !r.Skipped || src.Fetched.Load() != 0 || src.Resolved.Load() != 1 {
		t.Errorf("got skipped %t after %d fetches and %d resolves, %v, want true after 0 and 1", r.Skipped, src.Fetched.Load(), src.Resolved.Load(), err)
	}
	r.Skipped = false
	if a, b := asJSON(t, first), asJSON(t, r); a != b {
		t.Errorf("second result: got\n%s, want as the first\n%s", b, a)
	}
	// Without the state file, contents are compared: only the manifest is fetched.
	if r, err = Artifact(t.Context(), src, "v1", dst, Options{NoSync: true}); err != nil || !r.Skipped || src.Fetched.Load() != 1 {
		t.Errorf("without state: got skipped %t after %d fetches, %v, want true after 1", r.Skipped, src.Fetched.Load(), err)
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
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	src.Manifest(t, "v1", src.Layer(t, "same", "S"), src.Layer(t, "a", "old"), src.Layer(t, "d/gone", "G"))
	src.Manifest(t, "v2", src.Layer(t, "same", "S"), src.Layer(t, "a", "newer"), src.Layer(t, "e/b", "B"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
		t.Fatal(err)
	}
	before, _ := dst.Stat("same")
	src.Fetched.Store(0)
	if _, err := Artifact(t.Context(), src, "v2", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
		t.Fatal(err)
	}
	if src.Fetched.Load() != 3 {
		t.Errorf("got %d fetches, want those of the manifest and two layers", src.Fetched.Load())
	}
	if after, _ := dst.Stat("same"); !os.SameFile(before, after) {
		t.Error("a file that did not change was replaced")
	}
	pulltest.WantFiles(t, dst, map[string]string{"same": "S", "a": "newer", "d/": "", "d/gone": "G", "e/": "", "e/b": "B"})
	r, err := Artifact(t.Context(), src, "v2", dst, Options{NoSync: true, State: pulltest.Beside(dst), Delete: true})
	if err != nil || fmt.Sprint(r.Removed) != "[d/gone]" || r.Skipped {
		t.Errorf("got removed %v, skipped %t, %v, want d/gone removed", r.Removed, r.Skipped, err)
	}
	pulltest.WantFiles(t, dst, map[string]string{"same": "S", "a": "newer", "e/": "", "e/b": "B"})
	if r, err = Artifact(t.Context(), src, "v2", dst, Options{NoSync: true, State: pulltest.Beside(dst), Delete: true}); err != nil || !r.Skipped {
		t.Errorf("again: got skipped %t, %v, want true", r.Skipped, err)
	}
}

func TestFilesOfTheUserAreKept(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	src.Manifest(t, "v1", src.Layer(t, "a", "one"), src.Layer(t, "b", "B1"))
	src.Manifest(t, "v2", src.Layer(t, "a", "two"), src.Layer(t, "b", "B2"))
	prepare := map[string]func(dst *os.Root) error{
		"changed file": func(dst *os.Root) error {
			if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
				return err
			}
			return dst.WriteFile("a", []byte("mine"), 0o666)
		},
		"new file": func(dst *os.Root) error { return dst.WriteFile("a", []byte("mine"), 0o666) },
		"new link": func(dst *os.Root) error { return dst.Symlink("../elsewhere", "a") },
	}
	for name, prepare := range prepare {
		t.Run(name, func(t *testing.T) {
			dst := pulltest.NewDir(t)
			if err := prepare(dst); err != nil {
				t.Fatal(err)
			}
			old, _ := dst.Lstat("a")
			_, err := Artifact(t.Context(), src, "v2", dst, Options{NoSync: true, State: pulltest.Beside(dst)})
			if !errors.Is(err, artifact.ErrKept) || !strings.Contains(err.Error(), `"a"`) {
				t.Errorf("got %v, want ErrKept for a", err)
			}
			if now, _ := dst.Lstat("a"); !os.SameFile(old, now) {
				t.Error("the file was replaced")
			}
			if _, err := Artifact(t.Context(), src, "v2", dst, Options{NoSync: true, State: pulltest.Beside(dst), Force: true}); err != nil {
				t.Fatal(err)
			}
			pulltest.WantFiles(t, dst, map[string]string{"a": "two", "b": "B2"})
		})
	}
}

func TestFailureLeavesTheOldFiles(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	src.Manifest(t, "v1", src.Layer(t, "a", "A1"), src.Layer(t, "b", "B1"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
		t.Fatal(err)
	}
	bad := src.Layer(t, "b", "B2")
	src.Manifest(t, "v2", src.Layer(t, "a", "A2"), bad, src.Layer(t, "new/c", "C"))
	src.Fail = map[digest.Digest]error{bad.Digest: errors.New("connection reset")}
	if _, err := Artifact(t.Context(), src, "v2", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("got %v, want an error about b", err)
	}
	for _, name := range []string{"a", "b"} {
		if b, err := dst.ReadFile(name); string(b) != strings.ToUpper(name)+"1" {
			t.Errorf("%s: got %q, %v, want the content of v1", name, b, err)
		}
	}
	// The blobs that were fetched before the failure are not fetched again, and nothing is left in the end.
	src.Fail = nil
	if _, err := Artifact(t.Context(), src, "v2", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
		t.Fatal(err)
	}
	pulltest.WantFiles(t, dst, map[string]string{"a": "A2", "b": "B2", "new/": "", "new/c": "C"})
}

func TestPlacingIsUndone(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	src.Manifest(t, "v1", src.Layer(t, "a", "A1"), src.Layer(t, "d/b", "B1"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
		t.Fatal(err)
	}
	s, err := place.OpenStage(dst, digest.FromString("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Root.WriteFile(place.StageFiles+"/a", []byte("A2"), 0o666); err != nil {
		t.Fatal(err)
	}
	was, err := dst.Lstat("a")
	if err != nil {
		t.Fatal(err)
	}
	p := &place.Placer{Stage: s, Moves: []place.Move{{Path: "a", Was: was}, {Path: "missing"}}}
	if err := p.Apply(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	pulltest.WantFiles(t, dst, map[string]string{"a": "A1", "d/": "", "d/b": "B1"})
}

// TestEveryChangeIsRefused checks that a pull refuses every blob with changed, missing, or additional bytes.
func TestEveryChangeIsRefused(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	layers := []ocispec.Descriptor{src.Layer(t, "a", "content of a"), src.Layer(t, "d/b", "content of b")}
	m := src.Manifest(t, "v1", layers...)
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
			liar := &pulltest.Source{Store: src.Store, Lie: map[digest.Digest][]byte{desc.Digest: lie}}
			dst := pulltest.NewDir(t)
			if err := dst.WriteFile("mine", []byte("mine"), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := Artifact(t.Context(), liar, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)})
			if !errors.Is(err, artifact.ErrRefused) {
				t.Errorf("%s %s: got %v, want ErrRefused", name, desc.MediaType, err)
			}
			pulltest.WantFiles(t, dst, map[string]string{"mine": "mine"})
		}
	}
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"../up", "a/../../up", "/etc/passwd", "..", ".", "a/..", "C:/x", `a\b`, "nul\x00", "line\nfeed", "bad\xff", "dir/",
		".davit-0123456789abcdef/files/x", "a/../b", strings.Repeat("x/", 3000) + "x",
	} {
		src, dst := pulltest.NewSource(), pulltest.NewDir(t)
		src.Manifest(t, "v1", src.Layer(t, "good", "g"), src.Layer(t, name, "x"))
		// JSON can't carry every byte, so the name "bad\xff" arrives as a valid one.
		_, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)})
		if name != "bad\xff" && !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%q: got %v, want ErrRefused", name, err)
		}
		if err != nil {
			pulltest.WantFiles(t, dst, map[string]string{})
		}
	}
}

func TestCollidingNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"a", "a"}, {"a", "./a"}, {"a", "a/b"}, {"a/b", "a"}} {
		src, dst := pulltest.NewSource(), pulltest.NewDir(t)
		src.Manifest(t, "v1", src.Layer(t, names[0], "1"), src.Layer(t, names[1], "2"))
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%v: got %v, want ErrRefused", names, err)
		}
		pulltest.WantFiles(t, dst, map[string]string{})
	}
}

func TestSymlinkInDestinationIsNotFollowed(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dst.Name(), "d")); err != nil {
		t.Fatal(err)
	}
	src.Manifest(t, "v1", src.Layer(t, "d/file", "x"))
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err == nil {
		t.Error("got no error, want one about the link")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside the destination: got %v, %v, want nothing", entries, err)
	}
}

func TestInvalidManifests(t *testing.T) {
	t.Parallel()
	const config = `"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}`
	for name, body := range map[string]string{
		"layers twice":          `{"schemaVersion":2,` + config + `,"layers":[],"layers":[]}`,
		"key in another case":   `{"schemaVersion":2,` + config + `,"Layers":[]}`,
		"key with a long s":     `{"schemaVersion":2,` + config + `,"layerſ":[]}`,
		"layers and manifests":  `{"schemaVersion":2,` + config + `,"layers":[],"manifests":[]}`,
		"no config":             `{"schemaVersion":2,"layers":[]}`,
		"schemaVersion 1":       `{"schemaVersion":1,` + config + `,"layers":[]}`,
		"mediaType of an index": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` + config + `}`,
		"not JSON":              `<html>`,
		"trailing data":         `{"schemaVersion":2,` + config + `} {}`,
		"digest twice":          `{"schemaVersion":2,"config":{"digest":"sha256:1","digest":"sha256:2"}}`,
		"invalid digest":        `{"schemaVersion":2,` + config + `,"layers":[{"digest":"sha256:../x","size":1}]}`,
		"negative size":         strings.Replace(`{"schemaVersion":2,`+config+`}`, `"size":2`, `"size":-2`, 1),
		"nested too deeply":     `{"schemaVersion":2,` + config + `,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		src, dst := pulltest.NewSource(), pulltest.NewDir(t)
		raw := src.Add(t, "application/json", body) // with another type, the store would parse it
		if err := src.Tag(t.Context(), raw, "v1"); err != nil {
			t.Fatal(err)
		}
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
	}
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	entry := func(os, arch, variant string) ocispec.Descriptor {
		d := src.Manifest(t, os+arch+variant, src.Layer(t, "file", os+"/"+arch+variant))
		d.Platform = &ocispec.Platform{OS: os, Architecture: arch, Variant: variant}
		return d
	}
	attestation := entry("unknown", "unknown", "")
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{attestation, entry("linux", "amd64", ""), entry("linux", "arm", "v7"), entry("linux", "arm64", "v8")},
	}
	src.Document(t, "v1", index)
	for want, p := range map[string]ocispec.Platform{
		"linux/amd64":   {OS: "linux", Architecture: "amd64"},
		"linux/armv7":   {OS: "linux", Architecture: "arm"},
		"linux/arm64v8": {OS: "linux", Architecture: "arm64"},
	} {
		dst := pulltest.NewDir(t)
		r, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst), Selection: Selection{Platform: &p}})
		if b, _ := dst.ReadFile("file"); err != nil || string(b) != want || r.Platform == nil {
			t.Errorf("%v: got %q, %v, want %q", p, b, err, want)
		}
	}
	for _, p := range []ocispec.Platform{{OS: "windows", Architecture: "amd64"}, {OS: "unknown", Architecture: "unknown"}} {
		_, err := Artifact(t.Context(), src, "v1", pulltest.NewDir(t), Options{NoSync: true, Selection: Selection{Platform: &p}})
		var missing *fetch.PlatformError
		if !errors.Is(err, errdef.ErrNotFound) || !errors.As(err, &missing) || strings.Join(missing.Have, " ") != "linux/amd64 linux/arm/v7 linux/arm64/v8" {
			t.Errorf("%v: got %v, want a PlatformError with the three platforms", p, err)
		}
	}
	index.Manifests = index.Manifests[1:2]
	index.Manifests[0].Platform = nil
	src.Document(t, "single", index)
	if _, err := Artifact(t.Context(), src, "single", pulltest.NewDir(t), Options{NoSync: true}); err != nil {
		t.Errorf("an entry without a platform: %v", err)
	}
}

func TestNothingToWriteIsAnError(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	src.Manifest(t, "empty", ocispec.DescriptorEmptyJSON)
	src.Manifest(t, "v1", src.Layer(t, "a", "A"))
	for tag, opts := range map[string]Options{
		"empty": {}, "v1": {Selection: Selection{Include: []string{"*.md"}}}, "missing": {},
	} {
		if _, err := Artifact(t.Context(), src, tag, dst, opts); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("%s: got %v, want not found", tag, err)
		}
		pulltest.WantFiles(t, dst, map[string]string{})
	}
}

func TestDataInTheDescriptor(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	layer := src.Layer(t, "a", "A")
	for data, ok := range map[string]bool{"A": true, "B": false, "AA": false} {
		layer.Data = []byte(data)
		src.Manifest(t, "v1", layer)
		src.Fetched.Store(0)
		_, err := Artifact(t.Context(), src, "v1", pulltest.NewDir(t), Options{NoSync: true})
		if ok && (err != nil || src.Fetched.Load() != 1) || !ok && !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("data %q: got %v after %d fetches, want accepted %t", data, err, src.Fetched.Load(), ok)
		}
	}
}

func TestHelmChartName(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	config := src.Add(t, mediatypes.HelmConfig, `{"name":"demo","version":"0.1.0"}`)
	layer := src.Add(t, mediatypes.HelmChart, "tgz")
	src.Document(t, "v1", ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{layer, src.Add(t, mediatypes.HelmProvenance, "prov")},
	})
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
		t.Fatal(err)
	}
	pulltest.WantFiles(t, dst, map[string]string{"demo-0.1.0.tgz": "tgz", "demo-0.1.0.tgz.prov": "prov"})
}

func TestStagesOfKilledPullsAreRemoved(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	src.Manifest(t, "v1", src.Layer(t, "a", "A"))
	killed, err := place.OpenStage(dst, digest.FromString("another artifact"), nil)
	if err != nil {
		t.Fatal(err)
	}
	working, err := place.OpenStage(dst, digest.FromString("a third one"), nil)
	if err != nil {
		t.Fatal(err)
	}
	killed.Release()
	for _, name := range []string{".davit-mine", place.AlternativeName(killed.Name)} { // the second one is of a pull that was killed before it made a lock file
		if err := dst.Mkdir(name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
		t.Fatal(err)
	}
	if killed, err = place.OpenStage(dst, digest.FromString("another artifact"), nil); err != nil {
		t.Fatal(err)
	}
	killed.Release()
	r, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, State: pulltest.Beside(dst)})
	if err != nil || !r.Skipped {
		t.Errorf("got skipped %t, %v, want true", r.Skipped, err)
	}
	if err := working.Close(); err != nil {
		t.Fatal(err)
	}
	pulltest.WantFiles(t, dst, map[string]string{"a": "A", ".davit-mine/": ""})
}

func TestStateIsPerOrigin(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	src.Manifest(t, "one", src.Layer(t, "a", "A"))
	src.Manifest(t, "two", src.Layer(t, "b", "B"))
	for _, tag := range []string{"one", "two"} {
		if _, err := Artifact(t.Context(), src, tag, dst, Options{NoSync: true, State: pulltest.Beside(dst), Origin: tag, Delete: true}); err != nil {
			t.Fatal(err)
		}
	}
	pulltest.WantFiles(t, dst, map[string]string{"a": "A", "b": "B"})
	if r, err := Artifact(t.Context(), src, "one", dst, Options{NoSync: true, State: pulltest.Beside(dst), Origin: "one"}); err != nil || !r.Skipped {
		t.Errorf("got skipped %t, %v, want true", r.Skipped, err)
	}
	if err := os.Chtimes(filepath.Join(dst.Name(), "a"), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if r, err := Artifact(t.Context(), src, "one", dst, Options{NoSync: true, State: pulltest.Beside(dst), Origin: "one"}); err != nil || !r.Skipped {
		t.Errorf("with another time: got skipped %t, %v, want true", r.Skipped, err)
	}
}

// TestPullsAtOnce runs concurrent pulls of two versions into one directory. All succeed, and the directory has the files of one version
// in the end.
func TestPullsAtOnce(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	want := map[string]map[string]string{}
	for _, tag := range []string{"v1", "v2"} {
		var layers []ocispec.Descriptor
		want[tag] = map[string]string{"same": "S", "d/": "", "d/e/": ""}
		layers = append(layers, src.Layer(t, "same", "S"))
		for i := range 10 {
			name := fmt.Sprintf("d/e/%d", i)
			layers = append(layers, src.Layer(t, name, tag+name))
			want[tag][name] = tag + name
		}
		src.Manifest(t, tag, layers...)
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			if _, err := Artifact(t.Context(), src, fmt.Sprintf("v%d", 1+i%2), dst, Options{NoSync: true, State: pulltest.Beside(dst)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got := fmt.Sprint(pulltest.Tree(t, dst))
	if got != fmt.Sprint(want["v1"]) && got != fmt.Sprint(want["v2"]) {
		t.Errorf("got %s, want the files of one version", got)
	}
}

// TestOvertakenPullLeavesNothing checks that a pull is skipped and leaves no stage behind if other pulls place its files while it still
// fetches them.
func TestOvertakenPullLeavesNothing(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	a, c := src.Layer(t, "a", "A"), src.Layer(t, "c", "C")
	src.Manifest(t, "v1", a)
	src.Manifest(t, "v2", src.Layer(t, "a", "X"))
	src.Manifest(t, "v3", a, c)
	pull := func(tag string) *Result {
		r, err := Artifact(t.Context(), src, tag, dst, Options{NoSync: true, State: pulltest.Beside(dst)})
		if err != nil {
			t.Error(err)
		}
		return r
	}
	pull("v1")
	var overtaken atomic.Bool
	src.Before = func(d digest.Digest) {
		if d == c.Digest && !overtaken.Swap(true) {
			pull("v2")
			pull("v3")
		}
	}
	if r := pull("v3"); r == nil || !r.Skipped {
		t.Errorf("got %+v, want skipped", r)
	}
	pulltest.WantFiles(t, dst, map[string]string{"a": "A", "c": "C"})
}

func TestFailedPullResumesOrLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cause error
		again int32 // blobs and manifests that the next pull fetches
	}{
		"connection lost": {io.ErrUnexpectedEOF, 2},
		"full disk":       {&fs.PathError{Op: "write", Path: "b", Err: syscall.ENOSPC}, 3}, // the stage is removed to free its space
	} {
		src, dst := pulltest.NewSource(), pulltest.NewDir(t)
		broken := src.Layer(t, "b", "two")
		src.Manifest(t, "v1", src.Layer(t, "a", "one"), broken)
		src.Fail = map[digest.Digest]error{broken.Digest: c.cause}
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true, Concurrency: 1}); !errors.Is(err, c.cause) {
			t.Errorf("%s: got %v, want %v", name, err, c.cause)
		}
		if files := pulltest.Tree(t, dst); c.again == 3 && len(files) > 0 {
			t.Errorf("%s: left behind: got %v, want nothing", name, files)
		}
		src.Fail = nil
		src.Fetched.Store(0)
		if _, err := Artifact(t.Context(), src, "v1", dst, Options{NoSync: true}); err != nil || src.Fetched.Load() != c.again {
			t.Errorf("%s: second pull: got %d fetches, %v, want %d", name, src.Fetched.Load(), err, c.again)
		}
		if files := pulltest.Tree(t, dst); len(files) != 2 || files["a"] != "one" || files["b"] != "two" {
			t.Errorf("%s: in the end: got %v, want the files a and b", name, files)
		}
	}
}

// TestLinkInTheWay checks that a link in the place of a directory is never followed, and is replaced only with Force.
func TestLinkInTheWay(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	src.Manifest(t, "v1", src.Layer(t, "d/sub/x", "content"))
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
		before := src.Fetched.Load()
		if _, err := Artifact(t.Context(), src, "v1", root, Options{NoSync: true}); !errors.Is(err, artifact.ErrKept) || !strings.Contains(err.Error(), `"d"`) {
			t.Errorf("%s: got %v, want ErrKept for d", target, err)
		}
		if n := src.Fetched.Load() - before; n > 1 {
			t.Errorf("%s: got %d fetches besides the manifest, want none", target, n-1)
		}
		if _, err := Artifact(t.Context(), src, "v1", root, Options{NoSync: true, Force: true}); err != nil {
			t.Errorf("%s: with Force: %v", target, err)
		}
		if info, err := os.Lstat(filepath.Join(out, "d")); err != nil || !info.IsDir() {
			t.Errorf("%s: with Force: got %v, %v, want a directory", target, info, err)
		}
		for _, dir := range []string{"elsewhere/sub", "out/inside/sub"} {
			if left, err := os.ReadDir(filepath.Join(top, dir)); err != nil || len(left) > 0 {
				t.Errorf("%s: in %s: got %v, %v, want nothing", target, dir, left, err)
			}
		}
	}
}

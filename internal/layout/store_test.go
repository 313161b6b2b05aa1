package layout

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/archive"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// forEachPlace runs a test with the path of a layout, and with the path of an archive. Nothing exists there yet.
func forEachPlace(t *testing.T, test func(t *testing.T, path string)) {
	for _, name := range []string{"oci", "oci.tar"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, filepath.Join(t.TempDir(), name))
		})
	}
}

// openFor opens a layout or archive until the test ends.
func openFor(t *testing.T, path string, mode reference.Mode) testTarget {
	t.Helper()
	var target testTarget
	var err error
	if target, err = Open(path, mode); strings.HasSuffix(path, ".tar") {
		target, err = archive.Open(path, mode)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(context.Background(), nil) })
	return target
}

// editPlace opens a layout or archive for writing, calls do, and closes it.
func editPlace(t *testing.T, path string, do func(ctx context.Context, target testTarget) error) {
	t.Helper()
	target, err := openPlace(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Close(t.Context(), do(t.Context(), target)); err != nil {
		t.Fatal(err)
	}
}

// storeTagged stores and tags an artifact with one layer in a layout or archive.
func storeTagged(t *testing.T, path, tag string, layer []byte) (desc ocispec.Descriptor) {
	t.Helper()
	editPlace(t, path, func(ctx context.Context, target testTarget) (err error) {
		if desc, err = store(ctx, target, layer, nil); err != nil {
			return err
		}
		return target.Tag(ctx, desc, tag)
	})
	return desc
}

// filesIn reads a layout or archive into memory, by slash path.
func filesIn(t *testing.T, path string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	if !strings.HasSuffix(path, ".tar") {
		err := fs.WalkDir(os.DirFS(path), ".", func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				all[name], err = os.ReadFile(filepath.Join(path, name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if all[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// writePlace writes the files of a layout into a directory or, if path ends in .tar, into an archive, with prefix before each name.
func writePlace(t *testing.T, path, prefix string, all map[string][]byte) {
	t.Helper()
	if !strings.HasSuffix(path, ".tar") {
		for name, data := range all {
			name = filepath.Join(path, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range all {
		if err := w.WriteHeader(&tar.Header{Name: prefix + name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(path, b.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// TestDamage changes, cuts, lengthens, and empties each blob in turn, and checks that reading the blob is refused.
func TestDamage(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16+1) // more than 1 MiB, too large to be verified in memory
	damages := map[string]func([]byte) []byte{
		"changed":    func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b },
		"last bit":   func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 0x80; return b },
		"cut":        func(b []byte) []byte { return b[:len(b)-1] },
		"lengthened": func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"empty":      func([]byte) []byte { return nil },
	}
	forEachPlace(t, func(t *testing.T, path string) {
		desc := storeTagged(t, path, "v1", large)
		whole := filesIn(t, path)
		for name := range whole {
			if !strings.HasPrefix(name, "blobs/") {
				continue
			}
			for how, damage := range damages {
				damaged := filepath.Join(t.TempDir(), filepath.Base(path))
				all := map[string][]byte{}
				for n, data := range whole {
					if all[n] = data; n == name {
						all[n] = damage(data)
					}
				}
				writePlace(t, damaged, "", all)
				target := openFor(t, damaged, reference.Read)
				if err := readAll(t.Context(), target, desc); !errors.Is(err, artifact.ErrRefused) {
					t.Errorf("%s, %s: got %v, want ErrRefused", name, how, err)
				}
				fetchDamaged(t, target, whole[name])
			}
		}
	})
}

// fetchDamaged checks that fetching a damaged blob into a file is refused, and leaves no file.
func fetchDamaged(t *testing.T, target testTarget, intact []byte) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	desc := content.NewDescriptorFromBytes("application/octet-stream", intact)
	fetcher := target.(interface {
		FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error
	})
	if err := fetcher.FetchFile(t.Context(), desc, root, "file", nil); !errors.Is(err, artifact.ErrRefused) {
		t.Errorf("FetchFile: got %v, want ErrRefused", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestPushRepairs checks that a push replaces missing blobs and blobs of the wrong size.
func TestPushRepairs(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		storeTagged(t, path, "v1", []byte("layer"))
		all := filesIn(t, path)
		damaged := filepath.Join(t.TempDir(), filepath.Base(path))
		all[catalog.BlobName(digest.FromString("layer"))] = []byte("lay")
		delete(all, catalog.BlobName(digest.FromString("{}")))
		writePlace(t, damaged, "", all)
		storeTagged(t, damaged, "v1", []byte("layer"))
		checkIntact(t, damaged)
		if got, want := len(filesIn(t, damaged)), len(filesIn(t, path)); got != want {
			t.Errorf("got %d files, want %d", got, want)
		}
	})
}

// jsonOf returns a value as JSON, and panics if that fails.
func jsonOf(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// indexOf returns an index.json with these entries.
func indexOf(entries ...ocispec.Descriptor) []byte {
	return jsonOf(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: entries})
}

// withAnnotations returns a descriptor with annotations, given in pairs of key and value.
func withAnnotations(desc ocispec.Descriptor, annotations ...string) ocispec.Descriptor {
	desc.Annotations = map[string]string{}
	for i := 0; i < len(annotations); i += 2 {
		desc.Annotations[annotations[i]] = annotations[i+1]
	}
	return desc
}

const refName = ocispec.AnnotationRefName

// layoutOf returns the files of a layout, by path: oci-layout, index.json, and blobs.
func layoutOf(index []byte, blobs ...[]byte) map[string][]byte {
	all := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`), "index.json": index}
	for _, b := range blobs {
		all[catalog.BlobName(digest.FromBytes(b))] = b
	}
	return all
}

func TestHostileLayouts(t *testing.T) {
	t.Parallel()
	manifest := jsonOf(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.DescriptorEmptyJSON})
	good := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, manifest)
	with := func(change func(*ocispec.Descriptor)) map[string][]byte {
		desc := withAnnotations(good, refName, "v1")
		change(&desc)
		return layoutOf(indexOf(desc), manifest)
	}
	nested := [][]byte{manifest, []byte("{}")}
	deep := good
	for range 18 { // the limit is 16
		nested = append(nested, jsonOf(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2},
			MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{deep}}))
		deep = content.NewDescriptorFromBytes(ocispec.MediaTypeImageIndex, nested[len(nested)-1])
	}
	version := layoutOf(indexOf(), manifest)
	version["oci-layout"] = []byte(`{"imageLayoutVersion":"9"}`)
	for name, all := range map[string]map[string][]byte{
		"digest is a path":           with(func(d *ocispec.Descriptor) { d.Digest = "sha256:../../../../etc/passwd" }),
		"unknown algorithm":          with(func(d *ocispec.Descriptor) { d.Digest = "blake9:abc" }),
		"negative size":              with(func(d *ocispec.Descriptor) { d.Size = -1 }),
		"size of a terabyte":         with(func(d *ocispec.Descriptor) { d.Size = 1 << 40 }),
		"wrong size":                 with(func(d *ocispec.Descriptor) { d.Size++ }),
		"index too large":            layoutOf(bytes.Repeat([]byte(" "), 16<<20+1)),
		"index cut off":              layoutOf([]byte(`{"schemaVersion":2,"manifests":[`)),
		"index with schemaVersion 1": layoutOf([]byte(`{"schemaVersion":1,"manifests":[]}`)),
		"index empty":                layoutOf(nil),
		"layout version 9":           version,
		"nested too deeply":          layoutOf(indexOf(withAnnotations(deep, refName, "v1")), nested...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachPlace(t, func(t *testing.T, path string) {
				writePlace(t, path, "./", all)
				if err := readTagged(t.Context(), path); !errors.Is(err, artifact.ErrRefused) {
					t.Errorf("got %v, want ErrRefused", err)
				}
			})
		})
	}
}

// readTagged reads the artifact v1 of a layout or archive, and lists its referrers.
func readTagged(ctx context.Context, path string) error {
	open := func() (testTarget, error) { return Open(path, reference.Read) }
	if strings.HasSuffix(path, ".tar") {
		open = func() (testTarget, error) { return archive.Open(path, reference.Read) }
	}
	target, err := open()
	if err != nil {
		return err
	}
	defer target.Close(context.Background(), nil)
	desc, err := target.Resolve(ctx, "v1")
	if err != nil {
		return err
	}
	if err := readAll(ctx, target, desc); err != nil {
		return err
	}
	_, err = target.Predecessors(ctx, desc)
	return err
}

func TestLinksOutOfLayout(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"index.json", "blobs", "blobs/sha256", "oci-layout", "a blob"} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			real, path := filepath.Join(t.TempDir(), "real"), filepath.Join(t.TempDir(), "oci")
			desc := storeTagged(t, real, "v1", []byte("layer"))
			if link == "a blob" {
				link = catalog.BlobName(desc.Digest)
			}
			writePlace(t, path, "", filesIn(t, real))
			if err := os.RemoveAll(filepath.Join(path, link)); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(real, link), filepath.Join(path, link)); err != nil {
				t.Fatal(err)
			}
			if err := readTagged(t.Context(), path); err == nil {
				t.Error("a link out of the layout was followed")
			}
		})
	}
}

func TestBlobThatIsNotAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oci")
	desc := storeTagged(t, path, "v1", []byte("layer"))
	name := filepath.Join(path, catalog.BlobName(desc.Digest))
	if err := errors.Join(os.Remove(name), os.Mkdir(name, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := readTagged(t.Context(), path); !errors.Is(err, artifact.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

// TestOpen checks the errors for paths that do not exist or that are not layouts, and that Open creates no files.
func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writePlace(t, filepath.Join(dir, "other"), "", map[string][]byte{"letter.txt": nil})
	writePlace(t, filepath.Join(dir, "other.tar"), "", map[string][]byte{"letter.txt": nil})
	writePlace(t, dir, "", map[string][]byte{"file": []byte("x"), "text.tar": bytes.Repeat([]byte("text"), 500)})
	for _, test := range []struct {
		name string
		mode reference.Mode
		want error
	}{
		{"missing", reference.Read, errdef.ErrNotFound},
		{"missing", reference.Write, nil},
		{"missing.tar", reference.Read, errdef.ErrNotFound},
		{"missing.tar", reference.Write, nil},
		{"other", reference.Read, errdef.ErrNotFound},
		{"other", reference.Write, errdef.ErrInvalidReference},
		{"other.tar", reference.Write, errdef.ErrInvalidReference},
		{"text.tar", reference.Read, artifact.ErrRefused},
	} {
		open := func(p string) (testTarget, error) { return Open(p, test.mode) }
		if strings.HasSuffix(test.name, ".tar") {
			open = func(p string) (testTarget, error) { return archive.Open(p, test.mode) }
		}
		target, err := open(filepath.Join(dir, test.name))
		if !errors.Is(err, test.want) {
			t.Errorf("%s in mode %d: got %v, want %v", test.name, test.mode, err, test.want)
		}
		if err == nil {
			if err := target.Close(t.Context(), nil); err != nil {
				t.Error(err)
			}
		} else if !strings.Contains(err.Error(), filepath.Join(dir, test.name)) {
			t.Errorf("%s: got %v, want the path in it", test.name, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 4 {
		t.Errorf("got %v, want only the 4 files from before", left)
	}
}

// TestReadOnly checks that a layout or archive opened for reading can't be written.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		desc := storeTagged(t, path, "v1", []byte("layer"))
		target := openFor(t, path, reference.Read)
		for name, err := range map[string]error{
			"push":   target.Push(t.Context(), desc, strings.NewReader("")),
			"tag":    target.Tag(t.Context(), desc, "v2"),
			"untag":  target.Untag(t.Context(), "v1"),
			"delete": target.Delete(t.Context(), desc),
		} {
			if err == nil {
				t.Errorf("%s: got no error, want one", name)
			}
		}
	})
}

// cancelingReader is a reader that calls cancel during the first read.
type cancelingReader struct {
	io.Reader
	cancel func()
}

func (c cancelingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p[:min(len(p), 1000)])
	c.cancel()
	return n, err
}

func TestCanceledPushLeavesNothing(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		target, err := openPlace(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oras.PushBytes(t.Context(), target, "text/plain", []byte("one complete blob")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		data := bytes.Repeat([]byte("x"), 1<<20)
		err = target.Push(ctx, content.NewDescriptorFromBytes("text/plain", data), cancelingReader{bytes.NewReader(data), cancel})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if err := target.Close(t.Context(), nil); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// TestCloseWithError checks that an archive does not change if the caller has failed or the context is canceled.
func TestCloseWithError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oci.tar")
	storeTagged(t, path, "v1", []byte("layer"))
	before := filesIn(t, path)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	failed := errors.New("failed")
	for _, end := range []struct {
		ctx       context.Context
		err, want error
	}{
		{t.Context(), failed, failed},
		{canceled, nil, context.Canceled},
	} {
		target := openFor(t, path, reference.Write)
		desc, err := store(t.Context(), target, []byte("more"), nil)
		if err == nil {
			err = target.Tag(t.Context(), desc, "v1")
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Close(end.ctx, end.err); !errors.Is(err, end.want) {
			t.Errorf("Close: got %v, want %v", err, end.want)
		}
		if err := target.Close(t.Context(), nil); err != nil { // a deferred Close must not write
			t.Errorf("second Close: got %v, want no error", err)
		}
	}
	if after := filesIn(t, path); len(after) != len(before) || !bytes.Equal(after["index.json"], before["index.json"]) {
		t.Error("the archive changed")
	}
	checkNoTempFiles(t, path)
}

// TestUnchanged checks that storing the same artifact again writes nothing.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		storeTagged(t, path, "v1", []byte("layer"))
		name := path
		if !strings.HasSuffix(path, ".tar") {
			name = filepath.Join(path, "index.json")
		}
		before, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		storeTagged(t, path, "v1", []byte("layer"))
		if after, err := os.Stat(name); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s was written again (%v)", name, err)
		}
	})
}

// TestArchiveDependsOnlyOnContent checks that an archive does not depend on the order and time of writes.
func TestArchiveDependsOnlyOnContent(t *testing.T) {
	t.Parallel()
	var archives [][]byte
	for _, order := range [][]string{{"a", "b", "c"}, {"c", "a", "b"}} {
		path := filepath.Join(t.TempDir(), "oci.tar")
		for _, name := range order {
			storeTagged(t, path, name, []byte("layer "+name))
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, data)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the archives differ")
	}
	want := "sha256:6622d90910c6745a4421e1b254bac37aab2136427e128e31c9a80875f0dd8454"
	if got := digest.FromBytes(archives[0]).String(); got != want {
		t.Errorf("got the digest %s, want %s", got, want)
	}
}

// TestCompressedArchive checks that compressed archives are refused, because archives are read in place.
func TestCompressedArchive(t *testing.T) {
	t.Parallel()
	for _, magic := range []string{"\x1f\x8b", "\x28\xb5\x2f\xfd"} {
		path := filepath.Join(t.TempDir(), "oci.tar")
		if err := os.WriteFile(path, []byte(magic+strings.Repeat("x", 2000)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.OpenTar(path); !errors.Is(err, artifact.ErrInvalid) || !strings.HasSuffix(err.Error(), "it is compressed") {
			t.Errorf("%x: got %v, want ErrInvalid that says it is compressed", magic, err)
		}
	}
}

// TestForeignNames checks that a manifest is found by the names that other tools write: tags, full names, and containerd's two annotations.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	var blobs [][]byte
	var descs []ocispec.Descriptor
	for i := range 4 {
		blobs = append(blobs, jsonOf(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2},
			Config: ocispec.DescriptorEmptyJSON, Annotations: map[string]string{"n": fmt.Sprint(i)}}))
		descs = append(descs, content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, blobs[i]))
	}
	all := layoutOf(indexOf(
		withAnnotations(descs[0], refName, "v1"),
		withAnnotations(descs[1], refName, "docker.io/library/alpine:3.20"),
		withAnnotations(descs[2], refName, "latest", "io.containerd.image.name", "docker.io/library/busybox:latest"),
		withAnnotations(descs[3], refName, "quay.io/other/alpine:3.20"),
	), append(blobs, []byte("{}"))...)
	forEachPlace(t, func(t *testing.T, path string) {
		writePlace(t, path, "./", all)
		target := openFor(t, path, reference.Write)
		var tags []string
		if err := target.Tags(t.Context(), "", func(page []string) error { tags = page; return nil }); err != nil {
			t.Fatal(err)
		}
		if want := []string{"3.20", "latest", "v1"}; !slices.Equal(tags, want) {
			t.Errorf("got the tags %q, want %q", tags, want)
		}
		for reference, want := range map[string]int{"v1": 0, "docker.io/library/alpine:3.20": 1, "latest": 2,
			"docker.io/library/busybox:latest": 2, "quay.io/other/alpine:3.20": 3} {
			if got, err := target.Resolve(t.Context(), reference); err != nil || got.Digest != descs[want].Digest {
				t.Errorf("%s: got %v, %v, want %v", reference, got.Digest, err, descs[want].Digest)
			}
		}
		var several *index.AmbiguousError
		if got, err := target.Resolve(t.Context(), "3.20"); !errors.Is(err, artifact.ErrInvalid) || !errors.Is(err, errdef.ErrInvalidReference) ||
			!errors.As(err, &several) || !slices.Equal(several.Names, []string{"docker.io/library/alpine:3.20", "quay.io/other/alpine:3.20"}) {
			t.Errorf("3.20: got %v, %v, want an AmbiguousError with both names", got.Digest, err)
		}
		if err := target.Tag(t.Context(), descs[1], "3.20"); err != nil {
			t.Fatal(err)
		}
		if got, err := target.Resolve(t.Context(), "3.20"); err != nil || got.Digest != descs[1].Digest {
			t.Errorf("3.20 after tagging: got %v, %v, want %v", got.Digest, err, descs[1].Digest)
		}
	})
}

// TestForeignFieldsStay checks that editing index.json keeps the fields that other tools wrote.
func TestForeignFieldsStay(t *testing.T) {
	t.Parallel()
	manifest := jsonOf(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, Config: ocispec.DescriptorEmptyJSON})
	desc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, manifest)
	index := fmt.Sprintf(`{"schemaVersion":2,"annotations":{"x":"y"},"manifests":[{"mediaType":%q,"digest":%q,"size":%d,"vendor":{"a":[1]},"annotations":{%q:"old"}}]}`,
		desc.MediaType, desc.Digest, desc.Size, refName)
	forEachPlace(t, func(t *testing.T, path string) {
		writePlace(t, path, "", layoutOf([]byte(index), manifest, []byte("{}")))
		storeTagged(t, path, "new", []byte("layer"))
		got := string(filesIn(t, path)["index.json"])
		for _, want := range []string{`"vendor":{"a":[1]}`, `"annotations":{"x":"y"}`, `"old"`, `"new"`} {
			if !strings.Contains(got, want) {
				t.Errorf("got %s, want it to contain %s", got, want)
			}
		}
	})
}

// TestIndexes checks that the manifests of an index are found by digest, although only the index is listed, and are deleted with
// the index. A referrer stays.
func TestIndexes(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		var child, index ocispec.Descriptor
		editPlace(t, path, func(ctx context.Context, target testTarget) (err error) {
			if child, err = store(ctx, target, []byte("layer"), &sharedSubject); err != nil {
				return err
			}
			plainChild, err := store(ctx, target, []byte("other"), nil)
			if err != nil {
				return err
			}
			data := jsonOf(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
				Manifests: []ocispec.Descriptor{child, plainChild}})
			index, err = oras.TagBytes(ctx, target, ocispec.MediaTypeImageIndex, data, "multi")
			return err
		})
		editPlace(t, path, func(ctx context.Context, target testTarget) error {
			if got, err := target.Resolve(ctx, child.Digest.String()); err != nil || got.MediaType != child.MediaType {
				t.Errorf("a manifest of the index: got %v, %v, want %v", got, err, child)
			}
			if found, err := target.Predecessors(ctx, sharedSubject); err != nil || len(found) != 1 {
				t.Errorf("got the referrers %v, %v, want one", found, err)
			}
			if ok, err := target.Exists(ctx, child); !ok || err != nil {
				t.Errorf("Exists: got %v, %v, want true", ok, err)
			}
			return target.Delete(ctx, index)
		})
		all := filesIn(t, path)
		if _, ok := all[catalog.BlobName(child.Digest)]; !ok {
			t.Error("the referrer in the index was removed")
		}
		for name := range all {
			if name == catalog.BlobName(digest.FromString("other")) || name == catalog.BlobName(index.Digest) {
				t.Errorf("%s still exists", name)
			}
		}
	})
}

// TestMissingBlobs checks that a manifest is refused if its blobs are missing, unless their descriptors have URLs.
func TestMissingBlobs(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		target := openFor(t, path, reference.Write)
		foreign := ocispec.Descriptor{MediaType: "a/b", Digest: digest.FromString("foreign"), Size: 7, URLs: []string{"https://example.com"}}
		m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, Config: foreign, Layers: []ocispec.Descriptor{foreign}}
		if _, err := oras.PushBytes(t.Context(), target, ocispec.MediaTypeImageManifest, jsonOf(m)); err != nil {
			t.Errorf("missing blobs with URLs: got %v, want no error", err)
		}
		m.Layers[0].URLs, m.Config.URLs = nil, nil
		if _, err := oras.PushBytes(t.Context(), target, ocispec.MediaTypeImageManifest, jsonOf(m)); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("missing blobs: got %v, want ErrNotFound", err)
		}
	})
}

// TestGarbage checks that unneeded blobs are removed when no other process is writing.
func TestGarbage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oci")
	desc := storeTagged(t, path, "v1", []byte("of v1"))
	storeTagged(t, path, "v2", []byte("of v2"))
	orphan := filepath.Join(path, catalog.BlobName(digest.FromString("orphan")))
	if err := os.WriteFile(orphan, []byte("orphan"), 0o666); err != nil {
		t.Fatal(err)
	}

	other := openFor(t, path, reference.Write) // will store a manifest that needs the layer of v1
	if _, err := oras.PushBytes(t.Context(), other, "text/plain", []byte("of v1")); err != nil {
		t.Fatal(err)
	}
	editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Delete(ctx, desc) })
	if _, err := store(t.Context(), other, []byte("of v1"), &sharedSubject); err != nil {
		t.Errorf("a blob that another writer needs was removed: %v", err)
	}
	if err := other.Close(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	checkIntact(t, path)

	makeOlder(t, path, 2*files.Stale)
	editPlace(t, path, func(ctx context.Context, target testTarget) error {
		found, err := target.Predecessors(ctx, sharedSubject)
		if err != nil {
			return err
		}
		return target.Delete(ctx, found[0])
	})
	all := filesIn(t, path)
	for _, text := range []string{"of v1", "orphan"} {
		if _, ok := all[catalog.BlobName(digest.FromString(text))]; ok {
			t.Errorf("%q still exists", text)
		}
	}
	if _, ok := all[catalog.BlobName(digest.FromString("of v2"))]; !ok {
		t.Error("a blob that v2 needs was removed")
	}
}

// makeOlder sets the modification times of a layout's blobs back by age.
func makeOlder(t *testing.T, path string, age time.Duration) {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(path, "blobs", "*", "*"))
	for _, blob := range blobs {
		err = errors.Join(err, os.Chtimes(blob, time.Time{}, time.Now().Add(-age)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFileThatChanges checks that the error names a file that changes before the archive is written.
func TestFileThatChanges(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(file, []byte("before"), 0o666); err != nil {
		t.Fatal(err)
	}
	target := openFor(t, filepath.Join(t.TempDir(), "oci.tar"), reference.Write).(*archive.Archive)
	blob := artifact.Blob{MediaType: "a/b", Size: 6, Open: func(int64) (io.ReadCloser, error) { return os.Open(file) }}
	desc, _, err := target.PushBlob(t.Context(), blob, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, Config: desc}
	if _, err := oras.PushBytes(t.Context(), target, ocispec.MediaTypeImageManifest, jsonOf(m)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("after."), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(t.Context(), nil); !errors.Is(err, artifact.ErrChanged) || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want ErrChanged with the file name", err)
	}
}

// testTarget is the set of methods that layouts and archives share.
type testTarget interface {
	oras.GraphTarget
	registry.ReferrerLister
	registry.TagLister
	content.Deleter
	content.Untagger
	Close(ctx context.Context, err error) error
}

package layout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// descriptorOf returns the descriptor of data.
func descriptorOf(mediaType string, data []byte) ocispec.Descriptor {
	return content.NewDescriptorFromBytes(mediaType, data)
}

// TestUnknownDocument checks that a blob is kept if its digest occurs in a document of an unknown type, even when other artifacts
// are added or deleted, or the layout is repaired.
func TestUnknownDocument(t *testing.T) {
	t.Parallel()
	one, two := []byte("layer one"), []byte("layer two")
	first, second := digest.FromBytes(one), digest.FromBytes(two)
	inner := fmt.Appendf(nil, `{"schemaVersion":3,"parts":{"a":%q,"b":[%q]}}`, first, second)
	for name, document := range map[string]struct {
		mediaType, text string
		more            [][]byte
	}{
		"docker schema 1": {"application/vnd.docker.distribution.manifest.v1+prettyjws",
			fmt.Sprintf(`{"schemaVersion":1,"fsLayers":[{"blobSum":%q},{"blobSum":%q}]}`, first, second), nil},
		"future manifest type": {"application/vnd.oci.image.manifest.v2+json", string(inner), nil},
		"future index type": {"application/vnd.oci.image.index.v9+json", fmt.Sprintf(`{"schemaVersion":9,"entries":[%q]}`, digest.FromBytes(inner)),
			[][]byte{inner}},
		"future manifest field": {ocispec.MediaTypeImageManifest,
			fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"a/b","digest":%q,"size":9},"layers":[],"more":[{"digest":%q}]}`,
				ocispec.MediaTypeImageManifest, first, second), nil},
		"not JSON": {"application/vnd.example.cbor", "\x82\x78\x47" + string(first) + "\x78\x47" + string(second), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachPlace(t, func(t *testing.T, path string) {
				data := []byte(document.text)
				writePlace(t, path, "", layoutOf(indexOf(descriptorOf(document.mediaType, data)), append(document.more, data, one, two)...))
				if filepath.Ext(path) == "" {
					makeOlder(t, path, 48*time.Hour)
				}
				desc := storeTagged(t, path, "v1", []byte("something else"))
				editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Delete(ctx, desc) })
				editPlace(t, path, func(ctx context.Context, target testTarget) error {
					_, err := target.(interface {
						Repair(context.Context) ([]catalog.UnreferencedFile, error)
					}).Repair(ctx)
					return err
				})
				all := filesIn(t, path)
				for _, blob := range append(document.more, data, one, two) {
					if _, ok := all[catalog.BlobName(digest.FromBytes(blob))]; !ok {
						t.Errorf("the blob %.40q was removed", blob)
					}
				}
			})
		})
	}
}

// TestSubjectStays checks that the subject of a listed manifest stays, even if it is not listed itself, until it is deleted.
func TestSubjectStays(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		layer := []byte("of the subject")
		blob := descriptorOf("a/b", layer)
		manifest := jsonOf(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: blob})
		subject := descriptorOf(ocispec.MediaTypeImageManifest, manifest)
		missing := descriptorOf(ocispec.MediaTypeImageManifest, []byte("elsewhere"))
		referrer := func(subject ocispec.Descriptor) []byte {
			return jsonOf(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
				Config: blob, Subject: &subject})
		}
		listed, dangling := referrer(subject), referrer(missing)
		writePlace(t, path, "", layoutOf(indexOf(descriptorOf(ocispec.MediaTypeImageManifest, listed), descriptorOf(ocispec.MediaTypeImageManifest, dangling)),
			manifest, layer, listed, dangling))
		desc := storeTagged(t, path, "v1", []byte("something else"))
		editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Delete(ctx, desc) })
		if _, ok := filesIn(t, path)[catalog.BlobName(subject.Digest)]; !ok {
			t.Error("the subject of a listed manifest was removed")
		}
		editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Delete(ctx, subject) })
		all := filesIn(t, path)
		if _, ok := all[catalog.BlobName(subject.Digest)]; ok {
			t.Error("the deleted subject still exists")
		}
		if _, ok := all[catalog.BlobName(blob.Digest)]; !ok {
			t.Error("a blob that the referrer needs was removed")
		}
	})
}

// TestUntagKeepsNames checks that removing a tag keeps the other names of the manifest, even invalid tags, and the manifest.
func TestUntagKeepsNames(t *testing.T) {
	t.Parallel()
	forEachPlace(t, func(t *testing.T, path string) {
		data := jsonOf(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: descriptorOf("a/b", nil)})
		desc := descriptorOf(ocispec.MediaTypeImageManifest, data)
		names := []string{"a", "My Release 1", "b", "example.com/some/app:c", "ü"}
		var entries []ocispec.Descriptor
		for _, name := range names {
			entries = append(entries, withAnnotations(desc, ocispec.AnnotationRefName, name))
		}
		writePlace(t, path, "", layoutOf(indexOf(entries...), data, nil))
		for _, tag := range []string{"a", "b", "c"} {
			editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Untag(ctx, tag) })
			names = slices.DeleteFunc(names, func(name string) bool { return name == tag || name == "example.com/some/app:"+tag })
			got, err := openFor(t, path, reference.Read).(interface {
				NamesOf(context.Context, digest.Digest) ([]string, error)
			}).NamesOf(t.Context(), desc.Digest)
			if slices.Sort(got); err != nil || !slices.Equal(got, slices.Sorted(slices.Values(names))) {
				t.Errorf("without %s: got the names %q, %v, want %q", tag, got, err, names)
			}
		}
		last := storeTagged(t, path, "last", []byte("something else"))
		editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Untag(ctx, "last") })
		if err := readAll(t.Context(), openFor(t, path, reference.Read), last); err != nil {
			t.Errorf("the manifest was removed with its last tag: %v", err)
		}
	})
}

// TestForeignWriter checks that davit keeps files that another tool has written and not listed yet. Other tools take no locks.
func TestForeignWriter(t *testing.T) {
	t.Parallel()
	for name, temp := range map[string]string{"blob": "", "skopeo's temporary file": "oci-put-blob123", "oras's temporary file": "ingest/some_123"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "oci")
			shared := []byte("a shared layer")
			desc := storeTagged(t, path, "v1", shared)
			fresh := filepath.Join(path, temp)
			if temp == "" {
				fresh = filepath.Join(path, catalog.BlobName(digest.FromString("fresh")))
			}
			if err := errors.Join(os.MkdirAll(filepath.Dir(fresh), 0o777), os.WriteFile(fresh, []byte("fresh"), 0o666)); err != nil {
				t.Fatal(err)
			}
			// The other tool found the shared layer, and has not listed its manifest yet.
			editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Delete(ctx, desc) })
			editPlace(t, path, func(ctx context.Context, target testTarget) error {
				_, err := target.(*Layout).Repair(ctx)
				return err
			})
			for _, file := range []string{fresh, filepath.Join(path, catalog.BlobName(digest.FromBytes(shared)))} {
				if _, err := os.Stat(file); err != nil {
					t.Error(err)
				}
			}
			// The other tool was killed. After an hour, its blobs and oras's temporary files are removed.
			makeOlder(t, path, 2*time.Hour)
			if err := os.Chtimes(fresh, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
				t.Fatal(err)
			}
			editPlace(t, path, func(ctx context.Context, target testTarget) error {
				_, err := target.(*Layout).Repair(ctx)
				return err
			})
			if _, err := os.Stat(filepath.Join(path, catalog.BlobName(digest.FromBytes(shared)))); err == nil {
				t.Error("an unneeded blob still exists")
			}
			if _, err := os.Stat(fresh); (err == nil) != strings.HasPrefix(temp, skopeoTemp) {
				t.Errorf("the file of the other tool: got %v, want it removed, unless it is skopeo's", err)
			}
		})
	}
}

// TestUntagDuringTag checks that a new tag is not lost if the only other tag is removed at the same time.
func TestUntagDuringTag(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oci")
	desc := storeTagged(t, path, "a", []byte("one"))
	for i := range 40 {
		tag := fmt.Sprintf("b%d", i)
		ctx := t.Context()
		if i%2 == 1 {
			ctx = filelock.Without(ctx)
		}
		errs := make(chan error, 2)
		for _, edit := range []func(testTarget) error{
			func(target testTarget) error { return target.Untag(ctx, "a") },
			func(target testTarget) error { return target.Tag(ctx, desc, tag) },
		} {
			go func() {
				target, err := openPlace(path)
				if err == nil {
					err = target.Close(ctx, edit(target))
				}
				errs <- err
			}()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		place := openFor(t, path, reference.Read)
		if got, err := place.Resolve(t.Context(), tag); err != nil || got.Digest != desc.Digest {
			t.Fatalf("tag %s: got %s, %v, want %s", tag, got.Digest, err, desc.Digest)
		}
		if _, err := place.Resolve(t.Context(), "a"); !errors.Is(err, errdef.ErrNotFound) {
			t.Fatalf("tag a: got %v, want not found", err)
		}
		editPlace(t, path, func(ctx context.Context, target testTarget) error { return target.Tag(ctx, desc, "a") })
	}
}

// TestHalfWritten checks that a layout can be read and edited while another tool truncates and rewrites a file in place.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	for _, left := range []int{0, 1, 40} {
		for _, what := range []string{"index.json", "manifest"} {
			t.Run(fmt.Sprintf("%s, %d bytes", what, left), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "oci")
				desc := storeTagged(t, path, "v1", []byte("one"))
				name := filepath.Join(path, ocispec.ImageIndexFile)
				if what == "manifest" {
					name = filepath.Join(path, filepath.FromSlash(catalog.BlobName(desc.Digest)))
				}
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				for what, do := range map[string]func(ctx context.Context, target testTarget) error{
					"read": func(ctx context.Context, target testTarget) error {
						got, err := target.Resolve(ctx, "v1")
						if err != nil {
							return err
						}
						return readAll(ctx, target, got)
					},
					"edited": func(ctx context.Context, target testTarget) error {
						return target.Tag(ctx, desc, "v2")
					},
				} {
					target, err := openPlace(path)
					if err != nil {
						t.Fatal(err)
					}
					written := make(chan error, 1)
					if err := os.Truncate(name, int64(left)); err != nil {
						t.Fatal(err)
					}
					go func() {
						time.Sleep(50 * time.Millisecond)
						written <- os.WriteFile(name, data, 0o600)
					}()
					if err := errors.Join(do(t.Context(), target), <-written, target.Close(t.Context(), nil)); err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
				if tags, _ := checkIntact(t, path); what == "manifest" && len(tags) != 2 {
					t.Errorf("got the tags %q, want v1 and v2", tags)
				}
			})
		}
	}
}

// TestBatchOfTags checks that tags that are set in a batch resolve at once, and that index.json is written only at the end.
func TestBatchOfTags(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oci")
	storeTagged(t, path, "v0", []byte("before"))
	const tags = 20
	editPlace(t, path, func(ctx context.Context, target testTarget) error {
		l := target.(*Layout)
		l.Batch()
		for i := range tags {
			desc, err := store(ctx, l, fmt.Append(nil, i), nil)
			for _, tag := range []string{fmt.Sprint("v", i), "latest"} {
				if err == nil {
					err = l.Tag(ctx, desc, tag)
				}
				if got, resolveErr := l.Resolve(ctx, tag); err == nil && (resolveErr != nil || got.Digest != desc.Digest) {
					err = fmt.Errorf("%s: got %s, %w, want %s", tag, got.Digest, resolveErr, desc.Digest)
				}
			}
			if err != nil {
				return err
			}
		}
		data, err := os.ReadFile(filepath.Join(path, ocispec.ImageIndexFile))
		if err == nil && strings.Contains(string(data), `"latest"`) {
			err = errors.New("index.json was written during the batch")
		}
		return err
	})
	if found, _ := checkIntact(t, path); len(found) != tags+1 {
		t.Errorf("got the tags %q, want %d", found, tags+1)
	}
}

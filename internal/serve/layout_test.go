package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
	orasregistry "oras.land/oras-go/v2/registry"
)

// testLayout is a layout as oras keeps it, for one process alone.
type testLayout struct {
	*oci.Store
	dir  string
	temp string
}

func openTestLayout(_ context.Context, ref registry.Reference, mode registry.Mode) (registry.Target, error) {
	if mode == registry.Read && !isLayout(ref.Path) {
		return nil, &fs.PathError{Op: "open", Path: ref.Path, Err: fs.ErrNotExist}
	}
	store, err := oci.New(ref.Path)
	if err != nil {
		return nil, err
	}
	temp := filepath.Join(ref.Path, ".davit")
	return &testLayout{store, ref.Path, temp}, os.RemoveAll(temp)
}

func (l *testLayout) Close() error { return os.RemoveAll(l.temp) }

func (l *testLayout) Names(ctx context.Context) ([]string, error) {
	return orasregistry.Tags(ctx, l.Store)
}

func (l *testLayout) TagName(ctx context.Context, desc ocispec.Descriptor, name string) error {
	return l.Tag(ctx, desc, name)
}

func (l *testLayout) OpenBlob(d digest.Digest) (io.ReadSeekCloser, error) {
	f, err := os.Open(filepath.Join(l.dir, "blobs", d.Algorithm().String(), d.Encoded()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errdef.ErrNotFound
	}
	return f, err
}

// Push lists a manifest under its digest; in the index of oras it has no name then.
func (l *testLayout) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	if err := l.Store.Push(ctx, desc, r); !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	return nil
}

func (l *testLayout) Referrers(ctx context.Context, subject ocispec.Descriptor, _ string, fn func([]ocispec.Descriptor) error) error {
	data, err := os.ReadFile(filepath.Join(l.dir, ocispec.ImageIndexFile))
	if err != nil {
		return err
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return err
	}
	var found []ocispec.Descriptor
	for _, desc := range index.Manifests {
		data, err := content.FetchAll(ctx, l, desc)
		if err != nil {
			return err
		}
		var m ocispec.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		if m.Subject != nil && m.Subject.Digest == subject.Digest {
			found = append(found, ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
				ArtifactType: cmp.Or(m.ArtifactType, m.Config.MediaType), Annotations: m.Annotations})
		}
	}
	return fn(found)
}

func (l *testLayout) NewBlob(context.Context) (registry.BlobWriter, error) {
	if err := os.MkdirAll(l.temp, 0o777); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(l.temp, "")
	return &testBlob{f, l}, err
}

// testBlob is a blob on its way into a testLayout.
type testBlob struct {
	*os.File
	layout *testLayout
}

func (b *testBlob) Commit(ctx context.Context, want digest.Digest) error {
	data, err := os.ReadFile(b.Name())
	if err != nil {
		return err
	}
	if want.Algorithm().FromBytes(data) != want {
		return artifact.Refused(want.String(), "other content")
	}
	if _, err := b.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return b.layout.Push(ctx, ocispec.Descriptor{MediaType: octetStream, Digest: want, Size: int64(len(data))}, b.File)
}

func (b *testBlob) Close() error {
	return errors.Join(b.File.Close(), os.Remove(b.Name()))
}

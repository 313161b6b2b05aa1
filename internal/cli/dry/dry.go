// Package dry implements the target of a dry run.
package dry

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Target accepts every write and stores nothing. It keeps manifests in memory, because the same run may read them again.
type Target struct {
	registry.Target
	Temporary string // directory that Close removes; may be empty

	mu        sync.Mutex
	manifests map[digest.Digest][]byte
	others    []registry.Target       // sources of the content that would be copied
	sent      map[digest.Digest]int64 // sizes in bytes
}

// Sent returns the number of blobs and manifests that would be sent, and their size in bytes.
func (t *Target) Sent() (count int, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.sent {
		size += one
	}
	return len(t.sent), size
}

// ReadAlso makes the content of another target readable here, as if it had been copied. Close closes that target, too.
func (t *Target) ReadAlso(other registry.Target) { t.others = append(t.others, other) }

// Push keeps a manifest, and records the size of a blob without reading it.
func (t *Target) Push(_ context.Context, desc ocispec.Descriptor, r io.Reader) error {
	var data []byte
	if manifest.Is(desc.MediaType) {
		var err error
		if data, err = manifest.ReadAll(r, desc); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if data != nil {
		if t.manifests == nil {
			t.manifests = map[digest.Digest][]byte{}
		}
		t.manifests[desc.Digest] = data
	}
	if t.sent == nil {
		t.sent = map[digest.Digest]int64{}
	}
	t.sent[desc.Digest] = desc.Size
	return nil
}

// Exists reports whether the target has a blob or manifest, or would have it after the pushes so far.
func (t *Target) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	t.mu.Lock()
	_, sent := t.sent[desc.Digest]
	t.mu.Unlock()
	if sent {
		return true, nil
	}
	return t.Target.Exists(ctx, desc)
}

// Fetch returns a pushed manifest, or content of the target or of those that ReadAlso added.
func (t *Target) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	t.mu.Lock()
	data, kept := t.manifests[desc.Digest]
	t.mu.Unlock()
	if kept {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	r, err := t.Target.Fetch(ctx, desc)
	for _, other := range t.others {
		if err == nil {
			break
		}
		r, err = other.Fetch(ctx, desc)
	}
	return r, err
}

// Tag does nothing.
func (t *Target) Tag(context.Context, ocispec.Descriptor, string) error { return nil }

// TagFrom does nothing.
func (t *Target) TagFrom(context.Context, ocispec.Descriptor, string, string) error { return nil }

// ResolveFrom returns the manifest with this tag of a repository in a layout. It fails with errdef.ErrUnsupported for other targets.
func (t *Target) ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error) {
	several, ok := t.Target.(interface {
		ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error)
	})
	if !ok {
		return ocispec.Descriptor{}, errdef.ErrUnsupported
	}
	return several.ResolveFrom(ctx, repository, tag)
}

// Untag does nothing.
func (t *Target) Untag(context.Context, string) error { return nil }

// Delete does nothing.
func (t *Target) Delete(context.Context, ocispec.Descriptor) error { return nil }

// Close closes the target and those that ReadAlso added, and removes Temporary.
func (t *Target) Close(ctx context.Context, err error) error {
	err = t.Target.Close(ctx, err)
	for _, other := range t.others {
		err = other.Close(ctx, err)
	}
	if t.Temporary != "" {
		err = fault.Join(err, os.RemoveAll(t.Temporary))
	}
	return err
}

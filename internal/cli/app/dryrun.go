package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// DryRun is the flag of commands that then only say what they would do.
type DryRun bool

// AddFlag adds the flag.
func (d *DryRun) AddFlag(fs *pflag.FlagSet) {
	fs.BoolVar((*bool)(d), "dry-run", false, "show what would be done, without doing it")
}

// Verb returns what a command did, or what it would do.
func (d DryRun) Verb(did, do string) string {
	if d {
		return "would " + do
	}
	return did
}

// Open opens a target to write to, or in a dry run one that takes everything and keeps nothing.
func (d DryRun) Open(ctx context.Context, a *App, l *Login, ref registry.Reference) (*Target, error) {
	if !d {
		return a.OpenSide(ctx, l, ref, registry.Write)
	}
	t, err := d.OpenExisting(ctx, a, l, ref)
	if !ref.IsPath() || !errors.Is(err, errdef.ErrNotFound) {
		return t, err
	}
	temporary, err := os.MkdirTemp("", "davit-dry-run-") // the path would be created
	if err != nil {
		return nil, err
	}
	empty := registry.Reference{Path: filepath.Join(temporary, "layout")}
	if t, err = a.OpenReference(ctx, empty, registry.Write); err != nil {
		return nil, errors.Join(err, os.RemoveAll(temporary))
	}
	return &Target{Target: &DryTarget{Target: t.Target, temporary: temporary}, Ref: ref}, nil
}

// OpenExisting is Open for a target that must exist.
func (d DryRun) OpenExisting(ctx context.Context, a *App, l *Login, ref registry.Reference) (*Target, error) {
	if !d {
		return a.OpenSide(ctx, l, ref, registry.Write)
	}
	t, err := a.OpenSide(ctx, l, ref, registry.Read)
	if err != nil {
		return nil, err
	}
	return &Target{Target: &DryTarget{Target: t.Target}, Ref: ref}, nil
}

// DryTarget is a target that takes everything and keeps only manifests, which the same run may read again.
type DryTarget struct {
	registry.Target
	temporary string // directory to remove; empty: none

	mu        sync.Mutex
	manifests map[digest.Digest][]byte
	others    []registry.Target // that have what would be copied
	sent      []ocispec.Descriptor
}

// Dry returns the target of a dry run, or nil.
func (t *Target) Dry() *DryTarget {
	dry, _ := t.Target.(*DryTarget)
	return dry
}

// Sent returns how many blobs and manifests would be sent, and their size.
func (t *DryTarget) Sent() (count int, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, desc := range t.sent {
		size += desc.Size
	}
	return len(t.sent), size
}

// ReadAlso makes what another target has readable here, as if it was copied. Close closes it, too.
func (t *DryTarget) ReadAlso(other registry.Target) { t.others = append(t.others, other) }

// Push keeps a manifest, and takes note of a blob without reading it.
func (t *DryTarget) Push(_ context.Context, desc ocispec.Descriptor, r io.Reader) error {
	var data []byte
	if manifest.Is(desc.MediaType) {
		var err error
		if data, err = content.ReadAll(r, desc); err != nil {
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
	t.sent = append(t.sent, desc)
	return nil
}

// Fetch returns a manifest that was pushed, or what the target has.
func (t *DryTarget) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
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
func (t *DryTarget) Tag(context.Context, ocispec.Descriptor, string) error { return nil }

// TagFrom does nothing.
func (t *DryTarget) TagFrom(context.Context, ocispec.Descriptor, string, string) error { return nil }

// ResolveFrom returns the manifest that has a tag for a repository in a layout.
func (t *DryTarget) ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error) {
	several, ok := t.Target.(severalRepositories)
	if !ok {
		return ocispec.Descriptor{}, errdef.ErrUnsupported
	}
	return several.ResolveFrom(ctx, repository, tag)
}

// Untag does nothing.
func (t *DryTarget) Untag(context.Context, string) error { return nil }

// Delete does nothing.
func (t *DryTarget) Delete(context.Context, ocispec.Descriptor) error { return nil }

// Close closes the target and what ReadAlso added.
func (t *DryTarget) Close(ctx context.Context, err error) error {
	err = t.Target.Close(ctx, err)
	for _, other := range t.others {
		err = other.Close(ctx, err)
	}
	if t.temporary != "" {
		err = errors.Join(err, os.RemoveAll(t.temporary))
	}
	return err
}

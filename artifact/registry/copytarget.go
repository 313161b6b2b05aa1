package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	orasregistry "oras.land/oras-go/v2/registry"
)

// copyTarget sends blobs by the most capable method of the target, and reports progress.
type copyTarget struct {
	Target
	src      content.Fetcher
	progress artifact.Progress
	sent     atomic.Int64 // number of blobs and manifests sent or mounted

	listed   fetch.Listed
	unlisted digest.Digest // a referrer that the target does not list yet; empty if none
}

func (t *copyTarget) report(step artifact.Step, desc ocispec.Descriptor, done int64) {
	if t.progress != nil {
		t.progress.Report(artifact.Event{Step: step, ID: desc.Digest.String(), Descriptor: desc, Bytes: done})
	}
}

// markUnlisted makes the next copy push an existing manifest again if the manifest is a referrer that the target does not list.
// Layouts have no such list: they search their manifests.
func (t *copyTarget) markUnlisted(ctx context.Context, desc ocispec.Descriptor) error {
	t.unlisted = ""
	if keeper, able := t.Target.(BlobKeeper); !able || !keeper.KeepsBlobs() || !manifest.Is(desc.MediaType) {
		return nil
	}
	data, err := content.FetchAll(ctx, t.src, desc)
	if err != nil {
		return err
	}
	_, subject := manifest.ReferrerEntry(desc, data)
	if subject == "" {
		return nil
	}
	listed, err := t.listed.Has(ctx, t.Target, subject, desc.Digest)
	if err == nil && !listed {
		t.unlisted = desc.Digest
	}
	return err
}

// Exists reports whether a blob or manifest exists. Unless the target keeps all blobs of a stored manifest, everything that the manifest
// lists must exist, too: in a layout, files may be missing, and oras does not look below a manifest that exists.
func (t *copyTarget) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if desc.Digest == t.unlisted {
		return false, nil // it may exist, but the target lists it only after a push
	}
	ok, err := t.Target.Exists(ctx, desc)
	if keeper, able := t.Target.(BlobKeeper); able && keeper.KeepsBlobs() || !ok || err != nil || !manifest.Is(desc.MediaType) {
		return ok, err
	}
	inside, err := manifest.Successors(ctx, t.Target, desc)
	if err != nil {
		return false, nil // copied again
	}
	for _, one := range inside {
		if manifest.IsNondistributable(one.MediaType) {
			continue // not copied
		}
		if ok, err := t.Exists(ctx, one); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// Push sends a blob or manifest. A BlobPusher opens the blob itself, at any offset, so that an interrupted upload can resume.
// In that case, Push does not read r.
func (t *copyTarget) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	t.report(artifact.Started, desc, 0)
	step := artifact.Done
	pusher, able := t.Target.(BlobPusher)
	var err error
	if able && !manifest.Is(desc.MediaType) {
		step, err = t.pushBlob(ctx, pusher, desc)
	} else {
		err = t.Target.Push(ctx, desc, r)
	}
	if err != nil {
		return manifest.NameBlob("copying", desc, err)
	}
	if step != artifact.Skipped {
		t.sent.Add(1)
	}
	t.report(step, desc, desc.Size)
	return nil
}

// fetchMinSize is the minimum size in bytes of a blob that is downloaded over several connections and can resume. For a
// smaller one, the journal costs more than it saves.
const fetchMinSize = 8 << 20

// pushBlob sends a blob. A layout downloads a large blob directly into its file, and can resume the download.
func (t *copyTarget) pushBlob(ctx context.Context, pusher BlobPusher, desc ocispec.Descriptor) (artifact.Step, error) {
	report := func(done int64) { t.report(artifact.Advanced, desc, done) }
	disk, isDisk := t.Target.(BlobFetcher)
	if fetcher, ok := t.src.(FileFetcher); isDisk && ok && desc.Size >= fetchMinSize {
		step, err := disk.FetchBlob(ctx, desc, func(dst *os.Root, name string) error {
			return fetcher.FetchFile(ctx, desc, dst, name, func(done, _ int64) { report(done) })
		})
		if !errors.Is(err, errdef.ErrUnsupported) {
			return step, err
		}
	}
	_, step, err := pusher.PushBlob(ctx, t.blob(ctx, desc), report)
	return step, err
}

// Mount mounts a blob from another repository of the same registry.
func (t *copyTarget) Mount(ctx context.Context, desc ocispec.Descriptor, from string, get func() (io.ReadCloser, error)) error {
	mounter, ok := t.Target.(orasregistry.Mounter)
	if !ok {
		return errdef.ErrUnsupported
	}
	t.sent.Add(1)
	return mounter.Mount(ctx, desc, from, get)
}

// blob returns an artifact.Blob that reads from the source. Its ID is its digest: the bytes are the same wherever they are read.
func (t *copyTarget) blob(ctx context.Context, desc ocispec.Descriptor) artifact.Blob {
	return artifact.Blob{
		MediaType: desc.MediaType, Annotations: desc.Annotations, Size: desc.Size, Digest: desc.Digest, ID: desc.Digest.String(),
		Open: func(offset int64) (io.ReadCloser, error) { return openAt(ctx, t.src, desc, offset) },
	}
}

// openAt opens a blob at an offset.
func openAt(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, offset int64) (io.ReadCloser, error) {
	if ranger, ok := src.(Ranger); ok && offset > 0 {
		return ranger.FetchRange(ctx, desc, offset, desc.Size-offset)
	}
	r, err := src.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// lazySource opens a blob only at its first read, because copyTarget might never read it. It refuses manifests that exceed
// manifest.Limits, because oras decodes several at once.
type lazySource struct{ Target }

// Fetch reads a manifest immediately, and opens a blob at its first read.
func (s lazySource) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if manifest.Is(desc.MediaType) {
		data, err := manifest.Fetch(ctx, s.Target, desc)
		if err == nil {
			err = manifest.CheckLimits(desc, data)
		}
		return io.NopCloser(bytes.NewReader(data)), err
	}
	return &lazyReader{open: func() (io.ReadCloser, error) { return s.Target.Fetch(ctx, desc) }}, nil
}

// lazyReader opens a blob at the first read.
type lazyReader struct {
	open func() (io.ReadCloser, error)
	r    io.ReadCloser
}

// Read implements io.Reader.
func (l *lazyReader) Read(p []byte) (int, error) {
	if l.r == nil {
		r, err := l.open()
		if err != nil {
			return 0, err
		}
		l.r = r
	}
	return l.r.Read(p)
}

// Close closes the blob if it was opened.
func (l *lazyReader) Close() error {
	if l.r == nil {
		return nil
	}
	return l.r.Close()
}

package fetch

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	orasregistry "oras.land/oras-go/v2/registry"
)

// copyTarget hands blobs to the target the way it takes them best, and reports how far they are.
type copyTarget struct {
	registry.Target
	src      content.Fetcher
	progress artifact.Progress
	sent     atomic.Int64 // blobs and manifests
}

func (t *copyTarget) report(step artifact.Step, desc ocispec.Descriptor, done int64) {
	if t.progress != nil {
		t.progress.Report(artifact.Event{Step: step, ID: desc.Digest.String(), Descriptor: desc, Bytes: done})
	}
}

// Exists tells whether a blob is there, or a manifest with all that belongs to it: oras looks no further where one is.
// A registry takes no manifest without the rest; on a disk files get lost.
func (t *copyTarget) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	ok, err := t.Target.Exists(ctx, desc)
	if _, disk := t.Target.(blobFetcher); !disk || !ok || err != nil || !manifest.Is(desc.MediaType) {
		return ok, err
	}
	inside, err := content.Successors(ctx, t.Target, desc)
	if err != nil {
		return false, nil // what can't be read is copied again
	}
	for _, one := range inside {
		if manifest.IsNondistributable(one.MediaType) {
			continue // nobody copies it
		}
		if ok, err := t.Exists(ctx, one); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// Push sends a blob or manifest. A target that takes blobs whole gets the means to read this one again from any place,
// so that an upload can go on where it broke; the reader at hand is not touched then.
func (t *copyTarget) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	t.report(artifact.Started, desc, 0)
	step := artifact.Done
	pusher, able := t.Target.(pack.BlobPusher)
	var err error
	if able && !manifest.Is(desc.MediaType) {
		step, err = t.pushBlob(ctx, pusher, desc)
	} else {
		err = t.Target.Push(ctx, desc, r)
	}
	if err != nil {
		return err
	}
	if step != artifact.Skipped {
		t.sent.Add(1)
	}
	t.report(step, desc, desc.Size)
	return nil
}

// fetchedFrom is the size from which a blob out of a registry comes into a layout or archive over several connections and
// goes on where it stopped: below, that is not worth a journal.
const fetchedFrom = 8 << 20

// blobFetcher is a target on this machine's disk.
type blobFetcher interface {
	FetchBlob(ctx context.Context, desc ocispec.Descriptor, fetch func(dst *os.Root, name string) error) (artifact.Step, error)
}

// pushBlob sends a blob.
func (t *copyTarget) pushBlob(ctx context.Context, pusher pack.BlobPusher, desc ocispec.Descriptor) (artifact.Step, error) {
	report := func(done int64) { t.report(artifact.Advanced, desc, done) }
	disk, stored := t.Target.(blobFetcher)
	if fetcher, remote := t.src.(*registry.Repository); stored && remote && desc.Size >= fetchedFrom {
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

// Mount takes a blob from another repository of the same registry. Only a target that is a Mounter is asked.
func (t *copyTarget) Mount(ctx context.Context, desc ocispec.Descriptor, from string, get func() (io.ReadCloser, error)) error {
	mounter, ok := t.Target.(orasregistry.Mounter)
	if !ok {
		return errdef.ErrUnsupported
	}
	t.sent.Add(1)
	return mounter.Mount(ctx, desc, from, get)
}

// blob is a blob of the source as one to send. Its ID is its digest: the same bytes wherever they are read.
func (t *copyTarget) blob(ctx context.Context, desc ocispec.Descriptor) artifact.Blob {
	return artifact.Blob{
		MediaType: desc.MediaType, Annotations: desc.Annotations, Size: desc.Size, Digest: desc.Digest, ID: desc.Digest.String(),
		Open: func(offset int64) (io.ReadCloser, error) { return openAt(ctx, t.src, desc, offset) },
	}
}

// openAt reads a blob from an offset on.
func openAt(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, offset int64) (io.ReadCloser, error) {
	if ranger, ok := src.(fetch.Ranger); ok && offset > 0 {
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

// lazySource opens a blob when its first byte is wanted: copyTarget may not want any.
type lazySource struct{ registry.Target }

// Fetch gives manifests at once, blobs later.
func (s lazySource) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if manifest.Is(desc.MediaType) {
		return s.Target.Fetch(ctx, desc)
	}
	return &lazyReader{open: func() (io.ReadCloser, error) { return s.Target.Fetch(ctx, desc) }}, nil
}

// lazyReader is a blob that is not opened yet.
type lazyReader struct {
	open func() (io.ReadCloser, error)
	r    io.ReadCloser
}

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

func (l *lazyReader) Close() error {
	if l.r == nil {
		return nil
	}
	return l.r.Close()
}

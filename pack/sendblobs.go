package pack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/pack/internal/blob"
	"github.com/davit-oci/davit/pack/internal/tar"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// minOnePass is the minimum size of a file that is hashed while it is sent. Smaller files are hashed first: asking whether the target
// has the blob costs less than sending one that it has.
const minOnePass = 4 << 20

// pushBlobs sends blobs, the largest first, so that a large one is not the only one left at the end.
func (p *pusher) pushBlobs(ctx context.Context, blobs []*blob.Blob) error {
	lists.Sort(blobs, func(a, b *blob.Blob) int { return cmp.Compare(weight(b), weight(a)) })
	type key struct { // oras's memory store treats the same bytes with two media types as two blobs
		mediaType string
		digest    digest.Digest
	}
	seen := make(map[key]bool)
	unique := blobs[:0:0]
	var ids []string // of the unique blobs
	count := make(map[string]int)
	for _, b := range blobs {
		k := key{b.Desc.MediaType, b.Desc.Digest}
		if k.digest != "" && seen[k] {
			continue
		}
		seen[k] = true
		id := b.Name
		for count[id] > 0 { // layers without a title may have the same path
			count[b.Name]++
			id = fmt.Sprintf("%s#%d", b.Name, count[b.Name])
		}
		count[id]++
		unique, ids = append(unique, b), append(ids, id)
		p.opts.report(artifact.Event{Step: artifact.Planned, ID: id, Descriptor: b.Desc})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.opts.concurrency())
	for i, b := range unique {
		group.Go(func() error {
			if err := p.pushBlob(ctx, b, ids[i]); err != nil {
				return blob.Failed("pushing", b.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// weight returns the size of a blob, for sorting. A tar of unknown size gets the maximum, so that it is sent first.
func weight(b *blob.Blob) int64 {
	if b.Desc.Size < 0 {
		return 1<<63 - 1
	}
	return b.Desc.Size
}

// pushBlob sends one blob, and reports events with an ID. It hashes the blob before or while it sends it.
func (p *pusher) pushBlob(ctx context.Context, b *blob.Blob, id string) error {
	pusher, able := p.dst.(BlobPusher)
	if !b.IsKnown() && (!able || !p.isHashedWhileSent(b)) {
		if err := b.Measure(ctx, true); err != nil {
			return err
		}
		p.packer.Remember(b)
	}
	if o, ok := b.Origin.(*tar.Origin); ok {
		defer o.Empty()
	}
	if !able {
		pusher = plainPusher{p.dst}
	}
	event := artifact.Event{Step: artifact.Started, ID: id, Descriptor: b.Desc}
	p.opts.report(event)
	if p.old.blobs[b.Desc.Digest] {
		p.reportDone(id, b.Desc, artifact.Skipped)
		return b.Origin.Check()
	}
	desc, step, err := pusher.PushBlob(ctx, b.Source(ctx), func(done int64) {
		p.opts.report(artifact.Event{Step: artifact.Advanced, ID: id, Descriptor: event.Descriptor, Bytes: done})
	})
	if changed := b.Origin.Check(); changed != nil {
		return changed // a change of the file explains any other error
	}
	if err != nil {
		p.rehash(ctx, b, err)
		return err
	}
	b.Learn(desc)
	p.packer.Remember(b)
	p.reportDone(id, b.Desc, step)
	return nil
}

// rehash reads a file again after an error that a wrong digest in the cache may explain, so that the next push does not fail
// the same way.
func (p *pusher) rehash(ctx context.Context, b *blob.Blob, err error) {
	origin, file := b.Origin.(*blob.FileOrigin)
	if !file || !errors.Is(err, artifact.ErrChanged) && !errors.Is(err, artifact.ErrRefused) {
		return
	}
	again := &blob.Blob{Name: b.Name, Desc: ocispec.Descriptor{Size: -1}, Origin: origin}
	if again.Measure(ctx, false) == nil && again.Desc.Digest != b.Desc.Digest {
		p.packer.Remember(again)
	}
}

// isHashedWhileSent reports whether a blob with an unknown digest is to be hashed while it is sent.
func (p *pusher) isHashedWhileSent(b *blob.Blob) bool {
	if o, ok := b.Origin.(*tar.Origin); ok {
		return !o.IsSmall()
	}
	return b.Desc.Size >= minOnePass && !p.old.sizes[b.Desc.Size]
}

func (p *pusher) reportDone(id string, desc ocispec.Descriptor, step artifact.Step) {
	if step != artifact.Skipped {
		p.sent.Store(true)
	}
	p.opts.report(artifact.Event{Step: step, ID: id, Descriptor: desc, Bytes: desc.Size})
}

// plainPusher is a BlobPusher over any oras target, for blobs whose digest is known.
type plainPusher struct{ dst oras.Target }

// PushBlob checks whether the target has the blob and sends it if not.
func (p plainPusher) PushBlob(ctx context.Context, b artifact.Blob, report func(int64)) (
	ocispec.Descriptor, artifact.Step, error) {
	desc := b.Descriptor()
	if ok, err := p.dst.Exists(ctx, desc); err != nil || ok {
		return desc, artifact.Skipped, err
	}
	rc, err := b.Open(0)
	if err != nil {
		return desc, 0, err
	}
	defer rc.Close()
	report(0)
	err = p.dst.Push(ctx, desc, &countingReader{r: blob.NewReader(ctx, rc), report: report})
	if errors.Is(err, errdef.ErrAlreadyExists) {
		return desc, artifact.Skipped, nil
	}
	return desc, artifact.Done, err
}

// countingReader reports how many bytes were read.
type countingReader struct {
	r      io.Reader
	n      int64
	report func(int64)
}

// Read implements io.Reader.
func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	r.report(r.n)
	return n, err
}

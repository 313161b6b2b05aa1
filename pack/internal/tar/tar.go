// Package tar packs directories, and the entries of tars, into compressed tars that are created while they are read.
package tar

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/davit-oci/davit/internal/archive/zip"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxSpool is the maximum total size of the files whose tar is written to a temporary file, the spool. The digest of such a tar is
// known before it is sent, so that an unchanged part of a directory is not sent at all. A larger tar is sent while it is created.
const MaxSpool = 64 << 20

// source is a tar whose entries are packed again.
type source interface {
	Open(ctx context.Context, offset int64) (io.ReadCloser, error)
	Check() error
}

// An Origin is a directory, or a part of one, as a tar. The tar is created again each time it is opened, with the same
// bytes, unless it is in the spool.
type Origin struct {
	tree    write.Tree
	entries []write.Entry
	from    source // nil, or the tar whose entries are packed; tree and entries then describe this file
	packing mediatypes.Packing
	pool    *Pool
	print   fingerprint

	mu     sync.Mutex
	diffID digest.Digest // known once the tar has been created
	spool  *os.File      // nil if there is no spool
	size   int64         // of the spool

	exceedsRatio bool // the compression ratio is above the one that a pull allows by default
}

// Check returns an error if the tar that is packed again has changed. For a tree, it checks nothing: writing the tar compares
// each file with the walk.
func (o *Origin) Check() error {
	if o.from != nil {
		return o.from.Check()
	}
	return nil
}

// Open opens the tar at an offset. It creates the tar in a goroutine unless the tar is in the spool.
func (o *Origin) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if o.spool != nil {
		return io.NopCloser(io.NewSectionReader(o.spool, offset, o.size-offset)), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	stream := &tarStream{PipeReader: r, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(stream.done)
		w.CloseWithError(o.makeTar(ctx, w))
	}()
	if err := Skip(onlyReader{stream}, offset); err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}

// onlyReader hides all methods except Read.
type onlyReader struct{ io.Reader }

// Known returns the digests and size of the tar if the cache has them.
func (o *Origin) Known() (Record, bool) { return o.pool.Trees.lookup(o.print) }

// Remember stores the digests and size of the tar in the cache.
func (o *Origin) Remember(r Record) { o.pool.Trees.store(o.print, r) }

// tarStream is a tar that is created while it is read.
type tarStream struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   chan struct{}
}

// Close stops the writer and waits for it.
func (s *tarStream) Close() error {
	s.cancel()
	err := s.PipeReader.Close()
	<-s.done
	return err
}

// makeTar writes the compressed tar.
func (o *Origin) makeTar(ctx context.Context, w io.Writer) error {
	select {
	case o.pool.slots <- struct{}{}:
		defer func() { <-o.pool.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	kind := compression(o.packing)
	compressed := &countingWriter{w: w}
	c, err := o.pool.takeCompressor(compressed, kind)
	if err != nil {
		return err
	}
	defer o.pool.putCompressor(c, kind)
	plain := sha256.New()
	ratio := &ratioMeter{compressed: compressed, free: int64(len(o.entries)) * archive.EntryOverhead}
	if err := o.write(ctx, io.MultiWriter(c, plain, ratio)); err != nil {
		return convertError(err)
	}
	if err := c.Close(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.diffID = digest.NewDigest(digest.SHA256, plain)
	o.exceedsRatio = ratio.exceeded && kind != compress.None
	return nil
}

// ratioMeter compares the sizes of a tar before and after compression while it is written, as a pull does while it unpacks.
type ratioMeter struct {
	compressed *countingWriter
	n, free    int64 // bytes written, and bytes of headers, which the ratio ignores
	exceeded   bool
}

// Write counts p and checks the ratio.
func (m *ratioMeter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	ratio, from := archive.Limits{}.RatioLimit()
	if content := m.n - m.free; content > from && m.compressed.n < content/ratio {
		m.exceeded = true
	}
	return len(p), nil
}

// Excess describes how the tar exceeds a default limit of a pull, and returns the flag that changes the limit. Both are "" if
// the tar is within the limits. size is the compressed size. If the tar was not created in this process, because its digest
// is cached, Excess estimates from the sizes of its files.
func (o *Origin) Excess(size int64) (excess, flag string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var content int64
	for i := range o.entries {
		content += o.entries[i].Size
	}
	var limits archive.Limits
	ratio, from := limits.RatioLimit()
	exceedsRatio := o.exceedsRatio
	if o.diffID == "" && o.from == nil && compression(o.packing) != compress.None && content > from && size < content/ratio {
		stored := content - o.holes()
		exceedsRatio = stored > from && size < stored/ratio
	}
	switch {
	case o.packing == mediatypes.Zip: // a pull does not unpack it
		return "", ""
	case exceedsRatio:
		return fmt.Sprintf("unpacks to more than %d times its size", ratio), "--max-ratio"
	case content > limits.SizeLimit():
		return fmt.Sprintf("unpacks to more than %d bytes", limits.SizeLimit()), "--max-size"
	case int64(len(o.entries)) > limits.FileLimit():
		return fmt.Sprintf("has more than %d files", limits.FileLimit()), "--max-files"
	}
	return "", ""
}

// holes returns the total size of the holes in large files. The tar omits holes only with Preserve.
func (o *Origin) holes() int64 {
	const large = 1 << 20
	var holes int64
	for i := range o.entries {
		e := &o.entries[i]
		if !o.tree.Preserve || e.Size < large {
			continue
		}
		if info, err := fs.Lstat(o.tree.FS, path.Join(o.tree.Dir, e.Name)); err == nil {
			holes += e.Size - sysfile.Stored(info)
		}
	}
	return holes
}

// write writes the uncompressed tar, or the zip that it is converted to.
func (o *Origin) write(ctx context.Context, w io.Writer) error {
	if o.packing != mediatypes.Zip {
		return o.writeTar(ctx, w)
	}
	return zip.Convert(w, func(w io.Writer) error { return o.writeTar(ctx, w) })
}

func (o *Origin) writeTar(ctx context.Context, w io.Writer) error {
	if o.from == nil {
		return o.tree.Write(ctx, w, o.entries)
	}
	open := func() (io.ReadCloser, error) { return o.from.Open(ctx, 0) }
	return write.Rewrite(ctx, w, []func() (io.ReadCloser, error){open}, write.RewriteOptions{
		Options: read.Options{Limits: archive.Limits{Exact: true}, Verbatim: o.tree.Layer}, Prefix: o.tree.Prefix, Layer: o.tree.Layer,
	})
}

// DiffID returns the digest of the uncompressed tar, or known if the tar was not created in this process.
func (o *Origin) DiffID(known digest.Digest) digest.Digest {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.diffID == "" {
		return known
	}
	return o.diffID
}

func compression(p mediatypes.Packing) compress.Compression {
	switch p {
	case mediatypes.TarGzip:
		return compress.Gzip
	case mediatypes.TarZstd:
		return compress.Zstd
	}
	return compress.None
}

// IsSmall reports whether the tar is small enough for the spool.
func (o *Origin) IsSmall() bool {
	var total int64
	for i := range o.entries {
		if total += o.entries[i].Size; total > MaxSpool {
			return false
		}
	}
	return true
}

// Fill writes the tar to the spool, and returns its digest and size.
func (o *Origin) Fill(ctx context.Context) (ocispec.Descriptor, error) {
	f, err := os.CreateTemp("", "davit-*")
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	os.Remove(f.Name()) // so that a killed process leaves no file behind; where open files can't be removed, Empty removes it
	hash := digest.Canonical.Digester()
	counted := &countingWriter{w: io.MultiWriter(f, hash.Hash())}
	if err := o.makeTar(ctx, counted); err != nil {
		f.Close()
		os.Remove(f.Name())
		return ocispec.Descriptor{}, err
	}
	o.spool, o.size = f, counted.n
	return ocispec.Descriptor{Digest: hash.Digest(), Size: counted.n}, nil
}

// Empty frees the disk space of the spool.
func (o *Origin) Empty() {
	if o.spool != nil {
		o.spool.Close()
		os.Remove(o.spool.Name())
		o.spool = nil
	}
}

// countingWriter counts the bytes that it writes.
type countingWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.n += int64(n)
	return n, err
}

// convertError converts errors of package archive into those of package artifact.
func convertError(err error) error {
	switch {
	case errors.Is(err, archive.ErrChanged):
		return fault.As(err, artifact.ErrChanged)
	case errors.Is(err, archive.ErrUnsafe):
		return fault.As(err, artifact.ErrInvalid)
	}
	return err
}

// Skip skips the first offset bytes of a reader, by seeking if the reader can seek.
func Skip(r io.Reader, offset int64) error {
	if offset == 0 {
		return nil
	}
	if s, ok := r.(io.Seeker); ok {
		_, err := s.Seek(offset, io.SeekStart)
		return err
	}
	_, err := io.CopyN(io.Discard, r, offset)
	return err
}

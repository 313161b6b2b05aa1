package layout

import (
	"context"
	"hash"
	"io"
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
)

// OpenBlob opens a blob of any size, unverified. The result is an *os.File, so that sendfile can be used.
func (l *Layout) OpenBlob(d digest.Digest) (io.ReadSeekCloser, error) {
	b, err := l.Catalog.OpenBlob(d)
	if file, ok := b.(*files.Blob); ok {
		return file.File, err
	}
	return b, err
}

// NewBlob begins a blob that is written in chunks. It is a temporary file until it is committed.
func (l *Layout) NewBlob(ctx context.Context) (BlobWriter, error) {
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	f, name, err := l.createTemp()
	if err != nil {
		return nil, err
	}
	return &blobWriter{layout: l, file: f, name: name, hash: digest.SHA256.Hash()}, nil
}

// blobWriter is a blob that is being written to a layout.
type blobWriter struct {
	layout *Layout
	file   *os.File
	name   string    // of the temporary file; "" once it is committed or removed
	hash   hash.Hash // SHA-256 of the bytes written
}

// Write appends to the blob.
func (w *blobWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	return n, err
}

// Commit stores the blob under its digest. It fails with artifact.ErrRefused if the digest differs from want.
func (w *blobWriter) Commit(_ context.Context, want digest.Digest) error {
	got := digest.NewDigest(digest.SHA256, w.hash)
	if want.Algorithm() != digest.SHA256 {
		if err := untrusted.CheckDigest(want); err != nil {
			return artifact.Refused(untrusted.Line(want.String(), 200), "digest: %w", err)
		}
		var err error
		if got, err = want.Algorithm().FromReader(io.NewSectionReader(w.file, 0, 1<<63-1)); err != nil {
			return err
		}
	}
	if got != want {
		return artifact.Refused(want.String(), "digest mismatch: want %s, got %s", want, got)
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.layout.place(w.name, want); err != nil {
		return err
	}
	w.name = ""
	return nil
}

// Close discards a blob that was not committed.
func (w *blobWriter) Close() error {
	err := w.file.Close()
	if w.name != "" {
		err = fault.Join(err, w.layout.root.Remove(w.name))
		w.name = ""
	}
	return err
}

// BlobWriter writes a blob in chunks. Commit stores the blob if its digest matches; Close discards a blob that was not committed.
type BlobWriter interface {
	io.WriteCloser
	Commit(ctx context.Context, want digest.Digest) error
}

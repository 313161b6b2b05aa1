package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

const (
	// maxLinks limits the links that are followed to a file.
	maxLinks = 8
	// heldBack is the number of bytes of a file in a large layer that are withheld until the layer is verified.
	heldBack = 1 << 20
)

// CatOptions select the file. All of it is read unless Offset or Length is set.
type CatOptions struct {
	Path     string            // of the file, as a pull would name it
	Platform *ocispec.Platform // for an index; nil means that of this machine
	Offset   int64             // first byte in the file
	Length   int64             // number of bytes; 0 means to the end
	Inside   bool              // also a file in any tar that a pull leaves packed, instead of only those that the kind packs, such as charts
	Limits   pull.Limits
}

// Printed describes the file that Cat wrote.
type Printed struct {
	pull.File
	Platform *ocispec.Platform `json:"platform,omitempty"` // chosen from an index
	// Verified reports whether the layer that has the file was verified. It is false for a part of a layer of more than 32 MiB, and
	// for a file in such a tar, because the rest of the layer is not fetched.
	Verified bool `json:"verified"`
}

// Cat writes one file of an artifact to w, a layer or a file in a tar layer, and returns its description. It follows at most
// 8 links. A layer of at most 32 MiB is verified before the first byte is written. If the file is a larger layer, its last 1
// MiB is written after the digest has been verified; for other cases see Printed.
//
// Cat returns errdef.ErrNotFound if there is no such artifact or file, errdef.ErrUnsupported for a directory, and
// artifact.ErrRefused if a layer does not match its digest, is unsafe, or exceeds opts.Limits. In that case, Cat has written
// nothing or, from a layer of more than 32 MiB, all but the last bytes.
func Cat(ctx context.Context, src oras.ReadOnlyTarget, ref string, w io.Writer, opts CatOptions) (*Printed, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	m, platform, err := fetch.Choose(ctx, src, m, opts.Platform)
	if err != nil {
		return nil, err
	}
	items, err := fetch.NewItems(ctx, src, m, fetch.Selection{Inside: opts.Inside, Archives: true})
	if err != nil {
		return nil, err
	}
	c := &fileReader{src: src, items: items, opts: opts, w: w}
	f, err := c.follow(ctx, path.Clean(opts.Path))
	if err != nil {
		return nil, &artifact.Error{Op: "reading", Item: opts.Path, Err: err}
	}
	return &Printed{File: *f, Platform: platform, Verified: !c.unverified}, nil
}

// fileReader reads one file of an artifact, and writes it to w.
type fileReader struct {
	src        content.Fetcher
	items      []*fetch.Item
	opts       CatOptions
	w          io.Writer
	unverified bool     // unverified bytes were used
	seen       []string // names of other files in tars, for a suggestion
}

// follow reads the file with a name, following links in the artifact.
func (c *fileReader) follow(ctx context.Context, name string) (*pull.File, error) {
	for range maxLinks {
		f, err := c.read(ctx, name)
		if err != nil || f.Link == "" {
			return f, err
		}
		name = f.Link
		if fs.FileMode(f.Mode).Type() == fs.ModeSymlink {
			name = path.Join(path.Dir(f.Path), f.Link)
		}
	}
	return nil, fmt.Errorf("too many links: limit is %d", maxLinks)
}

// read searches the items for a name, the upper layers of an image first.
func (c *fileReader) read(ctx context.Context, name string) (*pull.File, error) {
	for _, it := range c.items {
		if (!it.Unpack || it.Packed) && it.Name == name {
			return c.writeBlob(ctx, it)
		}
	}
	hidden := fetch.NewCover()
	for _, it := range slices.Backward(c.items) {
		if !it.Unpack || !it.MayHave(name) {
			continue
		}
		f, err := c.writeFromTar(ctx, it, name, hidden)
		if f != nil || err != nil {
			return f, err
		}
		if hidden.Hides(name) {
			break
		}
	}
	return nil, fetch.MissingFile(c.items, name, c.seen)
}

// writeBlob writes a layer that is the file.
func (c *fileReader) writeBlob(ctx context.Context, it *fetch.Item) (*pull.File, error) {
	f := &pull.File{Path: it.Name, Size: it.Desc.Size, Mode: 0o644, Digest: it.Desc.Digest, Layer: it.Desc.Digest}
	if it.Desc.Size <= fetch.VerifiedFirst {
		b, err := fetch.ReadVerified(ctx, c.src, it.Desc)
		if err != nil {
			return nil, err
		}
		offset, length := c.partOf(it.Desc)
		_, err = c.w.Write(b[offset : offset+length])
		return f, err
	}
	if c.opts.Offset != 0 || c.opts.Length != 0 {
		return f, c.writePart(ctx, it.Desc)
	}
	rc, err := fetch.OpenBlob(ctx, c.src, it.Desc)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	held := &holder{w: c.w}
	if err := fetch.CopyVerified(ctx, held, rc, it.Desc, func(int64) {}); err != nil {
		return nil, err
	}
	return f, held.release()
}

// partOf returns the offset and the length of the requested part of a blob.
func (c *fileReader) partOf(desc ocispec.Descriptor) (offset, length int64) {
	offset = min(c.opts.Offset, desc.Size)
	length = desc.Size - offset
	if c.opts.Length > 0 {
		length = min(length, c.opts.Length)
	}
	return offset, length
}

// writePart writes a part of a blob that is too large to be fetched and verified for it.
func (c *fileReader) writePart(ctx context.Context, desc ocispec.Descriptor) error {
	offset, length := c.partOf(desc)
	if length == 0 {
		return nil
	}
	c.unverified = true
	if ranger, ok := c.src.(fetch.Ranger); ok && desc.Data == nil {
		rc, err := ranger.FetchRange(ctx, desc, offset, length)
		if err != nil {
			return err
		}
		defer rc.Close()
		return c.copyPart(rc, length)
	}
	rc, err := fetch.OpenBlob(ctx, c.src, desc)
	if err != nil {
		return err
	}
	defer rc.Close()
	if _, err := io.CopyN(io.Discard, rc, offset); err != nil {
		return fetch.RefuseMismatch(explainEOF(err), desc)
	}
	return c.copyPart(rc, length)
}

func (c *fileReader) copyPart(r io.Reader, length int64) error {
	_, err := io.CopyN(c.w, r, length)
	return explainEOF(err)
}

// explainEOF returns io.ErrUnexpectedEOF for io.EOF, and other errors unchanged.
func explainEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeFromTar searches a tar for the file and writes it. It returns nil if the file is not in the tar. It adds the paths that the
// layer hides in lower layers to hidden.
func (c *fileReader) writeFromTar(ctx context.Context, it *fetch.Item, name string, hidden *fetch.Cover) (*pull.File, error) {
	var found *pull.File
	held := &holder{w: c.w}
	parts, err := fetch.ByParts(ctx, c.src, it.Desc)
	if err != nil {
		return nil, err
	}
	err = fetch.Tar{Source: c.src, Item: it, Limits: tarLimits(c.opts.Limits), Parts: parts}.Read(ctx, func(h *read.Header, r io.Reader) error {
		if it.Image && h.Name != name {
			hidden.Add(h.Name, h.Mode.IsDir())
		}
		if h.Name != name {
			if !h.Mode.IsDir() {
				c.seen = missing.AddName(c.seen, h.Name)
			}
			return nil
		}
		if h.Mode.IsDir() {
			return fault.Worded("it is a directory", errdef.ErrUnsupported)
		}
		found = &pull.File{Path: name, Size: h.Size, Mode: pull.Mode(h.Mode), Link: h.Link, Layer: it.Desc.Digest}
		if err := c.writeEntry(held, h, r); err != nil || it.Desc.Size <= fetch.VerifiedFirst {
			return err
		}
		c.unverified = true
		return fs.SkipAll
	})
	c.unverified = c.unverified || parts != nil
	if errors.Is(err, fetch.ErrNotTar) {
		return c.writeLayer(ctx, it, name)
	}
	if err != nil || found == nil {
		return nil, err
	}
	return found, held.release()
}

// writeLayer writes a layer that is a file instead of a tar. It returns nil if the layer has another name.
func (c *fileReader) writeLayer(ctx context.Context, it *fetch.Item, name string) (*pull.File, error) {
	if it.Name != name {
		return nil, nil
	}
	return c.writeBlob(ctx, it)
}

// writeEntry writes a file of a tar, or the requested part of it. It writes nothing for a link.
func (c *fileReader) writeEntry(w io.Writer, h *read.Header, r io.Reader) error {
	if h.Link != "" {
		return nil
	}
	if c.opts.Offset > 0 {
		if _, err := io.CopyN(io.Discard, r, min(c.opts.Offset, h.Size)); err != nil {
			return explainEOF(err)
		}
	}
	if c.opts.Length > 0 {
		r = io.LimitReader(r, c.opts.Length)
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, fetch.OnlyReader{Reader: r}, make([]byte, fetch.CopyBuffer))
	return err
}

// holder is a writer that holds back the last heldBack bytes until they are released.
type holder struct {
	w   io.Writer
	buf []byte
}

// Write implements io.Writer.
func (h *holder) Write(p []byte) (int, error) {
	if surplus := len(h.buf) + len(p) - heldBack; surplus > 0 && len(h.buf) > 0 {
		n := min(surplus, len(h.buf))
		if _, err := h.w.Write(h.buf[:n]); err != nil {
			return 0, err
		}
		h.buf = h.buf[:copy(h.buf, h.buf[n:])]
	}
	keep := min(len(p), heldBack)
	if direct := p[:len(p)-keep]; len(direct) > 0 {
		if _, err := h.w.Write(direct); err != nil {
			return 0, err
		}
	}
	h.buf = append(h.buf, p[len(p)-keep:]...)
	return len(p), nil
}

// release writes the bytes held back.
func (h *holder) release() error {
	_, err := h.w.Write(h.buf)
	h.buf = nil
	return err
}

package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	oci "github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// Cover records which files of lower layers the upper layers of an image hide.
type Cover struct {
	taken  map[string]bool // by path; true for a directory, which hides nothing below itself
	gone   map[string]bool // whiteouts
	opaque map[string]bool // directories whose lower content is hidden
}

// NewCover returns a Cover that hides nothing.
func NewCover() *Cover { return &Cover{map[string]bool{}, map[string]bool{}, map[string]bool{}} }

// IsWhiteout reports whether an entry of a layer, by its name, removes files of lower layers (OCI image spec, layer.md).
func IsWhiteout(name string) bool { return strings.HasPrefix(path.Base(name), ".wh.") }

// Add records an entry of an upper layer. Add the layers from the top down: a layer does not hide its own files.
func (c *Cover) Add(name string, dir bool) {
	base := path.Base(name)
	switch {
	case base == ".wh..wh..opq":
		c.opaque[path.Dir(name)] = true
	case strings.HasPrefix(base, ".wh..wh."):
	case strings.HasPrefix(base, ".wh."):
		c.gone[path.Join(path.Dir(name), strings.TrimPrefix(base, ".wh."))] = true
	default:
		c.taken[name] = dir
	}
}

// Hides reports whether a file of a lower layer can't be seen.
func (c *Cover) Hides(name string) bool {
	if _, ok := c.taken[name]; ok || c.gone[name] {
		return true
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if isDir, ok := c.taken[dir]; c.gone[dir] || c.opaque[dir] || ok && !isDir {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// ErrNotTar means that a layer is not a tar, although its role requires one.
var ErrNotTar = errors.New("not a tar")

// A Tar is a tar layer to be read.
type Tar struct {
	Source content.Fetcher
	Item   *Item
	Limits archive.Limits
	Parts  *RangeReader // reads only the needed parts; if nil, the whole blob is read
}

// Read calls fn for the entries of the layer under the names that a pull would use, whiteouts included. A blob of at most
// VerifiedFirst bytes is verified before the first call. If Read returns nil, a larger one was verified, too, unless it was
// read by parts, or fn returned fs.SkipAll. Read fails with ErrNotTar for a layer that is a tar only by its role, and with
// artifact.ErrRefused for one that is unsafe or does not match its digest.
func (t Tar) Read(ctx context.Context, fn func(*read.Header, io.Reader) error) error {
	it := t.Item
	opts := read.Options{Limits: t.Limits, Image: it.Image, Rooted: it.Rooted, Within: it.Within}
	opts.Limits.Exact = it.Image
	seen, stopped := false, false
	each := func(h *read.Header, r io.Reader) error {
		seen = true
		name, ok := it.stripName(h.Name)
		if !ok {
			return nil
		}
		h.Name = name
		if h.IsHardLink() {
			h.Link, _ = it.stripName(h.Link)
		} else if h.Absolute != "" {
			h.Link = read.RelativeToRoot(name, h.Absolute) // a pull strips the name first
		}
		err := fn(h, r)
		stopped = errors.Is(err, fs.SkipAll)
		return err
	}
	err := t.readBlob(ctx, func(r io.Reader) (bool, error) {
		err := read.Each(ctx, r, opts, each)
		return stopped, err
	})
	switch {
	case errors.Is(err, archive.ErrUnsafe) && it.Sniff && !seen:
		return ErrNotTar
	case errors.Is(err, archive.ErrUnsafe):
		return artifact.Refused("", "%w", err)
	}
	return err
}

// stripName returns the name of an entry without the item's leading directory, or false if the entry is outside it.
func (it *Item) stripName(name string) (string, bool) {
	if it.Strip == "" {
		return name, true
	}
	inside, ok := strings.CutPrefix(name, it.Strip)
	if !ok || inside != "" && inside[0] != '/' {
		return "", false
	}
	return path.Clean("./" + inside), true
}

// ByParts returns a reader that fetches only the parts of a tar layer that are read. It returns nil if the source is not
// a Ranger, or if the layer is compressed or has at most VerifiedFirst bytes.
func ByParts(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) (*RangeReader, error) {
	ranger, ok := src.(Ranger)
	if !ok || desc.Size <= VerifiedFirst || isCompressed(desc.MediaType) {
		return nil, nil
	}
	blob := newRangeReader(ctx, ranger, desc)
	if plain, err := isPlainTar(blob); err != nil || !plain {
		return nil, err
	}
	return blob, nil
}

// readBlob calls fn with a reader of the blob. A blob of at most VerifiedFirst bytes is verified before the call, a larger one after
// it, unless fn reports that it stopped early. A blob that is read by parts is not verified.
func (t Tar) readBlob(ctx context.Context, fn func(io.Reader) (stopped bool, err error)) error {
	if t.Parts != nil {
		_, err := fn(t.Parts)
		return err
	}
	if t.Item.Desc.Size <= VerifiedFirst {
		b, err := ReadVerified(ctx, t.Source, t.Item.Desc)
		if err == nil {
			_, err = fn(bytes.NewReader(b))
		}
		return err
	}
	rc, err := OpenBlob(ctx, t.Source, t.Item.Desc)
	if err != nil {
		return err
	}
	defer rc.Close()
	verified := oci.NewVerifyReader(rc, t.Item.Desc)
	if stopped, err := fn(OnlyReader{verified}); err != nil || stopped {
		return RefuseMismatch(err, t.Item.Desc)
	}
	return verifyRest(verified, t.Item.Desc)
}

// isCompressed reports whether the media type is that of a compressed tar, which can't be read in parts.
func isCompressed(mediaType string) bool {
	return strings.HasSuffix(mediaType, "gzip") || strings.HasSuffix(mediaType, "zstd")
}

// OnlyReader hides the other methods of a reader, so that io.Copy and decompressors use only Read.
type OnlyReader struct{ io.Reader }

// OpenBlob opens a blob without verifying it. Data in the descriptor saves the request.
func OpenBlob(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := checkDescriptor(desc); err != nil {
		return nil, err
	}
	data, ok, err := readInline(desc)
	if err != nil {
		return nil, err
	}
	if ok {
		return io.NopCloser(strings.NewReader(string(data))), nil
	}
	return src.Fetch(ctx, desc)
}

// ReadVerified reads a blob into memory and verifies it. It fails with artifact.ErrRefused if the blob has more than VerifiedFirst
// bytes, or does not match its descriptor.
func ReadVerified(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) ([]byte, error) {
	if desc.Size > VerifiedFirst {
		return nil, artifact.Refused(desc.Digest.String(), "too large: %d bytes, limit is %d MiB", desc.Size, VerifiedFirst>>20)
	}
	rc, err := OpenBlob(ctx, src, desc)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	var b bytes.Buffer
	err = CopyVerified(ctx, &b, rc, desc, func(int64) {})
	return b.Bytes(), err
}

// verifyRest reads a blob to its end and verifies it.
func verifyRest(r *oci.VerifyReader, desc ocispec.Descriptor) error {
	_, err := io.Copy(io.Discard, OnlyReader{r})
	if err == nil {
		err = r.Verify()
	}
	return RefuseMismatch(err, desc)
}

// MayHave reports whether a tar can contain a file with this name.
func (it *Item) MayHave(name string) bool {
	return it.Within == "" || it.Within == "." || len(name) > len(it.Within) && name[:len(it.Within)+1] == it.Within+"/"
}

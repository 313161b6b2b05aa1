package pull

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// ListOptions say what is listed. The zero value lists every file.
type ListOptions struct {
	Platform *ocispec.Platform // of an index. nil: the running one
	Include  []string          // see Options
	NoUnpack bool              // tar layers as the files they are
	Digests  bool              // of files in large tar layers that are not compressed too, all of whose content is read for it
	Limits   Limits

	layers map[digest.Digest][]File // of images, that were read already; may be nil
}

// List says which files a pull would place, in the order of their paths, without writing anything. Tar layers are read
// to the end and verified; of a large one that is not compressed, a Ranger is asked for the headers alone: what they say
// is not verified, and their files come without a digest.
func List(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts ListOptions) (*Result, error) {
	m, err := resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	m, platform, err := choose(ctx, src, m, opts.Platform)
	if err != nil {
		return nil, err
	}
	result := newResult(m)
	result.Platform = platform
	result.Files, err = listFiles(ctx, src, m, opts)
	return result, err
}

func listFiles(ctx context.Context, src content.Fetcher, m *manifest, opts ListOptions) ([]File, error) {
	items, err := newItems(ctx, src, m, Options{Include: opts.Include, NoUnpack: opts.NoUnpack})
	if err != nil {
		return nil, err
	}
	match, err := newMatcher(opts.Include)
	if err != nil {
		return nil, err
	}
	l := &lister{src: src, opts: opts, match: match, cover: newCover()}
	for _, it := range slices.Backward(items) { // upper layers of an image hide what is below
		if err := l.item(ctx, it); err != nil {
			return nil, &artifact.Error{Op: "listing", Item: it.name, Err: err}
		}
	}
	slices.SortStableFunc(l.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return l.files, nil
}

// lister collects the files of an artifact.
type lister struct {
	src   content.Fetcher
	opts  ListOptions
	match matcher
	cover *cover
	files []File
}

func (l *lister) item(ctx context.Context, it *item) error {
	if !it.unpack {
		l.add(File{Path: it.name, Size: it.desc.Size, Mode: 0o644, Digest: it.desc.Digest, Layer: it.desc.Digest})
		return nil
	}
	if entries, known := l.opts.layers[it.desc.Digest]; known && it.image {
		l.addLayer(it, entries)
		return nil
	}
	var entries []File
	begin := len(l.files)
	var parts *rangeReader
	if !l.opts.Digests {
		var err error
		if parts, err = byParts(ctx, l.src, it.desc); err != nil {
			return err
		}
	}
	err := readTar(ctx, l.src, it, l.opts.Limits, parts, func(h *read.Header, r io.Reader) error {
		f := File{Path: h.Name, Size: h.Size, Mode: Mode(h.Mode), Link: h.Link, Layer: it.desc.Digest}
		if h.Mode.IsRegular() && h.Link == "" && parts == nil {
			hash := sha256.New()
			if _, err := io.Copy(hash, r); err != nil {
				return err
			}
			f.Digest = digest.NewDigest(digest.SHA256, hash)
		}
		entries = append(entries, f)
		return nil
	})
	if errors.Is(err, errNoTar) {
		l.files = l.files[:begin]
		l.add(File{Path: it.name, Size: it.desc.Size, Mode: 0o644, Digest: it.desc.Digest, Layer: it.desc.Digest})
		return nil
	}
	if err != nil {
		return err
	}
	if l.opts.layers != nil && it.image {
		l.opts.layers[it.desc.Digest] = entries
	}
	l.addLayer(it, entries)
	return nil
}

func (l *lister) add(f File) {
	if l.match.match(f.Path) {
		l.files = append(l.files, f)
	}
}

// addLayer adds the entries of a layer that no upper layer hides.
func (l *lister) addLayer(it *item, entries []File) {
	for _, f := range entries {
		if it.image && (l.cover.hides(f.Path) || isWhiteout(f.Path)) || fs.FileMode(f.Mode).IsDir() {
			continue
		}
		l.add(f)
	}
	if it.image {
		for _, f := range entries {
			l.cover.add(f.Path, fs.FileMode(f.Mode).IsDir())
		}
	}
}

// cover is what the upper layers of an image hide of the lower ones.
type cover struct {
	taken  map[string]bool // true: by a directory, which hides nothing below it
	gone   map[string]bool // whiteouts
	opaque map[string]bool // directories whose lower content is hidden
}

func newCover() *cover {
	return &cover{taken: make(map[string]bool), gone: make(map[string]bool), opaque: make(map[string]bool)}
}

func isWhiteout(name string) bool { return strings.HasPrefix(path.Base(name), ".wh.") }

func (c *cover) add(name string, dir bool) {
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

// hides tells whether a file of a lower layer can't be seen.
func (c *cover) hides(name string) bool {
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

// errNoTar: a layer that should be a tar by its role is none.
var errNoTar = errors.New("not a tar")

// readTar calls fn for the entries of a layer under the names that a pull would give them, whiteouts included. When it
// returns without an error the blob was verified, unless it was read by parts, when no more is fetched than fn
// reads, or fn returned fs.SkipAll.
func readTar(ctx context.Context, src content.Fetcher, it *item, limits Limits, parts *rangeReader,
	fn func(*read.Header, io.Reader) error) error {
	opts := read.Options{
		Limits: archive.Limits{MaxSize: limits.MaxSize, MaxFiles: limits.MaxFiles, MaxRatio: limits.MaxRatio, Exact: it.image},
		Image:  it.image, Within: it.within,
	}
	seen, stopped := false, false
	each := func(h *read.Header, r io.Reader) error {
		seen = true
		name, ok := it.stripped(h.Name)
		if !ok {
			return nil
		}
		h.Name = name
		if h.IsHardLink() {
			h.Link, _ = it.stripped(h.Link)
		}
		err := fn(h, r)
		stopped = errors.Is(err, fs.SkipAll)
		return err
	}
	err := readBlob(ctx, src, it.desc, parts, func(r io.Reader) error { return read.Each(ctx, r, opts, each) }, &stopped)
	switch {
	case errors.Is(err, archive.ErrUnsafe) && it.sniff && !seen:
		return errNoTar
	case errors.Is(err, archive.ErrUnsafe):
		return artifact.Refused("", "%w", err)
	}
	return err
}

// stripped is the name that an entry has when the item's leading directory is taken off; false: it is not in it.
func (it *item) stripped(name string) (string, bool) {
	if it.strip == "" {
		return name, true
	}
	inside, ok := strings.CutPrefix(name, it.strip)
	if !ok || inside != "" && inside[0] != '/' {
		return "", false
	}
	return path.Clean("./" + inside), true
}

// byParts gives a reader that fetches no more of a tar layer than is read from it; nil: the source is no Ranger, or the
// layer is small or compressed.
func byParts(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) (*rangeReader, error) {
	ranger, ok := src.(Ranger)
	if !ok || desc.Size < rangedFrom || saysCompressed(desc.MediaType) {
		return nil, nil
	}
	blob := newRangeReader(ctx, ranger, desc)
	if plain, err := isPlainTar(blob); err != nil || !plain {
		return nil, err
	}
	return blob, nil
}

// readBlob gives fn the bytes of a blob, and verifies all of it afterwards unless *stopped says that fn had enough. With
// parts it reads from them, and nothing is verified.
func readBlob(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, parts *rangeReader, fn func(io.Reader) error,
	stopped *bool) error {
	if parts != nil {
		return fn(parts)
	}
	rc, err := openBlob(ctx, src, desc)
	if err != nil {
		return err
	}
	defer rc.Close()
	verified := content.NewVerifyReader(rc, desc)
	if err := fn(onlyReader{verified}); err != nil || *stopped {
		return mismatch(err, desc)
	}
	return verifyRest(verified, desc)
}

// saysCompressed tells whether a media type claims that a tar can't be read in parts.
func saysCompressed(mediaType string) bool {
	return strings.HasSuffix(mediaType, "gzip") || strings.HasSuffix(mediaType, "zstd")
}

type onlyReader struct{ io.Reader }

func openBlob(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := checkDescriptor(desc); err != nil {
		return nil, err
	}
	data, ok, err := inline(desc)
	if err != nil {
		return nil, err
	}
	if ok {
		return io.NopCloser(strings.NewReader(string(data))), nil
	}
	return src.Fetch(ctx, desc)
}

// verifyRest reads a blob to its end and says whether it was right.
func verifyRest(r *content.VerifyReader, desc ocispec.Descriptor) error {
	_, err := io.Copy(io.Discard, onlyReader{r})
	if err == nil {
		err = r.Verify()
	}
	return mismatch(err, desc)
}

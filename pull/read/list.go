// Package read lists, prints, compares, and shows the files of an artifact without placing them.
package read

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// ListOptions configure a listing. The zero value lists every file.
type ListOptions struct {
	Platform *ocispec.Platform // of an index. nil: the running one
	Include  []string          // see Options
	NoUnpack bool              // list tar layers as single files
	Digests  bool              // also for files in large uncompressed tar layers, whose whole content is then read
	Limits   pull.Limits

	layers map[digest.Digest][]pull.File // of images, already read; may be nil
}

// A Listing has the files of an artifact.
type Listing struct {
	*pull.Result
	// Verified reports whether all layers that were looked into were verified.
	Verified bool `json:"verified"`
}

// List returns the files that a pull would place, sorted by path, without writing anything. Tar layers are read to the
// end and verified. Of an uncompressed one of more than 32 MiB, only the headers are requested if the source is a Ranger: they
// are not verified, and their files have no digest.
func List(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts ListOptions) (*Listing, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	m, platform, err := fetch.Choose(ctx, src, m, opts.Platform)
	if err != nil {
		return nil, err
	}
	result := &pull.Result{
		Described: m.Described(), Kind: m.Kind().Name, Platform: platform, Config: m.Config, Layers: m.Layers, Annotations: m.Annotations, Subject: m.Subject,
	}
	l, err := listFiles(ctx, src, m, opts)
	if err != nil {
		return nil, err
	}
	result.Files = l.files
	return &Listing{Result: result, Verified: !l.unverified}, nil
}

func listFiles(ctx context.Context, src content.Fetcher, m *fetch.Manifest, opts ListOptions) (*lister, error) {
	items, err := fetch.NewItems(ctx, src, m, fetch.Selection{Include: opts.Include, NoUnpack: opts.NoUnpack})
	if err != nil {
		return nil, err
	}
	match, err := fetch.NewMatcher(opts.Include)
	if err != nil {
		return nil, err
	}
	l := &lister{src: src, opts: opts, match: match, cover: fetch.NewCover()}
	for _, it := range slices.Backward(items) { // upper layers of an image hide files of lower ones
		if err := l.item(ctx, it); err != nil {
			return nil, &artifact.Error{Op: "listing", Item: it.Name, Err: err}
		}
	}
	slices.SortStableFunc(l.files, func(a, b pull.File) int { return cmp.Compare(a.Path, b.Path) })
	return l, nil
}

// lister collects the files of an artifact.
type lister struct {
	src   content.Fetcher
	opts  ListOptions
	match fetch.Matcher
	cover *fetch.Cover
	files []pull.File

	unverified bool // files are listed from headers that nothing vouches for
}

func (l *lister) item(ctx context.Context, it *fetch.Item) error {
	if !it.Unpack {
		l.add(pull.File{Path: it.Name, Size: it.Desc.Size, Mode: 0o644, Digest: it.Desc.Digest, Layer: it.Desc.Digest})
		return nil
	}
	if entries, known := l.opts.layers[it.Desc.Digest]; known && it.Image {
		l.addLayer(it, entries)
		return nil
	}
	var entries []pull.File
	begin := len(l.files)
	var parts *fetch.RangeReader
	if !l.opts.Digests {
		var err error
		if parts, err = fetch.ByParts(ctx, l.src, it.Desc); err != nil {
			return err
		}
	}
	err := fetch.Tar{Source: l.src, Item: it, Limits: tarLimits(l.opts.Limits), Parts: parts}.Read(ctx, func(h *read.Header, r io.Reader) error {
		f := pull.File{Path: h.Name, Size: h.Size, Mode: pull.Mode(h.Mode), Link: h.Link, Layer: it.Desc.Digest}
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
	if errors.Is(err, fetch.ErrNoTar) {
		l.files = l.files[:begin]
		l.add(pull.File{Path: it.Name, Size: it.Desc.Size, Mode: 0o644, Digest: it.Desc.Digest, Layer: it.Desc.Digest})
		return nil
	}
	if err != nil {
		return err
	}
	l.unverified = l.unverified || parts != nil
	if l.opts.layers != nil && it.Image {
		l.opts.layers[it.Desc.Digest] = entries
	}
	l.addLayer(it, entries)
	return nil
}

func (l *lister) add(f pull.File) {
	if l.match.Match(f.Path) {
		l.files = append(l.files, f)
	}
}

// addLayer adds the entries of a layer that no upper layer hides.
func (l *lister) addLayer(it *fetch.Item, entries []pull.File) {
	for _, f := range entries {
		if it.Image && (l.cover.Hides(f.Path) || fetch.IsWhiteout(f.Path)) || fs.FileMode(f.Mode).IsDir() {
			continue
		}
		l.add(f)
	}
	if it.Image {
		for _, f := range entries {
			l.cover.Add(f.Path, fs.FileMode(f.Mode).IsDir())
		}
	}
}

// tarLimits returns the limits in the form that the archive readers take.
func tarLimits(l pull.Limits) archive.Limits {
	return archive.Limits{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles, MaxRatio: l.MaxRatio}
}

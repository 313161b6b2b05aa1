// Package listing lists the files in the layers of an artifact.
package listing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"
)

// Options configure a listing. The zero value lists every file.
type Options struct {
	Include  []string // globs; all files if empty
	Roles    []string // of layers; all if empty
	NoUnpack bool     // list tar layers as single files
	Inside   bool     // list the files in tars that a pull leaves packed
	Archives bool     // list the files in archives that the kind packs and a pull leaves packed, such as charts
	Dirs     bool     // list the directories in tars, too
	Digests  bool     // compute the digests of files in large uncompressed tars, which requires reading all of their content
	Limits   archive.Limits

	Layers map[digest.Digest][]pull.File // cache of the entries of image layers, read and filled; may be nil
}

// Files returns the files of a manifest, sorted by path, and whether all layers that were read were verified. It fails with a
// *missing.NameError if the patterns match no file, or no layer has the roles.
func Files(ctx context.Context, src content.Fetcher, m *fetch.Manifest, opts Options) (files []pull.File, verified bool, err error) {
	items, err := fetch.NewItems(ctx, src, m, fetch.Selection{Include: opts.Include, Roles: opts.Roles, NoUnpack: opts.NoUnpack, Inside: opts.Inside, Archives: opts.Archives})
	if err != nil {
		return nil, false, err
	}
	match, err := fetch.NewMatcher(opts.Include)
	if err != nil {
		return nil, false, err
	}
	l := &lister{src: src, opts: opts, match: match, cover: fetch.NewCover()}
	for _, it := range slices.Backward(items) { // upper layers of an image hide files of lower ones
		if err := l.listItem(ctx, it); err != nil {
			return nil, false, &artifact.Error{Op: "listing", Item: it.Name, Err: err}
		}
	}
	if len(l.files) == 0 && len(opts.Include) > 0 {
		return nil, false, l.missingError(m)
	}
	lists.Sort(l.files, func(a, b pull.File) int { return cmp.Compare(a.Path, b.Path) })
	return l.files, !l.unverified, nil
}

// Archive is a file of an artifact that is an archive, with the files in it.
type Archive struct {
	Path  string      `json:"path"`
	Files []pull.File `json:"files"`
}

// Archives lists the files in archives that the kind packs and a pull leaves packed, such as charts. It leaves out archives that can't be
// unpacked, and those without a file that matches the patterns.
func Archives(ctx context.Context, src content.Fetcher, m *fetch.Manifest, opts Options) ([]Archive, error) {
	if opts.NoUnpack || !fetch.HasArchives(m) {
		return nil, nil
	}
	items, err := fetch.NewItems(ctx, src, m, fetch.Selection{Include: opts.Include, Roles: opts.Roles, Archives: true})
	if err != nil {
		return nil, err
	}
	match, err := fetch.NewMatcher(opts.Include)
	if err != nil {
		return nil, err
	}
	var archives []Archive
	for _, it := range items {
		if !it.Packed {
			continue
		}
		l := &lister{src: src, opts: opts, match: match, cover: fetch.NewCover()}
		if err := l.listItem(ctx, it); err != nil {
			return nil, &artifact.Error{Op: "listing", Item: it.Name, Err: err}
		}
		if len(l.files) == 0 || l.files[0].Path == it.Name {
			continue
		}
		lists.Sort(l.files, func(a, b pull.File) int { return cmp.Compare(a.Path, b.Path) })
		archives = append(archives, Archive{it.Name, l.files})
	}
	return archives, nil
}

// lister collects the files of an artifact.
type lister struct {
	src   content.Fetcher
	opts  Options
	match fetch.Matcher
	cover *fetch.Cover
	files []pull.File
	other []string // some of the names that no pattern matches

	unverified bool // some files are listed from tar headers that were not verified
}

// listItem adds an item, or the files in its tar.
func (l *lister) listItem(ctx context.Context, it *fetch.Item) error {
	if !it.Unpack {
		l.add(pull.File{Path: it.Name, Size: it.Desc.Size, Mode: 0o644, Digest: it.Desc.Digest, Layer: it.Desc.Digest})
		return nil
	}
	if entries, known := l.opts.Layers[it.Desc.Digest]; known && it.Image {
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
	err := fetch.Tar{Source: l.src, Item: it, Limits: l.opts.Limits, Parts: parts}.Read(ctx, func(h *read.Header, r io.Reader) error {
		f := pull.File{Path: h.Name, Size: h.Size, Mode: pull.Mode(h.Mode), Link: h.Link, Stored: h.Absolute, Layer: it.Desc.Digest}
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
	if errors.Is(err, fetch.ErrNotTar) || it.Packed && errors.Is(err, archive.ErrUnsafe) {
		l.files = l.files[:begin]
		l.add(pull.File{Path: it.Name, Size: it.Desc.Size, Mode: 0o644, Digest: it.Desc.Digest, Layer: it.Desc.Digest})
		return nil
	}
	if err != nil {
		return err
	}
	l.unverified = l.unverified || parts != nil
	if l.opts.Layers != nil && it.Image {
		l.opts.Layers[it.Desc.Digest] = entries
	}
	l.addLayer(it, entries)
	return nil
}

// add adds a file if it matches the patterns.
func (l *lister) add(f pull.File) {
	if l.match.Match(f.Path) {
		l.files = append(l.files, f)
	} else {
		l.other = missing.AddName(l.other, f.Path)
	}
}

// missingError returns the error for patterns that match no file. Layers that can't match were not read, so the error names their
// titles.
func (l *lister) missingError(m *fetch.Manifest) error {
	err := missing.Files(l.opts.Include, m.Desc.Digest, l.other)
	for _, title := range m.Titles() {
		dir, isDir := strings.CutSuffix(title, "**")
		if !isDir || !slices.ContainsFunc(l.other, func(name string) bool { return strings.HasPrefix(name, dir) }) {
			err.Names = missing.AddName(err.Names, title)
		}
	}
	return err
}

// addLayer adds the files of a layer, without directories unless the options demand them. For an image, it also leaves out whiteouts and files that an upper layer hides.
func (l *lister) addLayer(it *fetch.Item, entries []pull.File) {
	for _, f := range entries {
		if it.Image && (l.cover.Hides(f.Path) || fetch.IsWhiteout(f.Path)) || fs.FileMode(f.Mode).IsDir() && !l.opts.Dirs {
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

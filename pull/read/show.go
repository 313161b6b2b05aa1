package read

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/sbom"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

const (
	// MaxText is the most bytes that Readable holds of a text: nobody reads a longer one in a terminal.
	MaxText = 4 << 20
	// maxSearched is how many bytes of packed layers are searched for something readable: a large image is not fetched for
	// a file that it may not have. What is in the others has to be named.
	maxSearched = 256 << 20
)

// ReadableOptions say what is read. The zero value is what explains the artifact best.
type ReadableOptions struct {
	Platform *ocispec.Platform // of an index. nil: the running one
	Path     string            // this file, named as a pull would name it
	Limits   pull.Limits
}

// SBOM is what a software bill of materials states at a glance.
type SBOM = sbom.Summary

// Document is the part of an artifact that people read. Its JSON is for scripts.
type Document struct {
	Reference string        `json:"reference,omitempty"` // set by the caller, which knows the name of the source
	Digest    digest.Digest `json:"digest"`              // of the manifest
	Kind      string        `json:"kind"`
	Path      string        `json:"path"`
	MediaType string        `json:"mediaType"`
	Text      string        `json:"text"`                // empty where a software bill of materials is longer than MaxText
	SBOM      *SBOM         `json:"sbom,omitempty"`      // what it says, if the artifact is one
	Signature string        `json:"signature,omitempty"` // NotVerified where Text and SBOM stand in a signed envelope
}

// NotVerified is the signature of an envelope: davit reads what is in it, and verifies no signature.
const NotVerified = "not verified"

// ErrNothingReadable: an artifact has nothing that people read. ErrNotReadable: the file that was asked for is no text, or
// longer than MaxText.
var (
	ErrNothingReadable error = nothingReadable{}
	ErrNotReadable           = errors.New("not for reading")
)

type nothingReadable struct{}

func (nothingReadable) Error() string { return "nothing in it is for reading" }
func (nothingReadable) Unwrap() error { return errdef.ErrNotFound }

// Readable finds the part of an artifact that people read and fetches it: the document that the artifact is (a runbook,
// an SBOM), else a README, an index page, a model card, other Markdown, a license, in this order. Layers that are files
// come first; only where none of them explains anything are tar layers searched, each in one pass.
func Readable(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts ReadableOptions) (*Document, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	if m, _, err = fetch.Choose(ctx, src, m, opts.Platform); err != nil {
		return nil, err
	}
	items, err := fetch.NewItems(ctx, src, m, fetch.Selection{})
	if err != nil {
		return nil, err
	}
	s := &search{src: src, kind: kinds.Of(m.Kind()), items: items, opts: opts, hidden: fetch.NewCover()}
	doc, err := s.run(ctx)
	if err != nil {
		return nil, &artifact.Error{Op: "reading", Item: cmp.Or(opts.Path, m.Desc.Digest.String()), Err: err}
	}
	doc.Digest, doc.Kind = m.Desc.Digest, s.kind.Name
	return doc, nil
}

// search looks for what is readable in one artifact.
type search struct {
	src    content.Fetcher
	kind   kind.Kind
	items  []*fetch.Item
	opts   ReadableOptions
	hidden *fetch.Cover

	rank  kind.Rank // of what was found; 0: nothing
	path  string
	layer *fetch.Item // it is this layer
	text  []byte      // else, out of a tar

	searched int64 // bytes of tars
	skipped  bool  // more would have been too many
}

func (s *search) run(ctx context.Context) (*Document, error) {
	if s.opts.Path != "" && !s.kind.Pull.PathInTar {
		return s.named(ctx)
	}
	for _, it := range s.items {
		if !it.Unpack && !s.isSearched(it) {
			s.offerLayer(it)
		}
	}
	if s.rank <= kind.RankLicense {
		for _, it := range slices.Backward(s.items) { // upper layers of an image hide what is below
			if err := s.tar(ctx, it); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case s.layer != nil:
		return s.fetch(ctx, s.layer)
	case s.rank > 0:
		return newDocument(s.path, "", s.text)
	case s.opts.Path != "":
		return nil, fmt.Errorf("no such file in the artifact: %w", errdef.ErrNotFound)
	case s.skipped:
		return nil, fmt.Errorf("no more than %d MiB of layers were searched: %w", maxSearched>>20, ErrNothingReadable)
	}
	return nil, ErrNothingReadable
}

// named reads the file that was asked for.
func (s *search) named(ctx context.Context) (*Document, error) {
	name := path.Clean(s.opts.Path)
	for _, it := range s.items {
		if !it.Unpack && it.Name == name {
			return s.fetch(ctx, it)
		}
	}
	var text bytes.Buffer
	c := &catter{src: s.src, items: s.items, opts: CatOptions{Limits: s.opts.Limits}, w: &textWriter{&text}}
	f, err := c.follow(ctx, name)
	if err != nil {
		return nil, err
	}
	return newDocument(f.Path, "", text.Bytes())
}

// textWriter fails when more is written than a text may have.
type textWriter struct{ buf *bytes.Buffer }

func (w *textWriter) Write(p []byte) (int, error) {
	if w.buf.Len()+len(p) > MaxText {
		return 0, errTooLong
	}
	return w.buf.Write(p)
}

var errTooLong = fmt.Errorf("it has more than %d MiB: %w", MaxText>>20, ErrNotReadable)

// offerLayer considers a layer that is a file.
func (s *search) offerLayer(it *fetch.Item) {
	rank := s.rankOf(it.Name, it.Role, it.Desc.MediaType)
	if rank > s.rank && (it.Desc.Size <= MaxText || s.mayBeSBOM(it)) {
		s.rank, s.path, s.layer = rank, it.Name, it
	}
}

// fetch reads a layer that is a file. A software bill of materials is summarized on the way, however long it is.
func (s *search) fetch(ctx context.Context, it *fetch.Item) (*Document, error) {
	if !s.mayBeSBOM(it) && it.Desc.Size > MaxText {
		return nil, errTooLong
	}
	rc, err := fetch.OpenBlob(ctx, s.src, it.Desc)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	if !s.mayBeSBOM(it) {
		text, err := fetch.ReadAll(rc, it.Desc)
		if err != nil {
			return nil, err
		}
		return newDocument(it.Name, it.Desc.MediaType, text)
	}
	return s.summarize(rc, it)
}

// stickyReader gives its error again to who reads on.
type stickyReader struct {
	r   io.Reader
	err error
}

func (s *stickyReader) Read(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.r.Read(p)
	}
	return n, s.err
}

// headWriter keeps what fits into a text.
type headWriter struct{ buf []byte }

func (w *headWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p[:min(len(p), MaxText-len(w.buf))]...)
	return len(p), nil
}

// isSearched reports whether a layer that a pull leaves packed is searched all the same.
func (s *search) isSearched(it *fetch.Item) bool {
	return s.kind.Pull.PathInTar && fetch.IsTarRole(s.kind.Kind, it.Role, it.Desc.MediaType)
}

// tar searches a layer that is a tar.
func (s *search) tar(ctx context.Context, it *fetch.Item) error {
	if s.isSearched(it) {
		it = &fetch.Item{Desc: it.Desc, Role: it.Role, Name: it.Name, Unpack: true, Sniff: true}
	}
	if !it.Unpack || s.kind.Pull.Readings[it.Role] == kind.Machine {
		return nil
	}
	if it.Image && s.skipped {
		return nil // the layer that was skipped may hide what this one has
	}
	if s.searched+it.Desc.Size > maxSearched {
		s.skipped = true
		return nil
	}
	s.searched += it.Desc.Size
	var entries []pull.File
	err := fetch.Tar{Source: s.src, Item: it, Limits: tarLimits(s.opts.Limits)}.Read(ctx, func(h *read.Header, r io.Reader) error {
		if it.Image {
			entries = append(entries, pull.File{Path: h.Name, Mode: pull.Mode(h.Mode)})
		}
		if err := s.offerEntry(it, h, r); err != nil {
			return err
		}
		if s.rank >= kind.RankReadme-perDirectory && it.Desc.Size > readToEnd {
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, fetch.ErrNoTar) {
		s.offerLayer(it)
		return nil
	}
	for _, f := range entries {
		s.hidden.Add(f.Path, fs.FileMode(f.Mode).IsDir())
	}
	return err
}

// offerEntry considers a file in a tar, and keeps its text if it is the best so far.
func (s *search) offerEntry(it *fetch.Item, h *read.Header, r io.Reader) error {
	if !h.Mode.IsRegular() || h.Link != "" || h.Size > MaxText || it.Image && (fetch.IsWhiteout(h.Name) || s.hidden.Hides(h.Name)) {
		return nil
	}
	rank := s.rankOf(h.Name, "", "")
	if it.Image && strings.Count(h.Name, "/") > 1 {
		rank = 0 // what programs bring along says nothing of the image
	}
	if rank < s.rank || rank == 0 || rank == s.rank && h.Name >= s.path {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, MaxText+1))
	if err != nil || len(text) > MaxText {
		return err
	}
	s.rank, s.path, s.layer, s.text = rank, h.Name, nil, text
	return nil
}

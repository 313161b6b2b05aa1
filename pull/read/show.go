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
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/sbom"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/internal/rank"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

const (
	// MaxText is the maximum size in bytes of a text that Readable returns: a longer text is not useful in a terminal.
	MaxText = 4 << 20
	// maxSearched limits the bytes of packed layers that are searched for a document: a large image is not fetched for a file
	// that it may not have. Files in layers that are not searched must be requested by name.
	maxSearched = 256 << 20
)

// ReadableOptions select the document. The zero value selects the one that explains the artifact best.
type ReadableOptions struct {
	Platform *ocispec.Platform // for an index; nil means that of this machine
	Path     string            // this file, named as a pull would name it
	Alert    string            // for a runbook, the pages or sections that answer this alert; all if the runbook does not answer it
	Quick    bool              // fetch at most one layer, and none larger than MaxText
	Rows     bool              // list the components, or products, that the document describes
	Limits   pull.Limits
}

// SBOM summarizes a software bill of materials.
type SBOM = sbom.Summary

// Document is the human-readable part of an artifact. Its JSON is for scripts.
type Document struct {
	Reference string            `json:"reference,omitempty"` // set by the caller, which knows the name of the source
	Digest    digest.Digest     `json:"digest"`              // of the manifest
	Index     digest.Digest     `json:"index,omitempty"`     // of the index that it was chosen from
	Platform  *ocispec.Platform `json:"platform,omitempty"`  // chosen from an index
	Kind      string            `json:"kind"`
	Path      string            `json:"path"`
	MediaType string            `json:"mediaType"`
	Text      string            `json:"text"`                // empty if a software bill of materials is longer than MaxText
	SBOM      *SBOM             `json:"sbom,omitempty"`      // its summary, if the artifact is one
	Outline   *outline.Outline  `json:"summary,omitempty"`   // of a report, a VEX document, or the statement of an attestation
	Signature string            `json:"signature,omitempty"` // NotVerified if Text and SBOM are from a signed envelope
	// Verified reports whether the layers that were read were verified. Packed layers of more than 32 MiB are read only up to the
	// document, and so are not verified.
	Verified bool `json:"verified"`
	// Facts are read from the config or the annotations, for kinds that have them, such as models. Without a document, they and the
	// options are the only content.
	Facts   []kind.Fact   `json:"facts,omitempty"`
	Options []kind.Option `json:"options,omitempty"` // that users of the artifact can set
}

// NotVerified is the signature status of an envelope: davit reads its content and verifies no signature.
const NotVerified = "not verified"

var (
	// ErrNothingReadable is the error for an artifact without a human-readable part. It is an errdef.ErrNotFound.
	ErrNothingReadable error = nothingReadable{}
	// ErrNotReadable is the error for a requested file that is not text, or is longer than MaxText.
	ErrNotReadable = errors.New("not for reading")
	// ErrNotSearched is an ErrNothingReadable for an artifact whose layers were not all searched.
	ErrNotSearched = fmt.Errorf("not all layers were searched: %w", ErrNothingReadable)
)

// nothingReadable is the type of ErrNothingReadable.
type nothingReadable struct{}

// Error implements error.
func (nothingReadable) Error() string { return "nothing in it is meant to be read" }

// Unwrap returns errdef.ErrNotFound.
func (nothingReadable) Unwrap() error { return errdef.ErrNotFound }

// Readable finds and fetches the human-readable part of an artifact: the artifact itself if it is a document (a runbook,
// an SBOM), else a README, an index page, a model card, other Markdown, or a license, in this order. Layers that are
// files are considered first. Tar layers are searched only if no such file explains the artifact, each in one pass. Readable returns
// ErrNothingReadable if there is nothing to read, and otherwise the errors of Cat.
func Readable(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts ReadableOptions) (*Document, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	resolved := m.Desc.Digest
	m, platform, err := fetch.Choose(ctx, src, m, opts.Platform)
	if err != nil {
		return nil, err
	}
	items, err := fetch.NewItems(ctx, src, m, fetch.Selection{})
	if err != nil {
		return nil, err
	}
	s := &search{src: src, kind: kinds.Of(m.Kind()), items: items, opts: opts, hidden: fetch.NewCover()}
	facts, options := s.readFacts(ctx, m)
	if m.IsIndex() && opts.Path == "" { // the files of its members explain only the members
		s.items = nil
	}
	doc, err := s.readGuided(ctx, m)
	if doc == nil && err == nil {
		if doc, err = s.run(ctx); err == nil {
			s.cutToAnswer(doc)
		}
	}
	isUnsearched := errors.Is(err, ErrNotSearched) && s.kind.Pull.Facts.Config == nil // the caller may search all layers
	if errors.Is(err, ErrNothingReadable) && len(facts)+len(options) > 0 && !isUnsearched {
		doc, err = &Document{}, nil
	}
	if err != nil {
		item := ""
		if errors.Is(err, artifact.ErrRefused) {
			item = s.reading
		}
		return nil, &artifact.Error{Op: "reading", Item: cmp.Or(opts.Path, item, m.Desc.Digest.String()), Err: err}
	}
	doc.Facts, doc.Options = facts, options
	doc.Digest, doc.Platform, doc.Kind, doc.Verified = m.Desc.Digest, platform, s.kind.Name, !s.unverified
	if resolved != doc.Digest {
		doc.Index = resolved
	}
	s.addOutline(doc)
	return doc, nil
}

// search searches one artifact for a readable part.
type search struct {
	src    content.Fetcher
	kind   kind.Kind
	items  []*fetch.Item
	opts   ReadableOptions
	hidden *fetch.Cover

	rank  kind.Rank // of the best match; 0 before the first match
	path  string
	layer *fetch.Item // the best match, if it is a layer
	text  []byte      // the best match, if it is a file in a tar

	searched int64 // bytes of tars searched
	skipped  bool  // a layer was skipped because of the limit

	unverified bool   // unverified bytes were used
	reading    string // the layer that is read
}

func (s *search) run(ctx context.Context) (*Document, error) {
	if s.opts.Path != "" && !s.kind.Pull.PathInTar {
		return s.readNamed(ctx, s.opts.Path)
	}
	s.offerLayers()
	if s.rank <= kind.RankLicense && (s.layer == nil || !s.opts.Quick) {
		for _, it := range slices.Backward(s.items) { // upper layers of an image hide files of lower ones
			if err := s.searchTar(ctx, it); err != nil {
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
		return nil, fetch.MissingFile(s.items, s.opts.Path, nil)
	case s.skipped && s.opts.Quick:
		return nil, ErrNotSearched
	case s.skipped:
		return nil, fmt.Errorf("no more than %d MiB of layers were searched: %w", maxSearched>>20, ErrNothingReadable)
	}
	return nil, ErrNothingReadable
}

// readNamed reads the file with a name.
func (s *search) readNamed(ctx context.Context, name string) (*Document, error) {
	name = path.Clean(name)
	for _, it := range s.items {
		if !it.Unpack && it.Name == name {
			return s.fetch(ctx, it)
		}
	}
	var text bytes.Buffer
	c := &fileReader{src: s.src, items: s.items, opts: CatOptions{Limits: s.opts.Limits}, w: &textWriter{&text}}
	f, err := c.follow(ctx, name)
	if err != nil {
		return nil, err
	}
	s.unverified = s.unverified || c.unverified
	return newDocument(f.Path, "", text.Bytes())
}

// textWriter fails if more than MaxText bytes are written.
type textWriter struct{ buf *bytes.Buffer }

// Write implements io.Writer.
func (w *textWriter) Write(p []byte) (int, error) {
	if w.buf.Len()+len(p) > MaxText {
		return 0, errTooLong
	}
	return w.buf.Write(p)
}

var errTooLong = fmt.Errorf("file too large: limit is %d MiB: %w", MaxText>>20, ErrNotReadable)

// rankOf returns the rank of a file by its name and role. If a file is requested, it returns 0 for all others.
func (s *search) rankOf(name, role, mediaType string) kind.Rank {
	switch {
	case s.opts.Path == "":
		return rank.Of(s.kind.Pull, name, role, mediaType)
	case name == path.Clean(s.opts.Path):
		return kind.RankItself
	}
	return 0
}

// offerLayers considers the layers that are files.
func (s *search) offerLayers() {
	for _, it := range s.items {
		if !it.Unpack && !s.isSearched(it) {
			s.offerLayer(it)
		}
	}
}

// offerLayer considers a layer that is a file, and keeps it if it is the best match so far.
func (s *search) offerLayer(it *fetch.Item) {
	rank := s.rankOf(it.Name, it.Role, it.Desc.MediaType)
	switch {
	case rank > s.rank && (it.Desc.Size <= MaxText || s.mayBeSBOM(it) && !s.opts.Quick):
		s.rank, s.path, s.layer = rank, it.Name, it
	case rank > s.rank && s.mayBeSBOM(it):
		s.skipped = true
	}
}

// fetch reads a layer that is a file. It summarizes a software bill of materials of any length while it reads it.
func (s *search) fetch(ctx context.Context, it *fetch.Item) (*Document, error) {
	if !s.mayBeSBOM(it) && it.Desc.Size > MaxText {
		return nil, errTooLong
	}
	s.reading = it.Name
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

// stickyReader returns its first error again on later reads.
type stickyReader struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *stickyReader) Read(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.r.Read(p)
	}
	return n, s.err
}

// headWriter keeps the first MaxText bytes.
type headWriter struct{ buf []byte }

// Write implements io.Writer.
func (w *headWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p[:min(len(p), MaxText-len(w.buf))]...)
	return len(p), nil
}

// isSearched reports whether a layer is searched even though a pull leaves it packed.
func (s *search) isSearched(it *fetch.Item) bool {
	return s.kind.Pull.PathInTar && fetch.IsTarRole(s.kind.Kind, it.Role, it.Desc.MediaType)
}

// searchTar searches a layer that is a tar.
func (s *search) searchTar(ctx context.Context, it *fetch.Item) error {
	if s.isSearched(it) {
		it = &fetch.Item{Desc: it.Desc, Role: it.Role, Name: it.Name, Unpack: true, Sniff: true}
	}
	if !it.Unpack || s.kind.Pull.Readings[it.Role] == kind.Machine {
		return nil
	}
	if it.Image && s.skipped {
		return nil // the skipped layer may hide files of this one
	}
	if s.searched+it.Desc.Size > maxSearched || s.opts.Quick && (s.searched > 0 || it.Desc.Size > MaxText) {
		s.skipped = true
		return nil
	}
	s.searched += it.Desc.Size
	s.reading = it.Name
	var entries []pull.File
	err := fetch.Tar{Source: s.src, Item: it, Limits: tarLimits(s.opts.Limits)}.Read(ctx, func(h *read.Header, r io.Reader) error {
		if it.Image {
			entries = append(entries, pull.File{Path: h.Name, Mode: pull.Mode(h.Mode)})
		}
		if err := s.offerEntry(it, h, r); err != nil {
			return err
		}
		if s.rank >= kind.RankReadme-rank.PerDirectory && it.Desc.Size > fetch.VerifiedFirst {
			s.unverified = true
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, fetch.ErrNotTar) {
		s.offerLayer(it)
		return nil
	}
	for _, f := range entries {
		s.hidden.Add(f.Path, fs.FileMode(f.Mode).IsDir())
	}
	return err
}

// offerEntry considers a file in a tar, and keeps its text if it is the best match so far.
func (s *search) offerEntry(it *fetch.Item, h *read.Header, r io.Reader) error {
	if !h.Mode.IsRegular() || h.Link != "" || h.Size > MaxText || it.Image && (fetch.IsWhiteout(h.Name) || s.hidden.Hides(h.Name)) {
		return nil
	}
	rank := s.rankOf(h.Name, "", "")
	if it.Image && strings.Count(h.Name, "/") > 1 {
		rank = 0 // documents shipped with programs do not describe the image
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

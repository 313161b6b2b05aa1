package pull

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/internal/progress"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// Artifact fetches the artifact that ref leads to and places its files in dst: all of them, verified, or none. Files that
// already have the right content are neither fetched nor written.
//
// A layer becomes the file that its title names, or a tree if it is a packed directory. A layer without a title gets the name
// that the native client of its kind would use, or one derived from its digest. Until everything is verified, files stay in a
// directory ".davit-…" inside dst, from which the next pull continues if this one is killed.
//
// Artifact returns artifact.ErrKept if a file in dst exists with different content and opts.Force is not set;
// artifact.ErrRefused if content does not match its digest, is unsafe, or exceeds opts.Limits; artifact.ErrInvalid if a
// pattern in opts.Include is not valid; and errdef.ErrNotFound if there is no such artifact, no manifest for opts.Platform (a
// *PlatformError), or no file that opts selects. Other errors are those of src and of the file system.
func Artifact(ctx context.Context, src oras.ReadOnlyTarget, ref string, dst *os.Root, opts Options) (*Result, error) {
	p, err := newPuller(src, dst, opts)
	if err != nil {
		return nil, err
	}
	state := record.ReadState(opts.State)
	m, result, err := p.resolve(ctx, ref, state)
	if err != nil {
		return nil, err
	}
	var root ocispec.Descriptor
	if result != nil {
		root = state.Of(opts.Origin).Root
		place.Sweep(dst, "") // removes the stage of a killed pull of another artifact
	} else {
		root = fetch.Plain(m.Desc)
		result, err = p.pull(ctx, m, state)
	}
	if err == nil && opts.Referrers {
		err = p.pullReferrers(ctx, root, result)
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

func newPuller(src oras.ReadOnlyTarget, dst *os.Root, opts Options) (*puller, error) {
	matcher, err := fetch.NewMatcher(opts.Include)
	opts.Progress = progress.DistinctIDs(opts.Progress)
	return &puller{src: src, dst: dst, opts: opts, matcher: matcher}, err
}

// puller pulls artifacts from one source into one directory. It is immutable; a placement holds the state of an attempt.
type puller struct {
	src     oras.ReadOnlyTarget
	dst     *os.Root
	opts    Options
	matcher fetch.Matcher
}

// resolve reads the manifest or index, or returns the result of the last pull if nothing has changed since.
func (p *puller) resolve(ctx context.Context, ref string, state *record.State) (*fetch.Manifest, *Result, error) {
	last := state.Of(p.opts.Origin)
	pinned := digest.Digest(ref).Validate() == nil
	if last == nil || last.Settings != p.opts.settings() || pinned && digest.Digest(ref) != last.Root.Digest {
		m, err := fetch.Resolve(ctx, p.src, ref)
		return m, nil, err
	}
	desc := last.Root
	if !pinned {
		var err error
		if desc, err = p.src.Resolve(ctx, ref); err != nil {
			return nil, nil, err
		}
	}
	if last.Root.Digest == desc.Digest {
		if result := p.skip(last); result != nil {
			return nil, result, nil
		}
	}
	m, err := fetch.Load(ctx, p.src, desc)
	return m, nil, err
}

// skip returns the result of a pull that has nothing to do, because the options and the files are those of the last one, or nil. Unless
// NoSync is set, the last one must have synced the files.
func (p *puller) skip(last *record.Record) *Result {
	var r *Result
	isChecked := func(layer int) bool { return layer >= 0 || p.opts.Delete }
	switch {
	case last == nil || last.Settings != p.opts.settings(),
		!last.IsTrusted() || last.IsMoved() || !last.Synced && !p.opts.NoSync,
		!last.IsIntact(p.dst, isChecked):
		return nil
	}
	if json.Unmarshal(last.Result, &r) != nil || r == nil {
		return nil
	}
	r.setFiles(last, p.opts.MaxListed)
	r.Skipped, r.Left = true, p.findLeft(last)
	for _, layer := range r.Layers {
		p.opts.report(artifact.Event{Step: artifact.Skipped, ID: fetch.Titled(layer), Descriptor: layer, Bytes: layer.Size})
	}
	return r
}

// setFiles sets the files of a result to those of a record, at most limit of them unless limit is 0.
func (r *Result) setFiles(from *record.Record, limit int) {
	r.Files, r.FileCount, r.FileSize = []File{}, 0, 0
	for i := range from.Files.Len() {
		row := from.Files.Row(i)
		if row.Layer < 0 {
			continue
		}
		r.FileCount, r.FileSize = r.FileCount+1, r.FileSize+row.Size
		if limit > 0 && r.FileCount > limit {
			continue
		}
		f := from.Files.At(i)
		r.Files = append(r.Files, File{Path: f.Path, Size: f.Size, Mode: Mode(f.Mode), Link: f.Link, Digest: f.Digest, Layer: from.Layers[f.Layer]})
	}
}

// wanted describes the files that a pull places.
type wanted struct {
	root     ocispec.Descriptor // of the manifest or index that the reference led to
	manifest *fetch.Manifest
	platform *ocispec.Platform
	items    []*fetch.Item
	preserve bool // owners, modes, and times are restored, as the options or the kind require
}

func (p *puller) want(m *fetch.Manifest, items []*fetch.Item) wanted {
	return wanted{manifest: m, items: items, preserve: !p.opts.NoUnpack && (p.opts.Preserve || m.Pull().Joins)}
}

// pull makes attempts to place the files of an artifact, until one succeeds or there is nothing left to try.
func (p *puller) pull(ctx context.Context, root *fetch.Manifest, state *record.State) (*Result, error) {
	m, platform, err := fetch.Choose(ctx, p.src, root, p.opts.Platform)
	if err != nil {
		return nil, err
	}
	items, err := p.planItems(ctx, m)
	if err != nil {
		return nil, err
	}
	w := p.want(m, items)
	w.root, w.platform = fetch.Plain(root.Desc), platform
	a := attempt{}
	for {
		pl := p.newPlacement(w, a, state)
		err := pl.run(ctx)
		next, again := a.after(outcomeOf(err))
		if !again {
			return pl.result, err
		}
		a, state = next, record.ReadState(p.opts.State)
	}
}

// planItems decides how each layer is placed. The layers of some kinds are joined into one tar when they are not unpacked, as
// volume tools expect.
func (p *puller) planItems(ctx context.Context, m *fetch.Manifest) ([]*fetch.Item, error) {
	if !p.opts.NoUnpack || !m.Pull().Joins {
		return fetch.NewItems(ctx, p.src, m, p.opts.selection())
	}
	chosen := p.opts.selection()
	chosen.Include = nil // Include applies to the name of the tar
	items, err := fetch.NewItems(ctx, p.src, m, chosen)
	name := m.JoinedName()
	if err != nil || !p.matcher.Match(name) {
		return nil, err
	}
	for _, it := range items {
		it.Joined, it.Name, it.Strip = true, name, oci.CleanDir(fetch.PrefixOf(m.Kind()))
	}
	return items, nil
}

// noFilesError is the error of a pull that would place nothing.
type noFilesError struct{ error }

// Unwrap returns the cause.
func (e noFilesError) Unwrap() error { return e.error }

// checkEmpty returns an error that explains why no files were placed, or nil if the whole artifact was pulled and its layers are
// empty, such as the layer of an empty volume.
func (p *puller) checkEmpty(m *fetch.Manifest) error {
	if !slices.ContainsFunc(m.Layers, func(l ocispec.Descriptor) bool { return l.MediaType != ocispec.MediaTypeEmptyJSON }) {
		return noFilesError{fmt.Errorf("%s has no files, only annotations: %w", m.Desc.Digest, errdef.ErrNotFound)}
	}
	if len(p.opts.Include)+len(p.opts.Roles) == 0 {
		return nil
	}
	return noFilesError{missing.Files(p.opts.Include, m.Desc.Digest, m.Titles())}
}

func (p *puller) reportStep(step artifact.Step, desc ocispec.Descriptor, done int64) {
	p.opts.report(artifact.Event{Step: step, ID: fetch.Titled(desc), Descriptor: desc, Bytes: done})
}

package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/pull/place"
	"github.com/davit-oci/davit/pull/record"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// Artifact fetches what ref leads to and places its files in dst: all of them, verified, or none. What is there already
// is neither fetched nor touched. A file that somebody else made or changed is not overwritten (artifact.ErrKept) unless
// opts.Force is set.
//
// A layer becomes the file that its title names, or a tree where it is a packed directory. Layers without a title get
// the name that their native client would give, or one derived from their digest. Until everything is verified it stays
// in a directory ".davit-…" inside dst, from which a pull that was killed goes on.
func Artifact(ctx context.Context, src oras.ReadOnlyTarget, ref string, dst *os.Root, opts Options) (*Result, error) {
	p, err := newPuller(src, dst, opts)
	if err != nil {
		return nil, err
	}
	root, result, err := p.resolve(ctx, ref)
	if err == nil && result == nil {
		result, err = p.pull(ctx, root)
	}
	if err == nil && opts.Referrers {
		err = p.pullReferrers(ctx, result)
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

func newPuller(src oras.ReadOnlyTarget, dst *os.Root, opts Options) (*puller, error) {
	matcher, err := fetch.NewMatcher(opts.Include)
	p := &puller{src: src, dst: dst, opts: opts, matcher: matcher, state: record.ReadState(opts.State)}
	p.last = p.state.Of(opts.Origin)
	return p, err
}

// puller pulls one artifact.
type puller struct {
	src     oras.ReadOnlyTarget
	dst     *os.Root
	opts    Options
	matcher fetch.Matcher
	state   *record.State
	last    *record.Record // of the last pull from this origin; nil: none
	stage   *place.Stage
	next    *record.Record // of this pull
	result  *Result
	carried record.Table // files of layers that the last pull unpacked, and that are as they should be
	partial bool         // there are some
	whole   bool         // no such layer is left out
	races   int
	// restarted: a layer was fetched anew while it was unpacked, so that the next try waits for all of it.
	restarted bool
	locked    *os.File // the destination, while files are placed
	// preserve: owners, modes and times are restored, because the options or the kind say so.
	preserve bool
	placed   *place.Placer // nil: nothing yet
	trees    *trees        // of the layers that were fetched; nil: none yet
	// dirEntries are the directories that the fetched layers have entries for, if they matter.
	dirEntries map[string]bool
	hasDirs    bool // there is an entry of a directory, which may be all there is
}

// resolve reads the manifest or index, or gives the result of the last pull when nothing changed since.
func (p *puller) resolve(ctx context.Context, ref string) (*fetch.Manifest, *Result, error) {
	pinned := digest.Digest(ref).Validate() == nil
	if p.last == nil || p.last.Settings != p.opts.settings() || pinned && digest.Digest(ref) != p.last.Root.Digest {
		m, err := fetch.Resolve(ctx, p.src, ref)
		return m, nil, err
	}
	desc := p.last.Root
	if !pinned {
		var err error
		if desc, err = p.src.Resolve(ctx, ref); err != nil {
			return nil, nil, err
		}
	}
	if p.last.Root.Digest == desc.Digest && p.vouched() && p.intact(p.last, nil) {
		if result := p.skipped(); result != nil {
			return nil, result, nil
		}
	}
	m, err := fetch.Load(ctx, p.src, desc)
	return m, nil, err
}

// skipped is the result of a pull that had nothing to do; nil if the record has none.
func (p *puller) skipped() *Result {
	var r *Result
	if json.Unmarshal(p.last.Result, &r) != nil || r == nil {
		return nil
	}
	r.list(p.last, p.opts.MaxListed)
	r.Skipped = true
	for _, layer := range r.Layers {
		p.opts.report(artifact.Event{Step: artifact.Skipped, ID: fetch.Titled(layer), Descriptor: layer, Bytes: layer.Size})
	}
	return r
}

// list puts the files of a record into a result, no more than limit if that is not 0.
func (r *Result) list(from *record.Record, limit int) {
	r.Files, r.FileCount, r.FileSize = []File{}, 0, 0
	for i := range from.Files.Len() {
		row := from.Files.Row(i)
		if row.Layer < 0 {
			continue
		}
		r.FileCount++
		r.FileSize += row.Size
		if limit > 0 && r.FileCount > limit {
			continue
		}
		f := from.Files.At(i)
		r.Files = append(r.Files, File{
			Path: f.Path, Size: f.Size, Mode: Mode(f.Mode), Link: f.Link, Digest: f.Digest, Layer: from.Layers[f.Layer],
		})
	}
}

func (p *puller) pull(ctx context.Context, root *fetch.Manifest) (*Result, error) {
	m, platform, err := fetch.Choose(ctx, p.src, root, p.opts.Platform)
	if err != nil {
		return nil, err
	}
	items, err := p.items(ctx, m)
	if err != nil {
		return nil, err
	}
	result := newResult(m)
	result.Platform = platform
	p.preserve = !p.opts.NoUnpack && (p.opts.Preserve || m.Pull().Joins)
	p.next = &record.Record{
		Origin: p.opts.Origin, Settings: p.opts.settings(), Root: fetch.Plain(root.Desc), Preserve: p.preserve,
		Synced: !p.opts.NoSync,
	}
	p.result = result
	for _, l := range m.Layers {
		p.next.Layers = append(p.next.Layers, l.Digest)
	}
	todo, err := p.missing(ctx, items)
	defer p.unlock()
	switch {
	case err != nil:
	case len(todo) > 0:
		err = p.fetchAndPlace(ctx, m, todo)
	default:
		err = p.removeOnly(m)
	}
	if p.again(err) {
		return p.pull(ctx, root)
	}
	if err != nil {
		return nil, err
	}
	result.Skipped = len(todo) == 0 && len(result.Removed) == 0
	return result, p.finish()
}

// noFiles is the error of a pull that would place nothing.
func (p *puller) noFiles(d digest.Digest) error {
	what := "files"
	if len(p.opts.Include) > 0 {
		what = "files that match " + strings.Trim(fmt.Sprintf("%q", p.opts.Include), "[]")
	}
	return fmt.Errorf("%s in %s: %w", what, d, errdef.ErrNotFound)
}

// errRaced: another pull changed files that this one had found right.
var errRaced = errors.New("another pull is placing files in the same directory")

// maxRaces bounds how often that is put up with.
const maxRaces = 5

// again tells whether the pull must be begun anew, and prepares it.
func (p *puller) again(err error) bool {
	switch {
	case errors.Is(err, errEntangled) && !p.whole:
		p.whole = true
	case errors.Is(err, errRestarted) && !p.restarted:
		p.restarted = true
	case (errors.Is(err, errRaced) || errors.Is(err, artifact.ErrKept) && p.raced()) && p.races < maxRaces:
		p.races++
	default:
		return false
	}
	p.unlock()
	p.state = record.ReadState(p.state.Path)
	p.last = p.state.Of(p.opts.Origin)
	return true
}

// lock keeps other pulls from placing files until unlock. Fetching needs no lock, and where locks do not work the worst
// is a pull that fails.
func (p *puller) lock() error {
	dir, err := p.dst.Open(".")
	if err != nil {
		return err
	}
	if err := record.Lock(dir); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		dir.Close()
		return err
	}
	p.locked = dir
	if !p.state.Stale() {
		return nil
	}
	p.state = record.ReadState(p.state.Path)
	p.last = p.state.Of(p.opts.Origin)
	look := record.NewLooker(p.dst, ".")
	defer look.Close()
	for i := range p.carried.Len() {
		f := p.carried.At(i)
		if info, err := look.Lstat(f.Path); err != nil || !f.Unchanged(p.dst, info, p.preserve) {
			return errRaced
		}
	}
	return nil
}

// raced tells whether files that seemed to be somebody else's may be those of another pull, which had not written down
// yet that they are.
func (p *puller) raced() bool {
	if p.locked != nil {
		return false // what is known is what others wrote
	}
	before := p.state
	err := p.lock()
	return errors.Is(err, errRaced) || err == nil && p.state != before
}

func (p *puller) unlock() {
	if p.locked != nil {
		p.locked.Close()
		p.locked = nil
	}
}

// finish writes down what is in the destination now.
func (p *puller) finish() error {
	r := p.result
	r.list(p.next, p.opts.MaxListed)
	if r.FileCount == 0 && !p.hasDirs {
		return p.noFiles(r.Digest)
	}
	if err := p.syncDirs(); err != nil {
		return err
	}
	p.next.Placing = false
	p.remember()
	return nil
}

// fetchAndPlace brings the items to the stage and from there to their places.
func (p *puller) fetchAndPlace(ctx context.Context, m *fetch.Manifest, items []*fetch.Item) (err error) {
	before, err := p.dst.Stat(".")
	if err != nil {
		return err
	}
	if p.stage, err = place.OpenStage(p.dst, m.Desc.Digest, blobsOf(items)); err != nil {
		return &artifact.Error{Op: "writing to", Item: p.dst.Name(), Err: place.Bare(err)}
	}
	defer func() {
		if err != nil && p.resumable(err) {
			p.stage.Release()
			return
		}
		closeErr := p.stage.Close()
		if err != nil {
			_ = p.dst.Chtimes(".", time.Time{}, before.ModTime()) // as if nothing had been there
			return
		}
		if err = closeErr; err == nil {
			err = p.restoreDirs()
		}
		if err == nil {
			err = p.trees.lockDirs(p.dst)
		}
	}()
	if err := p.fetch(ctx, items); err != nil {
		return err
	}
	return p.place(ctx)
}

// blobsOf are the layers by the names of their files.
func blobsOf(items []*fetch.Item) map[string]ocispec.Descriptor {
	blobs := make(map[string]ocispec.Descriptor, len(items))
	for _, it := range items {
		blobs[it.Name] = it.Desc
	}
	return blobs
}

// resumable tells whether what was fetched is of use for another try: not when the content was refused. What filled the
// disk is removed: others need the room as well.
func (p *puller) resumable(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, artifact.ErrRefused) || errors.Is(err, artifact.ErrKept) || errors.Is(err, errdef.ErrNotFound) {
		return false
	}
	for _, dir := range []string{place.StageBlobs, place.StageFiles} {
		if entries, err := fs.ReadDir(p.stage.Root.FS(), dir); err == nil && len(entries) > 0 {
			return true
		}
	}
	return false
}

// place moves everything from the stage to its names.
func (p *puller) place(ctx context.Context) error {
	if err := p.lock(); err != nil {
		return err
	}
	pl := &place.Placer{Stage: p.stage, State: p.state, Force: p.opts.Force, Preserve: p.preserve}
	if err := pl.Plan(ctx, "."); err != nil {
		return err
	}
	if err := place.Refusal(pl.Kept); err != nil {
		return err
	}
	p.next.Files.Sort()
	if err := p.times(); err != nil {
		return err
	}
	p.placed = pl
	remove := p.leftovers(pl.Gone)
	defer pl.Relock()
	if err := p.announce(pl.Right); err != nil {
		return err
	}
	if err := pl.Apply(remove); err != nil {
		_ = p.state.Abandon(p.next.Origin) // what it names is ours only if it was placed
		return err
	}
	p.removeEmptyDirs(remove)
	p.restat(pl.Right)
	return nil
}

// times takes down when the staged files were changed last, which tells later whether somebody changed them.
func (p *puller) times() error {
	look := record.NewLooker(p.stage.Root, place.StageFiles)
	defer look.Close()
	for i := range p.next.Files.Len() {
		name := p.next.Files.At(i).Path
		if _, ok := p.carried.Find(name); ok {
			continue
		}
		info, err := look.Lstat(name)
		if err != nil {
			return err
		}
		p.next.Files.Stat(i, info)
	}
	return nil
}

// restat takes down the state of files that were right already, which are not those of the stage, and remembers the
// digests of files that are layers.
func (p *puller) restat(right []string) {
	slices.Sort(right)
	look := record.NewLooker(p.dst, ".")
	defer look.Close()
	for i := range p.next.Files.Len() {
		f := p.next.Files.At(i)
		_, old := slices.BinarySearch(right, f.Path)
		remember := f.Layer >= 0 && p.opts.Digests != nil && !p.opts.NoSync && f.Digest == p.next.Layers[f.Layer]
		if !old && !remember {
			continue
		}
		info, err := look.Lstat(f.Path)
		if err != nil {
			continue
		}
		p.next.Files.Stat(i, info)
		if remember {
			p.opts.Digests.Store(info, f.Digest)
		}
	}
}

// event is one step of a layer.
func (p *puller) event(step artifact.Step, desc ocispec.Descriptor, done int64) {
	p.opts.report(artifact.Event{Step: step, ID: fetch.Titled(desc), Descriptor: desc, Bytes: done})
}

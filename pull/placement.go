package pull

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/fileid"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/internal/rootfs"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/davit-oci/davit/pull/internal/unpack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// A placement carries out one attempt.
type placement struct {
	*puller
	wanted
	attempt attempt

	state  *record.State
	last   *record.Record // of the last pull from this origin; nil before the first
	next   *record.Record // of this pull
	result *Result

	carried  record.Table // files in the destination that are intact, and are not fetched
	partial  bool         // some tar layers are intact, and are not fetched
	stage    *place.Stage
	unpacker *unpack.Unpacker // nil if nothing was fetched
	placed   *place.Placer    // nil if nothing was placed
	locked   *os.File         // the locked destination, while files are placed
	linked   []string         // staged files with several hard links: renaming one changes the ctime of all
}

func (p *puller) newPlacement(w wanted, a attempt, state *record.State) *placement {
	result := newResult(w.manifest)
	result.Platform = w.platform
	next := &record.Record{
		Origin: p.opts.Origin, Settings: p.opts.settings(), Root: w.root, Preserve: w.preserve, Synced: !p.opts.NoSync,
	}
	for _, l := range w.manifest.Layers {
		next.Layers = append(next.Layers, l.Digest)
	}
	return &placement{
		puller: p, wanted: w, attempt: a, state: state, last: state.Of(p.opts.Origin), next: next, result: result,
	}
}

// run makes the attempt. Its error determines whether another one follows; see outcomeOf.
func (p *placement) run(ctx context.Context) error {
	defer p.unlock()
	todo, err := p.findMissing(ctx)
	if errors.Is(err, artifact.ErrKept) {
		return p.explainKept(err)
	}
	switch {
	case err != nil:
	case len(todo) > 0:
		err = p.fetchAndPlace(ctx, todo)
	default:
		err = p.removeOnly(ctx)
	}
	if err != nil {
		return err
	}
	p.result.Skipped = len(todo) == 0 && len(p.result.Removed) == 0
	return p.finish()
}

// explainKept returns errRaced if the files that err refers to may belong to another pull that had not recorded them yet, or
// else err.
func (p *placement) explainKept(err error) error {
	if p.attempt.races == maxRaces {
		return err
	}
	if change, lockErr := p.lock(); lockErr == nil && change != sameRecords {
		return errRaced
	}
	return err
}

// A recordChange describes how another pull changed the records of the destination.
type recordChange int

const (
	sameRecords  recordChange = iota // no pull placed files since the attempt began
	newRecords                       // another pull placed files, and the records were read again
	changedFiles                     // another pull also changed files that the attempt had found intact
)

// lock keeps other pulls from placing files until unlock, and reads the records again if another pull changed them. Fetching
// needs no lock. Where locks do not work, the worst outcome is a failed pull.
func (p *placement) lock() (recordChange, error) {
	dir, err := p.dst.Open(".")
	if err != nil {
		return sameRecords, err
	}
	if err := filelock.Exclusive(dir); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		dir.Close()
		return sameRecords, err
	}
	p.locked = dir
	if !p.state.IsStale() {
		return sameRecords, nil
	}
	asFound := &record.Record{Preserve: p.preserve}
	p.state = record.ReadState(p.state.Path)
	p.last = p.state.Of(p.opts.Origin)
	statter := record.NewStatter(p.dst, ".")
	defer statter.Close()
	for i := range p.carried.Len() {
		f := p.carried.At(i)
		if info, err := statter.Lstat(f.Path); err != nil || !asFound.IsUnchanged(p.dst, f, info) {
			return changedFiles, nil
		}
	}
	return newRecords, nil
}

// lockForPlacing is like lock. It returns errRaced if another pull changed files that the attempt relies on.
func (p *placement) lockForPlacing() error {
	change, err := p.lock()
	if err == nil && change == changedFiles {
		return errRaced
	}
	return err
}

func (p *placement) unlock() {
	if p.locked != nil {
		p.locked.Close()
		p.locked = nil
	}
}

// finish lists the files in the result, syncs their directories, and writes the record.
func (p *placement) finish() error {
	r := p.result
	r.setFiles(p.next, p.opts.MaxListed)
	if err := p.checkEmpty(p.manifest); err != nil && r.FileCount == 0 && len(p.dirs()) == 0 {
		return err
	}
	if err := p.syncDirs(); err != nil {
		return err
	}
	p.next.Placing = false
	p.remember()
	return nil
}

// fetchAndPlace fetches the items to the stage and moves them to their names.
func (p *placement) fetchAndPlace(ctx context.Context, items []*fetch.Item) (err error) {
	before, err := p.dst.Stat(".")
	if err != nil {
		return err
	}
	if p.stage, err = place.OpenStage(p.dst, p.manifest.Desc.Digest, blobsOf(items)); err != nil {
		return &artifact.Error{Op: "writing to", Item: p.dst.Name(), Err: place.Bare(err)}
	}
	defer func() {
		if err != nil && p.isResumable(err) {
			p.stage.Release()
			return
		}
		closeErr := p.stage.Close()
		if err != nil {
			_ = p.dst.Chtimes(".", time.Time{}, before.ModTime()) // as if nothing had been placed
			return
		}
		if err = closeErr; err == nil {
			err = p.restoreDirs()
		}
		if err == nil {
			err = p.unpacker.LockDirs(p.dst)
		}
	}()
	if err := p.fetch(ctx, items); err != nil {
		return err
	}
	return p.place(ctx)
}

// fetch fetches the items to the stage and adds their files to the record.
func (p *placement) fetch(ctx context.Context, items []*fetch.Item) (err error) {
	p.unpacker, err = unpack.New(p.src, p.stage, &p.next.Files, unpack.Options{
		Limits: p.opts.Limits.archive(), Matcher: p.matcher, Concurrency: p.opts.concurrency(),
		Preserve: p.preserve, Owners: p.opts.Preserve, Digests: p.opts.MaxListed == 0, WaitForAll: p.attempt.waitForAll,
		Carried: &p.carried, Partial: p.partial, Report: p.reportStep,
	})
	if err != nil {
		return err
	}
	err = p.unpacker.Fetch(ctx, items)
	p.next.Entangled = p.unpacker.IsEntangled()
	return err
}

// dirs returns the directories that the fetched layers have entries for.
func (p *placement) dirs() map[string]bool {
	if p.unpacker == nil {
		return nil
	}
	return p.unpacker.Dirs()
}

// blobsOf maps the names of files to their layers.
func blobsOf(items []*fetch.Item) map[string]ocispec.Descriptor {
	blobs := make(map[string]ocispec.Descriptor, len(items))
	for _, it := range items {
		blobs[it.Name] = it.Desc
	}
	return blobs
}

// isResumable reports whether the next pull can use the stage. Refused content can't be used. After a full disk, the stage is
// removed to free its space.
func (p *placement) isResumable(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, artifact.ErrRefused) || errors.Is(err, artifact.ErrKept) || errors.Is(err, errdef.ErrNotFound) {
		return false
	}
	for _, dir := range []string{place.StageBlobs, place.StageFiles} {
		if entries, err := fs.ReadDir(rootfs.Of(p.stage.Root), dir); err == nil && len(entries) > 0 {
			return true
		}
	}
	return false
}

// place moves everything from the stage to its names.
func (p *placement) place(ctx context.Context) error {
	if err := p.lockForPlacing(); err != nil {
		return err
	}
	pl, err := p.plan(ctx, func(pl *place.Placer) error { return pl.Plan(ctx, ".") })
	if err != nil {
		return err
	}
	p.next.Files.Sort()
	if err := p.recordTimes(); err != nil {
		return err
	}
	p.placed = pl
	remove := p.findLeftovers(ctx, pl.Gone)
	defer pl.Relock()
	if err := pl.CheckLinks(ctx, p.stagedLinks(), remove); err != nil {
		return err
	}
	if err := p.announce(pl.Right); err != nil {
		return err
	}
	if err := pl.Apply(remove); err != nil {
		_ = p.state.Abandon(p.next.Origin, p.dst, pl.Restored(remove)) // the files in the record are ours only if they were placed
		return err
	}
	p.removeEmptyDirs(remove)
	p.restat(pl)
	return nil
}

// plan plans the renames of the staged files. It compares files that look changed with those that earlier pulls placed.
func (p *placement) plan(ctx context.Context, compare func(*place.Placer) error) (*place.Placer, error) {
	for {
		pl := &place.Placer{Stage: p.stage, State: p.state, Force: p.opts.Force, Preserve: p.preserve}
		if err := compare(pl); err != nil {
			return nil, err
		}
		err := pl.Refusal()
		if err == nil || !p.confirmOurs(ctx, append(pl.Kept, pl.InWay...)) {
			return pl, err
		}
	}
}

// stagedLinks returns the symbolic links in the stage that must be checked. It returns nil for an image with Preserve.
func (p *placement) stagedLinks() []string {
	if p.opts.Preserve && slices.ContainsFunc(p.items, func(it *fetch.Item) bool { return it.Image }) {
		return nil
	}
	var names []string
	for i := range p.next.Files.Len() {
		f := p.next.Files.At(i)
		if f.Layer < 0 || f.Mode.Type() != fs.ModeSymlink {
			continue
		}
		if _, ok := p.carried.Find(f.Path); !ok {
			names = append(names, f.Path)
		}
	}
	return names
}

// recordTimes records the modification times of the staged files, which let later pulls notice changes.
func (p *placement) recordTimes() error {
	statter := record.NewStatter(p.stage.Root, place.StageFiles)
	defer statter.Close()
	for i := range p.next.Files.Len() {
		name := p.next.Files.At(i).Path
		if _, ok := p.carried.Find(name); ok {
			continue
		}
		info, err := statter.Lstat(name)
		if err != nil {
			return err
		}
		p.next.Files.Stat(i, info)
		if id, _ := fileid.Of(info); id.Links > 1 && info.Mode().IsRegular() {
			p.linked = append(p.linked, name)
		}
	}
	return nil
}

// restat records the state of files that were in the destination already, or have been renamed, which changes their ctimes. It
// stores the digests of files that are layers.
func (p *placement) restat(pl *place.Placer) {
	names := append(pl.Right, p.linked...)
	for _, m := range pl.Moves {
		if !m.Dir {
			names = append(names, m.Path)
		}
	}
	slices.Sort(names)
	statter := record.NewStatter(p.dst, ".")
	defer statter.Close()
	for i := range p.next.Files.Len() {
		f := p.next.Files.At(i)
		_, found := slices.BinarySearch(names, f.Path)
		remember := f.Layer >= 0 && p.opts.Digests != nil && !p.opts.NoSync && f.Digest == p.next.Layers[f.Layer]
		if !found && !remember {
			continue
		}
		info, err := statter.Lstat(f.Path)
		if err != nil {
			continue
		}
		p.next.Files.Stat(i, info)
		if remember {
			p.opts.Digests.Store(info, f.Digest)
		}
	}
}

package pull

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
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
	matcher, err := newMatcher(opts.Include)
	p := &puller{src: src, dst: dst, opts: opts, matcher: matcher, state: readState(opts.State)}
	p.last = p.state.of(opts.Origin)
	return p, err
}

// puller pulls one artifact.
type puller struct {
	src     oras.ReadOnlyTarget
	dst     *os.Root
	opts    Options
	matcher matcher
	state   *state
	last    *record // of the last pull from this origin; nil: none
	stage   *stage
	next    *record // of this pull
	carried table   // files of layers that the last pull unpacked, and that are as they should be
	partial bool    // there are some
	whole   bool    // no such layer is left out
	races   int
	// restarted: a layer was fetched anew while it was unpacked, so that the next try waits for all of it.
	restarted bool
	locked    *os.File // the destination, while files are placed
	// preserve: owners, modes and times are restored, because the options or the kind say so.
	preserve bool
	dirs     []dirInfo
	moved    []move
	trees    *trees // of the layers that were fetched; nil: none yet
	// dirEntries are the directories that the fetched layers have entries for, if they matter.
	dirEntries map[string]bool
	hasDirs    bool // there is an entry of a directory, which may be all there is
}

// resolve reads the manifest or index, or gives the result of the last pull when nothing changed since.
func (p *puller) resolve(ctx context.Context, ref string) (*manifest, *Result, error) {
	pinned := digest.Digest(ref).Validate() == nil
	if p.last == nil || p.last.Settings != p.opts.settings() || pinned && digest.Digest(ref) != p.last.Root.Digest {
		m, err := resolve(ctx, p.src, ref)
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
		return nil, p.skipped(), nil
	}
	m, err := load(ctx, p.src, desc)
	return m, nil, err
}

// vouched reports whether the last pull's files can be taken for what they were if they look as they did. Where they have
// to be on the disk, that pull must have synced them.
func (p *puller) vouched() bool { return p.last.Synced || p.opts.NoSync && p.last.trusted }

// intact tells whether the files of a record, or of some of its layers, are all as they were placed. They are asked for on
// all cores: for many files the system calls are most of the time of a pull that has nothing to do.
func (p *puller) intact(r *record, layer func(int) bool) bool {
	const share = 512 // files that are worth a goroutine
	n := r.files.len()
	parts := max(1, min(runtime.GOMAXPROCS(0), n/share))
	var group sync.WaitGroup
	var changed atomic.Bool
	for i := range parts {
		group.Go(func() {
			if !p.intactPart(r, n*i/parts, n*(i+1)/parts, layer, &changed) {
				changed.Store(true)
			}
		})
	}
	group.Wait()
	return !changed.Load()
}

// intactPart is intact for the files from one index to before another, until some other part has changed.
func (p *puller) intactPart(r *record, from, to int, layer func(int) bool, changed *atomic.Bool) bool {
	look := newLooker(p.dst, ".")
	defer look.close()
	for i := from; i < to && !changed.Load(); i++ {
		f := r.files.at(i)
		if f.Layer < 0 && layer == nil {
			if p.opts.Delete {
				return false
			}
			continue
		}
		if layer != nil && !layer(f.Layer) {
			continue
		}
		info, err := look.lstat(f.Path)
		if err != nil || !f.unchanged(p.dst, info, r.Preserve) {
			return false
		}
	}
	return true
}

// skipped is the result of a pull that had nothing to do.
func (p *puller) skipped() *Result {
	r := p.last.Result
	p.last.list(r, p.opts.MaxListed)
	r.Skipped = true
	for _, layer := range r.Layers {
		p.opts.report(artifact.Event{Step: artifact.Skipped, ID: titled(layer), Descriptor: layer, Bytes: layer.Size})
	}
	return r
}

// list puts the files of a record into a result, no more than limit if that is not 0.
func (r *record) list(result *Result, limit int) {
	result.Files, result.FileCount, result.FileSize = []File{}, 0, 0
	for i := range r.files.len() {
		row := r.files.row(i)
		if row.layer < 0 {
			continue
		}
		result.FileCount++
		result.FileSize += row.size
		if limit > 0 && result.FileCount > limit {
			continue
		}
		f := r.files.at(i)
		result.Files = append(result.Files, File{
			Path: f.Path, Size: f.Size, Mode: Mode(f.Mode), Link: f.Link, Digest: f.Digest, Layer: r.Layers[f.Layer],
		})
	}
}

func (p *puller) pull(ctx context.Context, root *manifest) (*Result, error) {
	m, platform, err := choose(ctx, p.src, root, p.opts.Platform)
	if err != nil {
		return nil, err
	}
	items, err := p.items(ctx, m)
	if err != nil {
		return nil, err
	}
	result := newResult(m)
	result.Platform = platform
	p.preserve = !p.opts.NoUnpack && (p.opts.Preserve || result.Kind == mediatypes.Volume)
	p.next = &record{
		Origin: p.opts.Origin, Settings: p.opts.settings(), Root: plain(root.desc), Result: result, Preserve: p.preserve,
		Synced: !p.opts.NoSync,
	}
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
	p.state = readState(p.state.path)
	p.last = p.state.of(p.opts.Origin)
	return true
}

// lock keeps other pulls from placing files until unlock. Fetching needs no lock, and where locks do not work the worst
// is a pull that fails.
func (p *puller) lock() error {
	dir, err := p.dst.Open(".")
	if err != nil {
		return err
	}
	if err := lock(dir); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		dir.Close()
		return err
	}
	p.locked = dir
	if !p.state.stale() {
		return nil
	}
	p.state = readState(p.state.path)
	p.last = p.state.of(p.opts.Origin)
	look := newLooker(p.dst, ".")
	defer look.close()
	for i := range p.carried.len() {
		f := p.carried.at(i)
		if info, err := look.lstat(f.Path); err != nil || !f.unchanged(p.dst, info, p.preserve) {
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
	r := p.next.Result
	p.next.list(r, p.opts.MaxListed)
	if r.FileCount == 0 && !p.hasDirs {
		return p.noFiles(r.Digest)
	}
	if err := p.syncDirs(); err != nil {
		return err
	}
	files := r.Files
	r.Files, p.next.Placing = nil, false
	p.state.put(p.next) // without it the next pull compares contents
	r.Files = files
	return nil
}

// missing are the items whose files are not in the destination as they should be. Files that are not ours and differ
// fail the pull before anything is fetched.
func (p *puller) missing(ctx context.Context, items []*item) ([]*item, error) {
	p.partial, p.dirEntries = false, make(map[string]bool)
	var todo []*item
	var kept []string
	for _, it := range items {
		right, keep, err := p.check(ctx, it)
		if err != nil {
			return nil, &artifact.Error{Op: "checking", Item: it.name, Err: bare(err)}
		}
		if keep != "" {
			kept = append(kept, keep)
		}
		if right {
			p.opts.report(artifact.Event{Step: artifact.Skipped, ID: titled(it.desc), Descriptor: it.desc, Bytes: it.desc.Size})
		} else {
			todo = append(todo, it)
		}
	}
	p.next.files.sort()
	p.carried = table{}
	for i := range p.next.files.len() {
		p.carried.add(p.next.files.at(i))
	}
	return todo, refusal(kept)
}

// check tells whether an item needs no fetching, and what is in its way that must be kept ("": nothing).
func (p *puller) check(ctx context.Context, it *item) (right bool, keep string, err error) {
	if it.joined {
		return false, "", nil // all that the tar is made of is needed
	}
	if it.unpack {
		return p.treeIsRight(it), "", nil
	}
	name, info, err := p.standing(it.name)
	if info == nil {
		return false, "", err
	}
	if name == it.name && p.fileIsRight(ctx, it, info) {
		p.next.files.add(newPlaced(it.name, it.index, info, it.desc.Digest))
		return true, "", nil
	}
	if p.opts.Force || p.state.ours(p.dst, name, info) || info.IsDir() && p.state.oursBelow(p.dst, name) {
		return false, "", nil
	}
	return false, name, nil
}

// standing looks at what is there under a name, or under that of a directory above it if it is none: a link there is not
// followed. nil: nothing.
func (p *puller) standing(name string) (string, fs.FileInfo, error) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := p.dst.Lstat(name[:i])
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil, nil
		}
		if err != nil || i == len(name) || !info.IsDir() {
			return name[:i], info, err
		}
	}
	return "", nil, nil
}

// fileIsRight tells whether a file is the layer, by what is remembered of it or by hashing.
func (p *puller) fileIsRight(ctx context.Context, it *item, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() != it.desc.Size {
		return false
	}
	f, known := p.last.find(it.name)
	doubted := known && !p.last.trusted
	if known && !doubted && f.Digest != "" && f.unchanged(p.dst, info, false) {
		return f.Digest == it.desc.Digest
	}
	if p.opts.Digests != nil && !doubted {
		if d, ok := p.opts.Digests.Lookup(info); ok {
			return d == it.desc.Digest
		}
	}
	if !holds(ctx, p.dst, it.name, it.desc) {
		return false
	}
	if p.opts.Digests != nil {
		p.opts.Digests.Store(info, it.desc.Digest)
	}
	return true
}

// treeIsRight tells whether the last pull unpacked the same layer and nobody touched its files.
func (p *puller) treeIsRight(it *item) bool {
	if p.last == nil || !p.last.trusted || p.whole || p.last.Entangled || p.last.Settings != p.next.Settings {
		return false
	}
	old := slices.Index(p.last.Layers, it.desc.Digest)
	if old < 0 || !p.intact(p.last, func(layer int) bool { return layer == old }) {
		return false
	}
	for i := range p.last.files.len() {
		if int(p.last.files.row(i).layer) == old {
			f := p.last.files.at(i)
			f.Layer = it.index
			p.next.files.add(f)
		}
	}
	p.partial = true
	return true
}

func newPlaced(name string, layer int, info fs.FileInfo, d digest.Digest) placed {
	uid, gid, _ := owner(info)
	return placed{
		Path: name, Size: info.Size(), ModTime: info.ModTime().UnixNano(), Mode: info.Mode(), UID: uid, GID: gid,
		Layer: layer, Digest: d,
	}
}

// fetchAndPlace brings the items to the stage and from there to their places.
func (p *puller) fetchAndPlace(ctx context.Context, m *manifest, items []*item) (err error) {
	before, err := p.dst.Stat(".")
	if err != nil {
		return err
	}
	if p.stage, err = openStage(p.dst, m.desc.Digest, items...); err != nil {
		return &artifact.Error{Op: "writing to", Item: p.dst.Name(), Err: bare(err)}
	}
	defer func() {
		if err != nil && p.resumable(err) {
			p.stage.release()
			return
		}
		closeErr := p.stage.close()
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

// resumable tells whether what was fetched is of use for another try: not when the content was refused. What filled the
// disk is removed: others need the room as well.
func (p *puller) resumable(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, artifact.ErrRefused) || errors.Is(err, artifact.ErrKept) || errors.Is(err, errdef.ErrNotFound) {
		return false
	}
	for _, dir := range []string{stageBlobs, stageFiles} {
		if entries, err := fs.ReadDir(p.stage.root.FS(), dir); err == nil && len(entries) > 0 {
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
	pl := &placer{stage: p.stage, state: p.state, force: p.opts.Force, preserve: p.preserve}
	if err := pl.plan(ctx, "."); err != nil {
		return err
	}
	if err := refusal(pl.kept); err != nil {
		return err
	}
	p.next.files.sort()
	if err := p.times(); err != nil {
		return err
	}
	p.dirs, p.moved = pl.dirs, pl.moves
	remove := p.leftovers(pl.gone)
	defer pl.relock()
	if err := p.announce(pl.right); err != nil {
		return err
	}
	if err := pl.apply(remove); err != nil {
		_ = p.state.abandon(p.next.Origin) // what it names is ours only if it was placed
		return err
	}
	p.removeEmptyDirs(remove)
	p.restat(pl.right)
	return nil
}

// times takes down when the staged files were changed last, which tells later whether somebody changed them.
func (p *puller) times() error {
	look := newLooker(p.stage.root, stageFiles)
	defer look.close()
	for i := range p.next.files.len() {
		name := p.next.files.at(i).Path
		if _, ok := p.carried.find(name); ok {
			continue
		}
		info, err := look.lstat(name)
		if err != nil {
			return err
		}
		p.next.files.stat(i, info)
	}
	return nil
}

// restat takes down the state of files that were right already, which are not those of the stage, and remembers the
// digests of files that are layers.
func (p *puller) restat(right []string) {
	slices.Sort(right)
	look := newLooker(p.dst, ".")
	defer look.close()
	for i := range p.next.files.len() {
		f := p.next.files.at(i)
		_, old := slices.BinarySearch(right, f.Path)
		remember := f.Layer >= 0 && p.opts.Digests != nil && !p.opts.NoSync && f.Digest == p.next.Layers[f.Layer]
		if !old && !remember {
			continue
		}
		info, err := look.lstat(f.Path)
		if err != nil {
			continue
		}
		p.next.files.stat(i, info)
		if remember {
			p.opts.Digests.Store(info, f.Digest)
		}
	}
}

// leftovers are files of the last pull that are not in the artifact any more. They are remembered as long as they are
// there, and removed when that is asked for and nobody changed them. What is gone, with all below it, is neither.
func (p *puller) leftovers(gone []string) []string {
	var remove []string
	var left []placed
	for f, r := range p.formerly() {
		if _, ok := p.next.files.find(f.Path); ok || slices.ContainsFunc(gone, func(name string) bool {
			return f.Path == name || strings.HasPrefix(f.Path, name+"/")
		}) {
			continue
		}
		info, err := p.dst.Lstat(f.Path)
		if err != nil {
			continue
		}
		f.Layer = -1
		switch {
		case !p.opts.Delete || len(p.opts.Roles) > 0 || !p.matcher.match(f.Path):
			left = append(left, f)
		case f.unchanged(p.dst, info, r.Preserve) || p.opts.Force:
			remove = append(remove, f.Path)
		default:
			p.next.Result.Kept = append(p.next.Result.Kept, f.Path)
		}
	}
	for _, f := range left {
		p.next.files.add(f)
	}
	p.next.files.sort()
	p.next.Result.Removed = remove
	return remove
}

// formerly yields the files that earlier pulls from this origin placed, each with its record: those of the last pull,
// and those that a pull which was killed had placed already.
func (p *puller) formerly() iter.Seq2[placed, *record] {
	return func(yield func(placed, *record) bool) {
		killed := p.state.placing(p.opts.Origin)
		isPlaced := func(f placed) bool {
			info, err := p.dst.Lstat(f.Path)
			return err == nil && f.unchanged(p.dst, info, killed.Preserve)
		}
		for i := range p.last.len() {
			f := p.last.files.at(i)
			if g, ok := killed.find(f.Path); ok && isPlaced(g) {
				continue // it comes below
			}
			if !yield(f, p.last) {
				return
			}
		}
		for i := range killed.len() {
			if f := killed.files.at(i); isPlaced(f) && !yield(f, killed) {
				return
			}
		}
	}
}

// removeOnly is a pull that fetches nothing: what left the artifact may still have to go.
func (p *puller) removeOnly(m *manifest) (err error) {
	if err := p.lock(); err != nil {
		return err
	}
	p.next.files.sort()
	remove := p.leftovers(nil)
	if err := p.syncFiles(nil); err != nil {
		return err
	}
	if len(remove) == 0 {
		sweep(p.dst, "") // what a pull left that was killed, or outrun, when all was in place
		return nil
	}
	if p.stage, err = openStage(p.dst, m.desc.Digest); err != nil {
		return err
	}
	pl := &placer{stage: p.stage}
	err = pl.apply(remove)
	pl.relock()
	if closeErr := p.stage.close(); err == nil {
		err = closeErr
	}
	p.removeEmptyDirs(remove)
	return err
}

// removeEmptyDirs removes the directories that removed files leave empty, unless the artifact has them.
func (p *puller) removeEmptyDirs(removed []string) {
	for _, name := range removed {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if p.dirEntries[dir] || p.dst.Remove(dir) != nil {
				break
			}
		}
	}
}

// event is one step of a layer.
func (p *puller) event(step artifact.Step, desc ocispec.Descriptor, done int64) {
	p.opts.report(artifact.Event{Step: step, ID: titled(desc), Descriptor: desc, Bytes: done})
}

package pull

import (
	"context"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/place"
)

// findLeftovers returns the files of earlier pulls that Delete removes, because they are no longer in the artifact. It
// reports changed files as kept, unless Force is set. Files to which Delete does not apply stay in the record as long as they
// exist. findLeftovers skips the names in gone and everything below them.
func (p *placement) findLeftovers(ctx context.Context, gone []string) []place.Removal {
	var remove []place.Removal
	var left []record.Placed
	p.confirmLeftovers(ctx)
	for f, r := range p.earlierFiles() {
		if _, ok := p.next.Files.Find(f.Path); ok || slices.ContainsFunc(gone, func(name string) bool {
			return f.Path == name || strings.HasPrefix(f.Path, name+"/")
		}) {
			continue
		}
		info, err := p.dst.Lstat(f.Path)
		if err != nil {
			continue
		}
		f.Layer = -1
		ours := r.IsUnchanged(p.dst, f, info) || p.state.IsOurs(p.dst, f.Path, info)
		if ours { // a pull that was killed may have changed the ctime
			f = record.NewPlaced(f.Path, f.Layer, info, f.Digest)
		}
		switch {
		case !p.opts.Delete || !p.isSelected(f.Path):
			left = append(left, f)
		case ours || p.opts.Force && !r.Hint:
			remove = append(remove, place.Removal{Path: f.Path, Was: info})
		default:
			p.result.Kept = append(p.result.Kept, f.Path)
		}
	}
	for _, f := range left {
		p.next.Files.Add(f)
	}
	p.next.Files.Sort()
	p.result.Left = p.findLeft(p.next)
	p.result.Removed = nil
	for _, r := range remove {
		p.result.Removed = append(p.result.Removed, r.Path)
	}
	return remove
}

// isSelected reports whether the options select a file of any artifact, so that it is a leftover if the artifact lacks it.
func (p *puller) isSelected(name string) bool { return len(p.opts.Roles) == 0 && p.matcher.Match(name) }

// findLeft returns the unchanged files in a record that are no longer in the artifact, and that Delete would remove.
func (p *puller) findLeft(from *record.Record) (left []string) {
	for i := range from.Files.Len() {
		if p.opts.Delete || from.Files.Row(i).Layer >= 0 {
			continue
		}
		f := from.Files.At(i)
		if info, err := p.dst.Lstat(f.Path); err == nil && p.isSelected(f.Path) && from.IsUnchanged(p.dst, f, info) {
			left = append(left, f.Path)
		}
	}
	return left
}

// earlierFiles yields the files that earlier pulls from this origin placed, each with its record: those of the last pull,
// and those that a killed pull had already placed.
func (p *placement) earlierFiles() iter.Seq2[record.Placed, *record.Record] {
	return func(yield func(record.Placed, *record.Record) bool) {
		killed := p.state.Placing(p.opts.Origin)
		isPlaced := func(f record.Placed) bool {
			info, err := p.dst.Lstat(f.Path)
			return err == nil && killed.IsUnchanged(p.dst, f, info)
		}
		for i := range p.last.Len() {
			f := p.last.Files.At(i)
			if g, ok := killed.Find(f.Path); ok && isPlaced(g) {
				continue // yielded below
			}
			if !yield(f, p.last) {
				return
			}
		}
		for i := range killed.Len() {
			if f := killed.Files.At(i); isPlaced(f) && !yield(f, killed) {
				return
			}
		}
	}
}

// removeOnly finishes a pull that has nothing to fetch. It may still remove files that are no longer in the artifact.
func (p *placement) removeOnly(ctx context.Context) (err error) {
	if err := p.lockForPlacing(); err != nil {
		return err
	}
	p.next.Files.Sort()
	remove := p.findLeftovers(ctx, nil)
	if err := p.syncFiles(nil); err != nil {
		return err
	}
	if len(remove) == 0 {
		place.Sweep(p.dst, "") // removes the stages of pulls that were killed or overtaken after all files were placed
		return nil
	}
	if p.stage, err = place.OpenStage(p.dst, p.manifest.Desc.Digest, nil); err != nil {
		return err
	}
	pl := &place.Placer{Stage: p.stage, State: p.state}
	if err = pl.CheckLinks(ctx, nil, remove); err == nil {
		err = pl.Apply(remove)
	}
	pl.Relock()
	if closeErr := p.stage.Close(); err == nil {
		err = closeErr
	}
	p.removeEmptyDirs(remove)
	return err
}

// removeEmptyDirs removes the directories that removed files leave empty, unless the artifact has entries for them.
func (p *placement) removeEmptyDirs(removed []place.Removal) {
	for _, r := range removed {
		for dir := path.Dir(r.Path); dir != "."; dir = path.Dir(dir) {
			if p.dirs()[dir] || p.dst.Remove(dir) != nil {
				break
			}
		}
	}
}

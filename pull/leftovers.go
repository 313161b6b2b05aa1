package pull

import (
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/pull/place"
	"github.com/davit-oci/davit/pull/record"
)

// leftovers are files of the last pull that are no longer in the artifact. They are remembered as long as they exist,
// and removed on request if unchanged. It skips the names in gone and everything below them.
func (p *placement) leftovers(gone []string) []string {
	var remove []string
	var left []record.Placed
	for f, r := range p.formerly() {
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
		switch {
		case !p.opts.Delete || len(p.opts.Roles) > 0 || !p.matcher.Match(f.Path):
			left = append(left, f)
		case f.Unchanged(p.dst, info, r.Preserve) || p.opts.Force:
			remove = append(remove, f.Path)
		default:
			p.result.Kept = append(p.result.Kept, f.Path)
		}
	}
	for _, f := range left {
		p.next.Files.Add(f)
	}
	p.next.Files.Sort()
	p.result.Removed = remove
	return remove
}

// formerly yields the files that earlier pulls from this origin placed, each with its record: those of the last pull,
// and those that a killed pull had already placed.
func (p *placement) formerly() iter.Seq2[record.Placed, *record.Record] {
	return func(yield func(record.Placed, *record.Record) bool) {
		killed := p.state.Placing(p.opts.Origin)
		isPlaced := func(f record.Placed) bool {
			info, err := p.dst.Lstat(f.Path)
			return err == nil && f.Unchanged(p.dst, info, killed.Preserve)
		}
		for i := range p.last.Len() {
			f := p.last.Files.At(i)
			if g, ok := killed.Find(f.Path); ok && isPlaced(g) {
				continue // it comes below
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

// removeOnly is a pull that fetches nothing but may still remove files that left the artifact.
func (p *placement) removeOnly() (err error) {
	if err := p.lockForPlacing(); err != nil {
		return err
	}
	p.next.Files.Sort()
	remove := p.leftovers(nil)
	if err := p.syncFiles(nil); err != nil {
		return err
	}
	if len(remove) == 0 {
		place.Sweep(p.dst, "") // stages of pulls that were killed, or overtaken, after everything was in place
		return nil
	}
	if p.stage, err = place.OpenStage(p.dst, p.manifest.Desc.Digest, nil); err != nil {
		return err
	}
	pl := &place.Placer{Stage: p.stage}
	err = pl.Apply(remove)
	pl.Relock()
	if closeErr := p.stage.Close(); err == nil {
		err = closeErr
	}
	p.removeEmptyDirs(remove)
	return err
}

// removeEmptyDirs removes the directories that removed files leave empty, unless the artifact has them.
func (p *placement) removeEmptyDirs(removed []string) {
	for _, name := range removed {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if p.dirs()[dir] || p.dst.Remove(dir) != nil {
				break
			}
		}
	}
}

package pull

import (
	"context"
	"io/fs"
	"os"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2"
)

// Preview reports what Artifact would do with a listed artifact, the result of read.List with the same options, and Dirs. It sets Skipped,
// Removed, and Kept, and changes nothing in dst, which is nil if it does not exist. The list must have the digests of files in tars that
// exist in dst. Preview fails as Artifact would, such as with artifact.ErrKept if a file in dst is in the way.
func Preview(ctx context.Context, src oras.ReadOnlyTarget, dst *os.Root, listed *Result, opts Options) error {
	p, err := newPuller(src, dst, opts)
	if err != nil {
		return err
	}
	m, err := fetch.Load(ctx, src, listed.Descriptor())
	if err != nil {
		return err
	}
	items, err := p.planItems(ctx, m)
	if err != nil {
		return err
	}
	if err := p.checkEmpty(m); err != nil && len(listed.Files) == 0 {
		return err
	}
	at := func(i int) (string, bool) { return listed.Files[i].Path, fs.FileMode(listed.Files[i].Mode).IsDir() }
	if err := place.CheckParents(len(listed.Files), at); err != nil || dst == nil {
		return err
	}
	state := record.ReadState(opts.State)
	if last := p.skip(state.Of(opts.Origin)); last != nil && last.Digest == listed.Digest {
		listed.Skipped, listed.Leftovers = true, last.Leftovers
		return nil
	}
	pl := p.newPlacement(p.want(m, items), attempt{}, state)
	todo, err := pl.findMissing(ctx)
	if err != nil {
		return err
	}
	pl.stage = place.NoStage(dst)
	entries := pl.listEntries(todo, listed.Files)
	plan, err := pl.plan(ctx, func(pl *place.Placer) error { return pl.PlanListed(ctx, entries) })
	if err != nil {
		return err
	}
	remove := pl.findLeftovers(ctx, plan.Gone)
	listed.Leftovers = pl.result.Leftovers
	listed.Skipped = len(todo)+len(remove) == 0
	return nil
}

// listEntries returns the files of layers that are not in the destination, and adds them to the next record.
func (p *placement) listEntries(todo []*fetch.Item, files []File) (entries []place.Entry) {
	fetched := make(map[digest.Digest]bool)
	for _, it := range todo {
		fetched[it.Desc.Digest] = !it.Joined
	}
	if len(todo) > 0 && todo[0].Joined {
		entries = []place.Entry{{Path: todo[0].Name}} // the content of the tar is not known before it is built
	}
	for _, f := range files {
		if mode := fs.FileMode(f.Mode); fetched[f.Layer] {
			entries = append(entries, place.Entry{Path: f.Path, Size: f.Size, Mode: mode, Link: f.Link, Absolute: f.Stored, Digest: f.Digest})
		}
	}
	for _, e := range entries {
		if !e.Mode.IsDir() {
			p.next.Files.Add(record.Placed{Path: e.Path})
		}
	}
	p.next.Files.Sort()
	return entries
}

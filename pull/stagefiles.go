package pull

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/pull/place"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// fetch brings the items to the stage: blobs several at a time, and each, in the order of the manifest and while later
// ones are still on their way, to the names that its files will have.
func (p *puller) fetch(ctx context.Context, items []*fetch.Item) error {
	trees, err := newTrees(p)
	if err != nil {
		return err
	}
	p.trees = trees
	defer trees.root.Close()
	if err := p.fetchAll(ctx, items, trees); err != nil {
		return err
	}
	return trees.close()
}

func (p *puller) fetchAll(ctx context.Context, items []*fetch.Item, trees *trees) error {
	arrivals := make(map[digest.Digest]*arrival, len(items))
	for _, it := range items {
		if arrivals[it.Desc.Digest] == nil {
			arrivals[it.Desc.Digest] = newArrival()
		}
		arrivals[it.Desc.Digest].left++
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.opts.concurrency() + 1)
	group.Go(func() error {
		for _, it := range items {
			if err := p.stageItem(ctx, it, trees, arrivals[it.Desc.Digest]); err != nil {
				return &artifact.Error{Op: "unpacking", Item: it.Name, Err: err}
			}
		}
		if err := p.join(ctx, items); err != nil {
			return &artifact.Error{Op: "joining the layers of", Item: items[0].Name, Err: err}
		}
		return nil
	})
	started := make(map[digest.Digest]bool, len(items))
	for _, it := range items {
		if started[it.Desc.Digest] {
			continue
		}
		started[it.Desc.Digest] = true
		group.Go(func() error { return p.fetchItem(ctx, it, arrivals[it.Desc.Digest]) })
	}
	return group.Wait()
}

func (p *puller) fetchItem(ctx context.Context, it *fetch.Item, a *arrival) error {
	p.event(artifact.Started, it.Desc, 0)
	err := fetch.FetchFile(ctx, p.src, it.Desc, p.stage.Root, place.BlobPath(it.Desc), func(n, ready int64) {
		a.report(ready)
		p.event(artifact.Advanced, it.Desc, n)
	})
	if err != nil {
		return &artifact.Error{Op: "pulling", Item: it.Name, Err: err}
	}
	a.done()
	p.event(artifact.Done, it.Desc, it.Desc.Size)
	return nil
}

// stageItem gives a verified blob, or what it unpacks to, its name in the stage. Unpacking begins while the blob comes,
// but for one that is unpacked again since it was fetched again.
func (p *puller) stageItem(ctx context.Context, it *fetch.Item, trees *trees, a *arrival) error {
	if !it.Unpack || it.Sniff || p.restarted {
		if err := a.verified(ctx); err != nil {
			return err
		}
	}
	if it.Joined {
		return nil
	}
	a.left--
	unpack := it.Unpack
	if it.Sniff {
		var err error
		if unpack, err = isTarFile(p.stage.Root, place.BlobPath(it.Desc)); err != nil {
			return err
		}
	}
	if !unpack {
		return p.stageFile(it, a.left == 0)
	}
	r := &arriving{ctx: ctx, from: a, root: p.stage.Root, name: place.BlobPath(it.Desc)}
	defer r.Close()
	err := trees.unpack(ctx, it, r)
	if err := r.verified(); err != nil { // first of all what is wrong with the blob
		return err
	}
	return err // the blob stays until the end: it need not be fetched again when a later one fails
}

// stageFile gives a verified blob its name in the stage.
func (p *puller) stageFile(it *fetch.Item, last bool) error {
	root, to := p.stage.Root, path.Join(place.StageFiles, it.Name)
	if err := root.MkdirAll(path.Dir(to), 0o777); err != nil {
		return err
	}
	if _, err := root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return artifact.Refused(it.Name, "two layers have a file of this name")
	}
	if err := p.name(place.BlobPath(it.Desc), to, last); err != nil {
		return err
	}
	info, err := root.Lstat(to)
	if err != nil {
		return err
	}
	p.next.Files.Add(newPlaced(it.Name, it.Index, info, it.Desc.Digest))
	return nil
}

// name moves a blob to a name, or copies it when another file needs it too: a link would make later changes to one
// change the other.
func (p *puller) name(blob, to string, last bool) error {
	root := p.stage.Root
	if last {
		return root.Rename(blob, to)
	}
	in, err := root.Open(blob)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return errors.Join(err, out.Close())
}

package pull

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// fetch brings the items to the stage: blobs several at a time, and each, in the order of the manifest and while later
// ones are still on their way, to the names that its files will have.
func (p *puller) fetch(ctx context.Context, items []*item) error {
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

func (p *puller) fetchAll(ctx context.Context, items []*item, trees *trees) error {
	arrivals := make(map[digest.Digest]*arrival, len(items))
	for _, it := range items {
		if arrivals[it.desc.Digest] == nil {
			arrivals[it.desc.Digest] = newArrival()
		}
		arrivals[it.desc.Digest].left++
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.opts.concurrency() + 1)
	group.Go(func() error {
		for _, it := range items {
			if err := p.stageItem(ctx, it, trees, arrivals[it.desc.Digest]); err != nil {
				return &artifact.Error{Op: "unpacking", Item: it.name, Err: err}
			}
		}
		if err := p.join(ctx, items); err != nil {
			return &artifact.Error{Op: "joining the layers of", Item: items[0].name, Err: err}
		}
		return nil
	})
	started := make(map[digest.Digest]bool, len(items))
	for _, it := range items {
		if started[it.desc.Digest] {
			continue
		}
		started[it.desc.Digest] = true
		group.Go(func() error { return p.fetchItem(ctx, it, arrivals[it.desc.Digest]) })
	}
	return group.Wait()
}

func (p *puller) fetchItem(ctx context.Context, it *item, a *arrival) error {
	p.event(artifact.Started, it.desc, 0)
	err := fetchFile(ctx, p.src, it.desc, p.stage.root, blobPath(it.desc), func(n, ready int64) {
		a.report(ready)
		p.event(artifact.Advanced, it.desc, n)
	})
	if err != nil {
		return &artifact.Error{Op: "pulling", Item: it.name, Err: err}
	}
	a.done()
	p.event(artifact.Done, it.desc, it.desc.Size)
	return nil
}

// stageItem gives a verified blob, or what it unpacks to, its name in the stage. Unpacking begins while the blob comes,
// but for one that is unpacked again since it was fetched again.
func (p *puller) stageItem(ctx context.Context, it *item, trees *trees, a *arrival) error {
	if !it.unpack || it.sniff || p.restarted {
		if err := a.verified(ctx); err != nil {
			return err
		}
	}
	if it.joined {
		return nil
	}
	a.left--
	unpack := it.unpack
	if it.sniff {
		var err error
		if unpack, err = isTarFile(p.stage.root, blobPath(it.desc)); err != nil {
			return err
		}
	}
	if !unpack {
		return p.stageFile(it, a.left == 0)
	}
	r := &arriving{ctx: ctx, from: a, root: p.stage.root, name: blobPath(it.desc)}
	defer r.Close()
	err := trees.unpack(ctx, it, r)
	if err := r.verified(); err != nil { // first of all what is wrong with the blob
		return err
	}
	return err // the blob stays until the end: it need not be fetched again when a later one fails
}

// stageFile gives a verified blob its name in the stage.
func (p *puller) stageFile(it *item, last bool) error {
	root, to := p.stage.root, path.Join(stageFiles, it.name)
	if err := root.MkdirAll(path.Dir(to), 0o777); err != nil {
		return err
	}
	if _, err := root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return artifact.Refused(it.name, "two layers have a file of this name")
	}
	if err := p.name(blobPath(it.desc), to, last); err != nil {
		return err
	}
	info, err := root.Lstat(to)
	if err != nil {
		return err
	}
	p.next.files.add(newPlaced(it.name, it.index, info, it.desc.Digest))
	return nil
}

// name moves a blob to a name, or copies it when another file needs it too: a link would make later changes to one
// change the other.
func (p *puller) name(blob, to string, last bool) error {
	root := p.stage.root
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

package pull

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/pull/place"
	"github.com/davit-oci/davit/pull/record"
	"github.com/opencontainers/go-digest"
)

// vouched reports whether the last pull's files can be taken for what they were if they look as they did. Where they have
// to be on the disk, that pull must have synced them.
func (p *puller) vouched() bool { return p.last.Synced || p.opts.NoSync && p.last.Trusted }

// intact tells whether the files of a record, or of some of its layers, are all as they were placed. They are asked for on
// all cores: for many files the system calls are most of the time of a pull that has nothing to do.
func (p *puller) intact(r *record.Record, layer func(int) bool) bool {
	const share = 512 // files that are worth a goroutine
	n := r.Files.Len()
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
func (p *puller) intactPart(r *record.Record, from, to int, layer func(int) bool, changed *atomic.Bool) bool {
	look := record.NewLooker(p.dst, ".")
	defer look.Close()
	for i := from; i < to && !changed.Load(); i++ {
		f := r.Files.At(i)
		if f.Layer < 0 && layer == nil {
			if p.opts.Delete {
				return false
			}
			continue
		}
		if layer != nil && !layer(f.Layer) {
			continue
		}
		info, err := look.Lstat(f.Path)
		if err != nil || !f.Unchanged(p.dst, info, r.Preserve) {
			return false
		}
	}
	return true
}

// missing are the items whose files are not in the destination as they should be. Files that are not ours and differ
// fail the pull before anything is fetched.
func (p *puller) missing(ctx context.Context, items []*fetch.Item) ([]*fetch.Item, error) {
	p.partial, p.dirEntries = false, make(map[string]bool)
	var todo []*fetch.Item
	var kept []string
	for _, it := range items {
		right, keep, err := p.check(ctx, it)
		if err != nil {
			return nil, &artifact.Error{Op: "checking", Item: it.Name, Err: place.Bare(err)}
		}
		if keep != "" {
			kept = append(kept, keep)
		}
		if right {
			p.opts.report(artifact.Event{Step: artifact.Skipped, ID: fetch.Titled(it.Desc), Descriptor: it.Desc, Bytes: it.Desc.Size})
		} else {
			todo = append(todo, it)
		}
	}
	p.next.Files.Sort()
	p.carried = record.Table{}
	for i := range p.next.Files.Len() {
		p.carried.Add(p.next.Files.At(i))
	}
	return todo, place.Refusal(kept)
}

// check tells whether an item needs no fetching, and what is in its way that must be kept ("": nothing).
func (p *puller) check(ctx context.Context, it *fetch.Item) (right bool, keep string, err error) {
	if it.Joined {
		return false, "", nil // all that the tar is made of is needed
	}
	if it.Unpack {
		return p.treeIsRight(it), "", nil
	}
	name, info, err := p.standing(it.Name)
	if info == nil {
		return false, "", err
	}
	if name == it.Name && p.fileIsRight(ctx, it, info) {
		p.next.Files.Add(newPlaced(it.Name, it.Index, info, it.Desc.Digest))
		return true, "", nil
	}
	if p.opts.Force || p.state.Ours(p.dst, name, info) || info.IsDir() && p.state.OursBelow(p.dst, name) {
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
func (p *puller) fileIsRight(ctx context.Context, it *fetch.Item, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() != it.Desc.Size {
		return false
	}
	f, known := p.last.Find(it.Name)
	doubted := known && !p.last.Trusted
	if known && !doubted && f.Digest != "" && f.Unchanged(p.dst, info, false) {
		return f.Digest == it.Desc.Digest
	}
	if p.opts.Digests != nil && !doubted {
		if d, ok := p.opts.Digests.Lookup(info); ok {
			return d == it.Desc.Digest
		}
	}
	if !fetch.Holds(ctx, p.dst, it.Name, it.Desc) {
		return false
	}
	if p.opts.Digests != nil {
		p.opts.Digests.Store(info, it.Desc.Digest)
	}
	return true
}

// treeIsRight tells whether the last pull unpacked the same layer and nobody touched its files.
func (p *puller) treeIsRight(it *fetch.Item) bool {
	if p.last == nil || !p.last.Trusted || p.whole || p.last.Entangled || p.last.Settings != p.next.Settings {
		return false
	}
	old := slices.Index(p.last.Layers, it.Desc.Digest)
	if old < 0 || !p.intact(p.last, func(layer int) bool { return layer == old }) {
		return false
	}
	for i := range p.last.Files.Len() {
		if int(p.last.Files.Row(i).Layer) == old {
			f := p.last.Files.At(i)
			f.Layer = it.Index
			p.next.Files.Add(f)
		}
	}
	p.partial = true
	return true
}

func newPlaced(name string, layer int, info fs.FileInfo, d digest.Digest) record.Placed {
	uid, gid, _ := record.Owner(info)
	return record.Placed{
		Path: name, Size: info.Size(), ModTime: info.ModTime().UnixNano(), Mode: info.Mode(), UID: uid, GID: gid,
		Layer: layer, Digest: d,
	}
}

package pull

import (
	"context"
	"io/fs"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/place"
)

// findMissing returns the items whose files are not in the destination. It fails if a file of another program has a name of
// the artifact and different content, before anything is fetched.
func (p *placement) findMissing(ctx context.Context) ([]*fetch.Item, error) {
	var todo []*fetch.Item
	var kept []string
	for _, it := range p.items {
		present, keep, err := p.check(ctx, it)
		if err != nil {
			return nil, &artifact.Error{Op: "checking", Item: it.Name, Err: place.Bare(err)}
		}
		if keep != "" {
			kept = append(kept, keep)
		}
		if present {
			p.opts.report(artifact.Event{Step: artifact.Skipped, ID: fetch.Titled(it.Desc), Descriptor: it.Desc, Bytes: it.Desc.Size})
		} else {
			todo = append(todo, it)
		}
	}
	p.next.Files.Sort()
	for i := range p.next.Files.Len() {
		p.carried.Add(p.next.Files.At(i))
	}
	if p.confirmOurs(ctx, kept) {
		kept = slices.DeleteFunc(kept, func(name string) bool {
			_, info, err := place.LookUp(p.dst, name)
			return err == nil && info != nil && p.isOurs(name, info)
		})
	}
	return todo, place.Refusal(kept)
}

// isOurs reports whether an earlier pull placed a file, or all files in a directory, and they are unchanged since.
func (p *placement) isOurs(name string, info fs.FileInfo) bool {
	if info.IsDir() {
		return p.state.AreOursBelow(p.dst, name)
	}
	return p.state.IsOurs(p.dst, name, info)
}

// check reports whether an item is in the destination. It also returns the name of a conflicting file that must be kept,
// or "".
func (p *placement) check(ctx context.Context, it *fetch.Item) (present bool, keep string, err error) {
	if it.Joined {
		return false, "", nil // the tar is built from all layers
	}
	if it.Unpack {
		return p.isUnpacked(it), "", nil
	}
	name, info, err := place.LookUp(p.dst, it.Name)
	if info == nil {
		return false, "", err
	}
	if name == it.Name && p.isLayer(ctx, it, info) {
		p.next.Files.Add(record.NewPlaced(it.Name, it.Index, info, it.Desc.Digest))
		return true, "", nil
	}
	if p.opts.Force || p.isOurs(name, info) {
		return false, "", nil
	}
	return false, name, nil
}

// isLayer reports whether a file has the content of a layer, by its remembered digest or by hashing it.
func (p *placement) isLayer(ctx context.Context, it *fetch.Item, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() != it.Desc.Size {
		return false
	}
	f, known := p.last.Find(it.Name)
	doubted := known && !p.last.IsTrusted()
	if known && !doubted && f.Digest != "" && p.last.IsUnchanged(p.dst, f, info) {
		return f.Digest == it.Desc.Digest
	}
	if p.opts.Digests != nil && !doubted {
		if d, ok := p.opts.Digests.Lookup(info); ok {
			return d == it.Desc.Digest
		}
	}
	if !fetch.HasBlob(ctx, p.dst, it.Name, it.Desc) {
		return false
	}
	if p.opts.Digests != nil {
		p.opts.Digests.Store(info, it.Desc.Digest)
	}
	return true
}

// isUnpacked reports whether the last pull unpacked the same layer and its files are unchanged. It adds them to the next record.
func (p *placement) isUnpacked(it *fetch.Item) bool {
	if p.last == nil || !p.last.IsTrusted() || p.attempt.fetchAll || p.last.Entangled || p.last.Settings != p.next.Settings {
		return false
	}
	old := slices.Index(p.last.Layers, it.Desc.Digest)
	if old < 0 || !p.last.IsIntact(p.dst, func(layer int) bool { return layer == old }) {
		return false
	}
	for i := range p.last.Files.Len() {
		if int(p.last.Files.Row(i).Layer) == old {
			f := p.last.Refreshed(p.dst, p.last.Files.At(i))
			f.Layer = it.Index
			p.next.Files.Add(f)
		}
	}
	p.partial = true
	return true
}

package archive

import (
	"cmp"
	"context"

	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/lists"
)

// Unreferenced lists the blobs in the archive to which nothing refers, sorted by path. If a manifest is damaged, it is unknown
// which blobs are needed, so the list is empty.
func (a *Archive) Unreferenced(ctx context.Context) ([]catalog.UnreferencedFile, error) {
	needed, known, err := catalog.Referenced(ctx, a.Catalog)
	if err != nil || !known {
		return nil, err
	}
	var found []catalog.UnreferencedFile
	for d, e := range a.old.blobs {
		if !needed[d] {
			found = append(found, catalog.UnreferencedFile{Path: catalog.BlobName(d), Size: e.Size, Problem: catalog.NoManifest})
		}
	}
	lists.Sort(found, func(x, y catalog.UnreferencedFile) int { return cmp.Compare(x.Path, y.Path) })
	return found, nil
}

// Repair makes Close write the archive without unreferenced blobs, and returns those blobs.
func (a *Archive) Repair(ctx context.Context) ([]catalog.UnreferencedFile, error) {
	if err := a.checkWritable(); err != nil {
		return nil, err
	}
	found, err := a.Unreferenced(ctx)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rewrite = true
	return found, nil
}

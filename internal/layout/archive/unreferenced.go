package archive

import (
	"cmp"
	"context"
	"slices"

	"github.com/davit-oci/davit/internal/layout/catalog"
)

// Strays lists the blobs of an archive that nothing refers to, sorted by path.
func (a *Archive) Strays(ctx context.Context) ([]catalog.Stray, error) {
	needed, known, err := catalog.Referenced(ctx, a.Catalog)
	if err != nil || !known {
		return nil, err
	}
	var strays []catalog.Stray
	for d, e := range a.old.blobs {
		if !needed[d] {
			strays = append(strays, catalog.Stray{Path: catalog.BlobName(d), Size: e.Size, Problem: catalog.StrayBlob})
		}
	}
	slices.SortFunc(strays, func(x, y catalog.Stray) int { return cmp.Compare(x.Path, y.Path) })
	return strays, nil
}

// Repair omits the blobs found by Strays when Close writes the archive. It returns them.
func (a *Archive) Repair(ctx context.Context) ([]catalog.Stray, error) {
	if err := a.writable(); err != nil {
		return nil, err
	}
	strays, err := a.Strays(ctx)
	if err != nil || len(strays) == 0 {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rewrite = true
	return strays, nil
}

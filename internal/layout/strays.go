package layout

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/filelock"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// orasIngest is where oras keeps what it is writing into a layout.
const orasIngest = "ingest"

// Stray is a file in a layout, or an entry of an archive, that nothing in it refers to, or one that every layout has and
// this one has not.
type Stray struct {
	Path    string // slash path inside
	Size    int64
	Problem string
	Missing bool
}

// The problems of strays.
const (
	strayBlob  = "no manifest refers to it"
	strayTemp  = "an interrupted writer left it"
	strayName  = "its name is no digest"
	strayOther = "it belongs to no image layout"
	strayGone  = "an image layout has it"
)

// Roots lists the manifests that a layout or archive lists, each once unless it is described in several ways.
func (c *catalog) Roots(ctx context.Context) ([]ocispec.Descriptor, error) {
	ix, err := c.store.index(ctx)
	if err != nil {
		return nil, err
	}
	var roots []ocispec.Descriptor
	for _, desc := range ix.roots() {
		if !slices.ContainsFunc(roots, func(r ocispec.Descriptor) bool { return content.Equal(r, desc) }) {
			roots = append(roots, plain(desc))
		}
	}
	return roots, nil
}

// neededBlobs is what the index leads to; ok is false when that can't be told, because a manifest is damaged.
func referenced(ctx context.Context, c *catalog) (needed map[digest.Digest]bool, ok bool, err error) {
	ix, err := c.store.index(ctx)
	if err != nil {
		return nil, false, err
	}
	needed, err = neededBy(ctx, c, ix.roots())
	if ctx.Err() != nil {
		return nil, false, context.Cause(ctx)
	}
	return needed, err == nil, nil
}

// Strays lists the files of a layout that nothing refers to, sorted by path, and its oci-layout where that is missing.
// Files that another process is writing right now may be among them. Which blobs are needed is not known as long as a
// manifest is damaged: none is listed then.
func (l *Layout) Strays(ctx context.Context) ([]Stray, error) {
	root := l.opened()
	if root == nil {
		return nil, nil
	}
	needed, known, err := referenced(ctx, l.catalog)
	if err != nil {
		return nil, err
	}
	var strays []Stray
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		problem := strayProblem(name, needed, known)
		if problem == "" {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its writer is done with it
		}
		if err == nil {
			strays = append(strays, Stray{Path: name, Size: info.Size(), Problem: problem})
		}
		return err
	})
	if _, lost := root.Lstat(ocispec.ImageLayoutFile); errors.Is(lost, fs.ErrNotExist) {
		strays = append(strays, Stray{Path: ocispec.ImageLayoutFile, Problem: strayGone, Missing: true})
	}
	return strays, err
}

// strayProblem says what is wrong with a file of a layout being there; "": nothing.
func strayProblem(name string, needed map[digest.Digest]bool, known bool) string {
	first, rest, _ := strings.Cut(name, "/")
	switch first {
	case ocispec.ImageLayoutFile, ocispec.ImageIndexFile:
		return ""
	case tempDir, orasIngest:
		return strayTemp
	case ocispec.ImageBlobsDir:
		d := digest.Digest(strings.Replace(rest, "/", ":", 1))
		switch {
		case d.Validate() != nil || blobName(d) != name:
			return strayName
		case known && !needed[d]:
			return strayBlob
		}
		return ""
	case "manifest.json", "repositories": // docker's own, in what docker saves
		return ""
	}
	return strayOther
}

// Repair removes what Strays finds that davit or oras may have left: blobs that nothing refers to and temporary files.
// While another process writes to the layout its blobs stay. A missing oci-layout is written. It gives what it mended.
func (l *Layout) Repair(ctx context.Context) ([]Stray, error) {
	before, err := l.Strays(ctx)
	if err != nil || len(before) == 0 {
		return nil, err
	}
	if err := l.prepare(ctx); err != nil { // writes oci-layout, removes the temporary files of processes that are gone
		return nil, err
	}
	l.sweepParts()
	l.sweepIngest()
	if err := l.collect(ctx, map[digest.Digest]bool{}, time.Now()); err != nil {
		return nil, err
	}
	left, err := l.Strays(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(before, func(s Stray) bool {
		return slices.ContainsFunc(left, func(x Stray) bool { return x.Path == s.Path })
	}), nil
}

// sweepParts removes what interrupted fetches left, with the journals beside it: what nobody is at.
func (l *Layout) sweepParts() {
	entries, _ := fs.ReadDir(l.root.FS(), tempDir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), partPrefix) || strings.HasSuffix(e.Name(), journalSuffix) {
			continue
		}
		name := path.Join(tempDir, e.Name())
		f, err := l.root.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if filelock.TryFile(f) {
			_ = l.root.Remove(name)
			_ = l.root.Remove(name + journalSuffix)
		}
		_ = f.Close()
	}
	_ = l.root.Remove(tempDir) // if it is empty
}

// sweepIngest removes what oras left an hour ago or longer: it has no locks that would tell more.
func (l *Layout) sweepIngest() {
	entries, _ := fs.ReadDir(l.root.FS(), orasIngest)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
			_ = l.root.Remove(path.Join(orasIngest, e.Name()))
		}
	}
	_ = l.root.Remove(orasIngest) // if it is empty
}

// Strays lists the blobs of an archive that nothing refers to, sorted by path.
func (a *Archive) Strays(ctx context.Context) ([]Stray, error) {
	needed, known, err := referenced(ctx, a.catalog)
	if err != nil || !known {
		return nil, err
	}
	var strays []Stray
	for d, e := range a.old.blobs {
		if !needed[d] {
			strays = append(strays, Stray{Path: blobName(d), Size: e.size, Problem: strayBlob})
		}
	}
	slices.SortFunc(strays, func(x, y Stray) int { return cmp.Compare(x.Path, y.Path) })
	return strays, nil
}

// Repair leaves out what Strays finds when the archive is written by Close. It gives what will be gone.
func (a *Archive) Repair(ctx context.Context) ([]Stray, error) {
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

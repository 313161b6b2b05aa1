package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// orasIngest is the directory of files that oras is writing into a layout.
	orasIngest = "ingest"
	// skopeoTemp is the prefix of files that skopeo, podman, and buildah are writing into a layout.
	skopeoTemp = "oci-put-blob"
	// freshFor is the age below which an unlisted file may belong to a tool that is still running. Other tools do not take
	// davit's locks, and they list their files last.
	freshFor = time.Hour
)

// Unreferenced lists the files in a layout to which nothing refers, sorted by path, and oci-layout if it is missing. They may
// include files that another process is writing. If a manifest is damaged, it is unknown which blobs are needed, so no blob is
// listed.
func (l *Layout) Unreferenced(ctx context.Context) ([]catalog.UnreferencedFile, error) {
	root := l.currentRoot()
	if root == nil {
		return nil, nil
	}
	needed, known, err := catalog.Referenced(ctx, l.Catalog)
	if err != nil {
		return nil, err
	}
	var found []catalog.UnreferencedFile
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		problem := findProblem(name, needed, known)
		if problem == "" {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was renamed or removed since
		}
		if err == nil {
			found = append(found, catalog.UnreferencedFile{Path: name, Size: info.Size(), Problem: problem})
		}
		return err
	})
	if _, lost := root.Lstat(ocispec.ImageLayoutFile); errors.Is(lost, fs.ErrNotExist) {
		found = append(found, catalog.UnreferencedFile{Path: ocispec.ImageLayoutFile, Problem: catalog.Required, Missing: true})
	}
	return found, err
}

// findProblem returns why a file does not belong in a layout, or "" if it does. known means that needed is complete.
func findProblem(name string, needed map[digest.Digest]bool, known bool) string {
	first, rest, _ := strings.Cut(name, "/")
	switch first {
	case ocispec.ImageLayoutFile, ocispec.ImageIndexFile:
		return ""
	case files.TempDir, orasIngest:
		return catalog.Unfinished
	case ocispec.ImageBlobsDir:
		d := digest.Digest(strings.Replace(rest, "/", ":", 1))
		switch {
		case d.Validate() != nil || catalog.BlobName(d) != name:
			return catalog.NoDigest
		case known && !needed[d]:
			return catalog.NoManifest
		}
		return ""
	case "manifest.json", "repositories": // Docker's own files, in docker save archives
		return ""
	}
	return catalog.NotInLayout
}

// Repair removes unreferenced blobs, and temporary files of davit and oras, and writes a missing oci-layout. It keeps files
// that are less than an hour old, and all blobs if another process is writing to the layout. It returns the problems that it
// fixed.
func (l *Layout) Repair(ctx context.Context) ([]catalog.UnreferencedFile, error) {
	before, err := l.Unreferenced(ctx)
	if err != nil || len(before) == 0 {
		return nil, err
	}
	if err := l.prepare(ctx); err != nil { // writes oci-layout, removes the temporary files of processes that have ended
		return nil, err
	}
	l.sweepParts()
	l.sweepIngest()
	if err := l.collect(ctx, collection{before: time.Now().Add(-freshFor)}); err != nil {
		return nil, err
	}
	left, err := l.Unreferenced(ctx)
	if err != nil {
		return nil, err
	}
	return lists.Delete(before, func(s catalog.UnreferencedFile) bool {
		return slices.ContainsFunc(left, func(x catalog.UnreferencedFile) bool { return x.Path == s.Path })
	}), nil
}

// sweepParts removes the files of interrupted fetches that no process is using, and their journals.
func (l *Layout) sweepParts() {
	entries, _ := fs.ReadDir(l.root.FS(), files.TempDir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), files.PartPrefix) || strings.HasSuffix(e.Name(), files.JournalSuffix) {
			continue
		}
		name := path.Join(files.TempDir, e.Name())
		f, err := l.root.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if filelock.TryFile(f) {
			_ = l.root.Remove(name)
			_ = l.root.Remove(name + files.JournalSuffix)
		}
		_ = f.Close()
	}
	_ = l.root.Remove(files.TempDir) // if it is empty
}

// hasFreshTemps reports whether another tool may be writing to the layout.
func (l *Layout) hasFreshTemps() bool {
	isFresh := func(e fs.DirEntry) bool {
		info, err := e.Info()
		return err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) < freshFor
	}
	ingest, _ := fs.ReadDir(l.root.FS(), orasIngest)
	entries, _ := fs.ReadDir(l.root.FS(), ".")
	return slices.ContainsFunc(ingest, isFresh) || slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasPrefix(e.Name(), skopeoTemp) && isFresh(e)
	})
}

// sweepIngest removes files that oras left behind and that are older than freshFor. Oras takes no locks that would show whether
// a file is in use.
func (l *Layout) sweepIngest() {
	entries, _ := fs.ReadDir(l.root.FS(), orasIngest)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > freshFor {
			_ = l.root.Remove(path.Join(orasIngest, e.Name()))
		}
	}
	_ = l.root.Remove(orasIngest) // if it is empty
}

package detect

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// hasFiles reports whether a directory has files that the native client of a kind packs.
func hasFiles(k mediatypes.Kind, dir *tree.Sample) bool {
	return walkFiles(k, dir, func(*tree.Sample) error { return errStop }) != nil
}

// walkFiles visits the files in a directory and its subdirectories, except for the paths that .davitignore or the native client of a kind
// leaves out. Info is that of a link's target or, if the link is broken, of the link. Linked directories are visited, but not walked.
func walkFiles(k mediatypes.Kind, dir *tree.Sample, visit func(*tree.Sample) error) error {
	filter, err := tree.IgnoreFilter(dir.FS, dir.Path)
	if err != nil {
		return err
	}
	client, err := roles.ClientFilter(dir.FS, k, dir.Path)
	if err != nil {
		return err
	}
	filter = roles.AnyOf(filter, client)
	return fs.WalkDir(dir.FS, dir.Path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != dir.Path && filter(name, d.IsDir()) && d.IsDir():
			return fs.SkipDir
		case d.IsDir() || filter(name, false):
			return nil
		}
		info, err := fs.Stat(dir.FS, name)
		if err != nil {
			info, err = d.Info()
		}
		if err != nil {
			return err
		}
		return visit(&tree.Sample{FS: dir.FS, Path: name, Info: info})
	})
}

// maxNames limits the files whose names are listed to find the kind of directories.
const maxNames = 10_000

// lastMatches returns the kinds that the names of all files show, if only directories were named.
func (f *files) lastMatches() (found []match) {
	names, err := f.listNames()
	if err != nil {
		return nil
	}
	for _, k := range f.table.Kinds {
		for _, l := range k.Layers {
			last := f.table.Tests[l.Content].Last
			if last == nil || !l.Tells {
				continue
			}
			if evidence, ok := last(names); ok {
				m := match{kind: k, isWhole: true, isShown: true, evidence: describeEvidence(roles.Role{Evidence: evidence}, f.named[0])}
				for _, dir := range f.named {
					m.used = append(m.used, dir.Path)
				}
				found = append(found, m)
			}
		}
	}
	return found
}

// listNames lists the files in the named directories, without hidden ones. It fails for named files, too many files, broken links, and special
// files.
func (f *files) listNames() (names []string, err error) {
	add := func(s *tree.Sample) error {
		if strings.Contains("/"+s.Path, "/.") {
			return nil
		}
		if names = append(names, s.Path); !s.Info.Mode().IsRegular() || len(names) > maxNames {
			return errStop
		}
		return nil
	}
	for _, dir := range f.named {
		if !dir.IsDir() {
			return nil, errStop
		}
		entries, err := listDirectory(f.fsys, dir.Path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries[1:] {
			if e.IsDir() {
				err = walkFiles(mediatypes.Kind{}, e, add)
			} else {
				err = add(e)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

// errStop ends a walk early. Callers only check for an error.
var errStop = errors.New("walk stopped")

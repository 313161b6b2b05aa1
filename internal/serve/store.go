package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve/answer"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// place is where a layout is. It is opened when it is first asked for, and again when another stands there.
type place struct {
	path   string
	mode   registry.Mode
	opener Opener
	above  string // the directory above those that were made for it; empty: none were

	mu     sync.Mutex
	layout layout
	info   fs.FileInfo // of what was opened
	old    []layout    // replaced, and maybe still in use
}

// open gives the layout that is there now.
func (p *place) open(ctx context.Context) (layout, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path)
	if err != nil {
		return nil, err
	}
	if p.layout != nil && os.SameFile(info, p.info) {
		return p.layout, nil
	}
	target, err := p.opener(ctx, registry.Reference{Path: p.path}, p.mode)
	if err != nil {
		return nil, err
	}
	l, ok := target.(layout)
	if !ok {
		return nil, errors.Join(fmt.Errorf("serving %q: %w", p.path, errors.ErrUnsupported), target.Close())
	}
	if p.layout != nil {
		p.old = append(p.old, p.layout)
	}
	p.layout, p.info = l, info
	return l, nil
}

func (p *place) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, l := range append(p.old, p.layout) {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	p.old, p.layout = nil, nil
	if p.above != "" {
		removeEmpty(p.path, p.above)
	}
	return errors.Join(errs...)
}

// removeEmpty removes a directory that nothing came into, and those around it below another.
func removeEmpty(dir, above string) {
	for ; dir != above && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
	}
}

// single is one layout, which is every repository: the names in its index tell what belongs to one alone.
type single struct {
	place
	home string
}

func (s *single) repository(ctx context.Context, name string, _ bool) (*repository, error) {
	l, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return &repository{layout: l, name: name, home: s.home}, nil
}

func (s *single) list(ctx context.Context) ([]string, error) {
	l, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	names, err := l.Names(ctx)
	if err != nil {
		return nil, err
	}
	repos := []string{s.home}
	for _, name := range names {
		if repo, tag := splitName(name); repo != "" && tag != "" {
			repos = append(repos, repo)
		}
	}
	return sortedSet(repos), nil
}

// tree is a directory of layouts: each is the repository that its path names.
type tree struct {
	root   string
	mode   registry.Mode
	opener Opener

	mu     sync.Mutex
	places map[string]*place
}

func (t *tree) repository(ctx context.Context, name string, create bool) (*repository, error) {
	p, err := t.place(name, create && t.mode == registry.Write)
	if err != nil {
		return nil, err
	}
	l, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	return &repository{layout: l, name: name, home: name}, nil
}

// place finds the layout of a name, or makes room for one.
func (t *tree) place(name string, create bool) (*place, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := filepath.Join(t.root, filepath.FromSlash(name))
	p := t.places[name]
	there := isLayout(dir)
	switch {
	case !there && !create:
		return nil, answer.NameUnknown(name)
	case p != nil:
		return p, nil
	case !there:
		if err := t.makeRoom(name, dir); err != nil {
			return nil, err
		}
	}
	p = &place{path: dir, mode: t.mode, opener: t.opener}
	if !there {
		p.above = t.root
	}
	t.places[name] = p
	return p, nil
}

// makeRoom makes the directory of a new layout, neither inside another one nor around others.
func (t *tree) makeRoom(name, dir string) error {
	for outer := path.Dir(name); outer != "."; outer = path.Dir(outer) {
		if isLayout(filepath.Join(t.root, filepath.FromSlash(outer))) {
			return answer.Refuse(http.StatusForbidden, "DENIED", "%q would lie in the layout %q", name, outer)
		}
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return answer.Refuse(http.StatusForbidden, "DENIED", "the directory %q has something else in it", name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.MkdirAll(dir, 0o777)
}

func (t *tree) list(context.Context) ([]string, error) {
	names, _, err := findLayouts(t.root)
	return names, err
}

func (t *tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, p := range t.places {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// isLayout tells whether a directory is a layout.
func isLayout(dir string) bool {
	for _, name := range []string{ocispec.ImageLayoutFile, ocispec.ImageIndexFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// findLayouts lists the layouts below a directory by their names, and the paths of those whose path is no name. Hidden
// directories and links are left out.
func findLayouts(root string) (names, nameless []string, err error) {
	names = []string{}
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, file)
		switch {
		case err != nil && rel != ".":
			return fs.SkipDir // vanished, or not ours to read
		case err != nil || relErr != nil:
			return errors.Join(err, relErr)
		case !entry.IsDir() || rel == ".":
			return nil
		case entry.Name()[0] == '.':
			return fs.SkipDir
		case !isLayout(file):
			return nil
		}
		if name := filepath.ToSlash(rel); validName(name) {
			names = append(names, name)
		} else {
			nameless = append(nameless, rel)
		}
		return fs.SkipDir
	})
	slices.Sort(names)
	return names, nameless, err
}

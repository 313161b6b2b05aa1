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
	ocilayout "github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/serve/answer"
)

// place is the path of a layout. The layout is opened by the first request, and again after it was replaced.
type place struct {
	path   string
	mode   registry.Mode
	opener Opener
	above  string // the parent of the directories created for it; empty: none

	mu     sync.Mutex
	layout layout
	info   fs.FileInfo // of the layout that was opened
	old    []layout    // replaced, and possibly still in use
}

// open returns the present layout.
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
		return nil, target.Close(ctx, fmt.Errorf("serving %q: %w", p.path, errors.ErrUnsupported))
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
			errs = append(errs, l.Close(context.Background(), nil))
		}
	}
	p.old, p.layout = nil, nil
	if p.above != "" {
		removeEmpty(p.path, p.above)
	}
	return errors.Join(errs...)
}

// removeEmpty removes an empty directory and its empty parents below another.
func removeEmpty(dir, above string) {
	for ; dir != above && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
	}
}

// single is one layout that is every repository. The names in its index say which tags belong to only one repository.
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

// tree is a directory of layouts, each of which is the repository that its path names.
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

// place finds the layout of a name, or creates its directory.
func (t *tree) place(name string, create bool) (*place, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := filepath.Join(t.root, filepath.FromSlash(name))
	if leadsAway(t.root, name) { // as findLayouts does not list it
		return nil, answer.NameUnknown(name)
	}
	p := t.places[name]
	there := ocilayout.Is(dir)
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

// leadsAway reports whether a name has a symbolic link on its way below root.
func leadsAway(root, name string) bool {
	for dir := name; dir != "."; dir = path.Dir(dir) {
		info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(dir)))
		if err == nil && info.Mode().Type() == fs.ModeSymlink {
			return true
		}
	}
	return false
}

// makeRoom creates the directory of a new layout, neither inside another layout nor around one.
func (t *tree) makeRoom(name, dir string) error {
	for outer := path.Dir(name); outer != "."; outer = path.Dir(outer) {
		if ocilayout.Is(filepath.Join(t.root, filepath.FromSlash(outer))) {
			return answer.Refuse(http.StatusForbidden, "DENIED", "%q would be inside the layout %q", name, outer)
		}
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return answer.Refuse(http.StatusForbidden, "DENIED", "the directory %q is not empty", name)
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

// findLayouts returns the names of the layouts below a directory, and the paths of those whose path is not a valid name.
func findLayouts(root string) (names, nameless []string, err error) {
	names = []string{}
	below, err := ocilayout.Below(root)
	for _, rel := range below {
		if name := filepath.ToSlash(rel); isValidName(name) {
			names = append(names, name)
		} else {
			nameless = append(nameless, rel)
		}
	}
	slices.Sort(names)
	return names, nameless, err
}

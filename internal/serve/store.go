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
	"github.com/davit-oci/davit/internal/fault"
	ocilayout "github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/naming"
)

// lazyLayout is a layout that the first request opens. A later request opens it again if its directory or file has been replaced.
type lazyLayout struct {
	path   string
	mode   registry.Mode
	opener Opener
	parent string // existing parent of the directories created for the layout; empty if none were created

	mu     sync.Mutex
	layout layout
	info   fs.FileInfo // of the open layout
	old    []layout    // layouts that were replaced, and may still be in use
}

// open returns the current layout.
func (p *lazyLayout) open(ctx context.Context) (layout, error) {
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

// Close closes all open layouts, and removes the created directories if they are empty.
func (p *lazyLayout) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, l := range append(p.old, p.layout) {
		if l != nil {
			errs = append(errs, l.Close(context.Background(), nil))
		}
	}
	p.old, p.layout = nil, nil
	if p.parent != "" {
		removeEmpty(p.path, p.parent)
	}
	return fault.Join(errs...)
}

// removeEmpty removes an empty directory and its empty parents below top.
func removeEmpty(dir, top string) {
	for ; dir != top && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
	}
}

// single is a layout served under every repository name. A name with a repository belongs only to that repository.
type single struct {
	lazyLayout
	home string
}

func (s *single) repository(ctx context.Context, name string, _ bool) (*repository, error) {
	l, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return &repository{l, naming.Repository{Name: name, Home: s.home}}, nil
}

// list returns the repositories in the names of the layout, and its own unless it has only manifests of others.
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
		if repo, tag := naming.Split(name); repo != "" && tag != "" {
			repos = append(repos, repo)
		}
	}
	if repos = sortUnique(repos); len(repos) == 1 {
		return repos, nil
	}
	part, err := naming.PartOf(ctx, l, naming.Repository{Name: s.home, Home: s.home})
	if err == nil && part.IsAlias {
		repos = slices.DeleteFunc(repos, func(name string) bool { return name == s.home })
	}
	return repos, err
}

// tree is a directory of layouts. Each layout is the repository named by its path.
type tree struct {
	root   string
	mode   registry.Mode
	opener Opener

	mu      sync.Mutex
	layouts map[string]*lazyLayout // by repository
}

func (t *tree) repository(ctx context.Context, name string, create bool) (*repository, error) {
	p, err := t.find(name, create && t.mode == registry.Write)
	if err != nil {
		return nil, err
	}
	l, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	return &repository{l, naming.Repository{Name: name, Home: name, Only: true}}, nil
}

// find returns the layout of a repository. If create is set, it creates a missing directory.
func (t *tree) find(name string, create bool) (*lazyLayout, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := filepath.Join(t.root, filepath.FromSlash(name))
	if hasSymlink(t.root, name) { // findLayouts does not follow links either
		return nil, answer.NameUnknown(name)
	}
	p := t.layouts[name]
	exists := ocilayout.Is(dir)
	switch {
	case !exists && !create:
		return nil, answer.NameUnknown(name)
	case p != nil:
		return p, nil
	case !exists:
		if err := t.createDir(name, dir); err != nil {
			return nil, err
		}
	}
	p = &lazyLayout{path: dir, mode: t.mode, opener: t.opener}
	if !exists {
		p.parent = t.root
	}
	t.layouts[name] = p
	return p, nil
}

// hasSymlink reports whether an element of the path name below root is a symbolic link.
func hasSymlink(root, name string) bool {
	for dir := name; dir != "."; dir = path.Dir(dir) {
		info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(dir)))
		if err == nil && info.Mode().Type() == fs.ModeSymlink {
			return true
		}
	}
	return false
}

// createDir creates the directory of a new layout. It fails if the directory is not empty, or inside another layout.
func (t *tree) createDir(name, dir string) error {
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

// Close closes all layouts.
func (t *tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, p := range t.layouts {
		errs = append(errs, p.Close())
	}
	return fault.Join(errs...)
}

// findLayouts returns the names of the layouts below a directory, and the paths that are not valid names.
func findLayouts(root string) (names, nameless []string, err error) {
	names = []string{}
	below, err := ocilayout.Below(root)
	for _, rel := range below {
		if name := filepath.ToSlash(rel); naming.IsValid(name) {
			names = append(names, name)
		} else {
			nameless = append(nameless, rel)
		}
	}
	slices.Sort(names)
	return names, nameless, err
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/fault"
	ocilayout "github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/serve/accesslog"
	"github.com/davit-oci/davit/internal/serve/limit"
	"github.com/davit-oci/davit/internal/serve/naming"
	"github.com/davit-oci/davit/internal/serve/upload"
	"oras.land/oras-go/v2/errdef"
)

// Options configure a server. The zero value serves clients on this machine, read-only.
type Options struct {
	Write  bool     // clients may push and delete
	Remote bool     // accept requests with host names other than those of this machine
	Hosts  []string // host names of the pages, in addition to those of this machine

	Log      func(accesslog.Request) // called after each request, from several goroutines; may be nil
	Stopping func(requests int)      // called with the number of active requests when the server begins to stop; may be nil
}

// Opener opens the layout at a path, like the method Open of registry.Client.
type Opener func(ctx context.Context, ref registry.Reference, mode registry.Mode) (registry.Target, error)

// Server serves layouts as a registry.
type Server struct {
	opts    Options
	store   store
	uploads *upload.Sessions
	memory  *limit.Memory
	bodies  *limit.Memory
	log     *accesslog.Log

	// Nameless lists the layouts that are not served because their path is not a valid repository name.
	Nameless []string
}

// Open opens a layout or a directory of layouts. A single layout is served under every repository name; in a directory, each layout
// is the repository named by its path. With Options.Write, a missing or empty directory becomes a layout.
func Open(ctx context.Context, opener Opener, path string, opts Options) (*Server, error) {
	given := path
	path = filepath.Clean(path)
	s := &Server{opts: opts, uploads: upload.New(), memory: limit.NewMemory(limit.MaxMemory), bodies: limit.NewMemory(limit.MaxBodies), log: accesslog.New(opts.Log)}
	mode := registry.Read
	if opts.Write {
		mode = registry.Write
	}
	isLayout, created, err := isSingle(path, opts.Write)
	if err != nil {
		return nil, withPath(given, err)
	}
	if !isLayout {
		var names []string
		if names, s.Nameless, err = findLayouts(path); err != nil {
			return nil, withPath(given, err)
		}
		if len(names) == 0 {
			return nil, withPath(given, fmt.Errorf("no image layout in this directory: %w", errdef.ErrNotFound))
		}
		s.store = &tree{root: path, mode: mode, opener: opener, layouts: map[string]*lazyLayout{}}
		return s, nil
	}
	only := &single{lazyLayout: lazyLayout{path: given, mode: mode, opener: opener}, home: naming.Home(path)}
	if created {
		only.parent = filepath.Dir(path)
	}
	s.store = only
	if _, err := only.open(ctx); err != nil { // fail now, not at the first request
		return nil, err
	}
	return s, nil
}

// withPath adds the path to err, as the user wrote it. It removes a path that is already in err.
func withPath(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &artifact.Error{Op: "serving", Item: path, Err: err}
}

// isSingle reports whether a path is, or will become, a single layout, and not a directory of layouts. If write is set, it creates
// a missing directory.
func isSingle(path string, write bool) (isLayout, created bool, err error) {
	info, err := os.Stat(path)
	if write && errors.Is(err, fs.ErrNotExist) {
		return true, true, os.MkdirAll(path, 0o777)
	}
	if err != nil {
		return false, false, err
	}
	if !info.IsDir() || ocilayout.Is(path) {
		return true, false, nil
	}
	entries, err := os.ReadDir(path)
	return write && len(entries) == 0, false, err
}

// Repositories returns the names of the repositories.
func (s *Server) Repositories(ctx context.Context) ([]string, error) { return s.store.list(ctx) }

// Handler returns the handler of the registry protocol.
func (s *Server) Handler() http.Handler {
	var h http.Handler = &handler{store: s.store, uploads: s.uploads, memory: s.memory, bodies: s.bodies, write: s.opts.Write}
	if !s.opts.Remote {
		h = localOnly(h)
	}
	// Web pages must not be able to push from a browser on this machine.
	return s.log.Wrap(s.withPages(http.NewCrossOriginProtection().Handler(h)))
}

// Serve serves requests until ctx ends and the active requests are finished. Then it closes the server.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return fault.Join(serveHTTP(ctx, l, s.Handler(), s.log, s.opts.Stopping), s.Close())
}

// Close removes partial uploads and closes the layouts.
func (s *Server) Close() error { return fault.Join(s.uploads.Close(), s.store.Close()) }

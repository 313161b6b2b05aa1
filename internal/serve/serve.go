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
	ocilayout "github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/serve/accesslog"
	"github.com/davit-oci/davit/internal/serve/limit"
	"github.com/davit-oci/davit/internal/serve/upload"
	"oras.land/oras-go/v2/errdef"
)

// Options configure a server. The zero value serves for reading, on this machine.
type Options struct {
	Write  bool     // clients may push and delete
	Remote bool     // accept host names other than those of this machine
	Hosts  []string // host names that the pages are reached under, besides those of this machine
	// Log is called after each request, from several goroutines. It may be nil.
	Log func(accesslog.Request)
	// Stopping is called with the number of active requests when the server starts to stop. It may be nil.
	Stopping func(requests int)
}

// Opener opens the layout at a path, as the Open of a registry.Client does.
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

// Open opens a layout, which then is every repository, or a directory of layouts, each of which is the repository that its
// path names. With Options.Write, a missing directory is created and becomes a layout.
func Open(ctx context.Context, opener Opener, path string, opts Options) (*Server, error) {
	given := path
	path = filepath.Clean(path)
	s := &Server{opts: opts, uploads: upload.New(), memory: limit.NewMemory(limit.MaxMemory), bodies: limit.NewMemory(limit.MaxBodies), log: accesslog.New(opts.Log)}
	mode := registry.Read
	if opts.Write {
		mode = registry.Write
	}
	one, made, err := isOne(path, opts.Write)
	if err != nil {
		return nil, withPath(given, err)
	}
	if !one {
		var names []string
		if names, s.Nameless, err = findLayouts(path); err != nil {
			return nil, withPath(given, err)
		}
		if len(names) == 0 {
			return nil, withPath(given, fmt.Errorf("no OCI image layout in it: %w", errdef.ErrNotFound))
		}
		s.store = &tree{root: path, mode: mode, opener: opener, places: map[string]*place{}}
		return s, nil
	}
	whole := &single{place: place{path: given, mode: mode, opener: opener}, home: homeName(path)}
	if made {
		whole.above = filepath.Dir(path)
	}
	s.store = whole
	if _, err := whole.open(ctx); err != nil { // fail now, not at the first request
		return nil, err
	}
	return s, nil
}

// withPath returns err with the path as the user wrote it, once.
func withPath(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &artifact.Error{Op: "serving", Item: path, Err: err}
}

// isOne reports whether a path is or becomes a layout, and is not a directory of layouts. With write, it creates a missing
// directory.
func isOne(path string, write bool) (one, made bool, err error) {
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
	// A web page must not make a browser on this machine push.
	return s.log.Wrap(s.withPages(http.NewCrossOriginProtection().Handler(h)))
}

// Serve serves requests until ctx ends and the active ones are finished. Then it closes the server.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return errors.Join(serveHTTP(ctx, l, s.Handler(), s.log, s.opts.Stopping), s.Close())
}

// Close removes partial uploads and closes the layouts.
func (s *Server) Close() error { return errors.Join(s.uploads.Close(), s.store.Close()) }

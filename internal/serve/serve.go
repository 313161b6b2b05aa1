package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve/upload"
	"oras.land/oras-go/v2/errdef"
)

// Options say how layouts are served. The zero value is for reading, on this machine.
type Options struct {
	Write  bool // what is pushed is stored, and what is deleted goes
	Remote bool // requests under other host names than this machine's are answered too
	// Log is told of every request that was answered, from several goroutines; it may be nil.
	Log func(Request)
	// Stopping is told how many requests are finished first when the server is asked to stop; it may be nil.
	Stopping func(requests int)
}

// Opener opens the layout at a path, as the Open of a registry.Client does.
type Opener func(ctx context.Context, ref registry.Reference, mode registry.Mode) (registry.Target, error)

// Server serves layouts as a registry.
type Server struct {
	opts    Options
	store   store
	uploads *upload.Sessions
	log     *logger

	// Nameless are the layouts that can't be served, because their path is no name of a repository.
	Nameless []string
}

// Open opens what is to be served: a layout's directory or archive, which is every repository, or a directory with
// layouts in it, each the repository that its path names. To write, the directory may be missing: it becomes a layout.
func Open(ctx context.Context, opener Opener, path string, opts Options) (*Server, error) {
	path = filepath.Clean(path)
	s := &Server{opts: opts, uploads: upload.New(), log: &logger{tell: opts.Log}}
	mode := registry.Read
	if opts.Write {
		mode = registry.Write
	}
	one, made, err := isOne(path, opts.Write)
	if err != nil {
		return nil, failure(path, err)
	}
	if !one {
		var names []string
		if names, s.Nameless, err = findLayouts(path); err != nil {
			return nil, failure(path, err)
		}
		if len(names) == 0 {
			return nil, failure(path, fmt.Errorf("no OCI image layout is in it: %w", errdef.ErrNotFound))
		}
		s.store = &tree{root: path, mode: mode, opener: opener, places: map[string]*place{}}
		return s, nil
	}
	layout := &single{place: place{path: path, mode: mode, opener: opener}, home: homeName(path)}
	if made {
		layout.above = filepath.Dir(path)
	}
	s.store = layout
	if _, err := layout.open(ctx); err != nil { // better now than at the first request
		return nil, err
	}
	return s, nil
}

// failure names the path once, as the user wrote it.
func failure(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &artifact.Error{Op: "serving", Item: path, Err: err}
}

// isOne tells whether a path is a layout, or will be one, and not a directory of layouts. To write, the directory is
// made.
func isOne(path string, write bool) (one, made bool, err error) {
	info, err := os.Stat(path)
	if write && errors.Is(err, fs.ErrNotExist) {
		return true, true, os.MkdirAll(path, 0o777)
	}
	if err != nil {
		return false, false, err
	}
	if !info.IsDir() || isLayout(path) {
		return true, false, nil
	}
	entries, err := os.ReadDir(path)
	return write && len(entries) == 0, false, err
}

// Repositories lists the names of what is served.
func (s *Server) Repositories(ctx context.Context) ([]string, error) { return s.store.list(ctx) }

// Handler answers the requests of the registry protocol.
func (s *Server) Handler() http.Handler {
	var h http.Handler = &handler{store: s.store, uploads: s.uploads, write: s.opts.Write}
	if !s.opts.Remote {
		h = localOnly(h)
	}
	// A web page that is open in a browser here must not make it push.
	return s.log.wrap(http.NewCrossOriginProtection().Handler(h))
}

// Serve answers requests until ctx ends, then finishes those that are under way. It closes what Open opened.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(),
		// A client that is silent before it asked for anything is let go; transfers may take as long as they do.
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:          log.New(nothing{}, "", 0),
	}
	stopped := make(chan error, 1)
	end := context.AfterFunc(ctx, func() {
		if s.opts.Stopping != nil {
			s.opts.Stopping(int(s.log.active.Load()))
		}
		stopped <- server.Shutdown(context.WithoutCancel(ctx))
	})
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		err = <-stopped
	} else if !end() {
		err = errors.Join(err, <-stopped)
	}
	return errors.Join(err, s.Close())
}

// Close removes what arrived in part and closes the layouts.
func (s *Server) Close() error { return errors.Join(s.uploads.Close(), s.store.Close()) }

// nothing swallows what package http has to say of connections that went wrong: the log of requests tells.
type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }

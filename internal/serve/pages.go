package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/serve/accesslog"
	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/limit"
	"github.com/davit-oci/davit/internal/serve/naming"
	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/internal/serve/web/guard"
	"github.com/davit-oci/davit/internal/serve/web/view"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// withPages returns a handler that answers browsers with pages, and other clients with the registry protocol.
func (s *Server) withPages(protocol http.Handler) http.Handler {
	pages := web.New(s.Source(""), web.Options{
		Options: guard.Options{Hosts: s.opts.Hosts, Remote: s.opts.Remote},
		Explain: func(err error) string { return answer.For(err).Message }, // has no paths of the server
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if web.IsPage(r) {
			pages.ServeHTTP(w, r)
			return
		}
		protocol.ServeHTTP(w, r)
	})
}

// Source returns the source of pages. Commands in them name the layouts by path or, if path is "", as repositories of a registry.
func (s *Server) Source(path string) web.Source { return &pageSource{s.store, path} }

// pageSource is the web.Source for the layouts of a server.
type pageSource struct {
	store
	path string
}

// Repositories returns the names of the repositories.
func (s *pageSource) Repositories(ctx context.Context) ([]string, error) { return s.list(ctx) }

// Open implements web.Source.
func (s *pageSource) Open(ctx context.Context, name string) (registry.Target, error) {
	if !naming.IsValid(name) {
		return nil, answer.NameUnknown(name)
	}
	repo, err := s.repository(ctx, name, false)
	if err != nil {
		return nil, err
	}
	part, err := naming.PartOf(ctx, repo, repo.Repository)
	if err == nil && len(part.Tags()) == 0 && name != repo.Home {
		err = answer.NameUnknown(name)
	}
	return pageTarget{repo, part}, err
}

// Address returns the address of a repository for commands.
func (s *pageSource) Address(repository string, r *http.Request) view.Address {
	_, isTree := s.store.(*tree)
	switch {
	case s.path == "": // a proxy in front may have TLS
		return view.Address{Name: r.Host + "/" + repository, PlainHTTP: r.Header.Get("X-Forwarded-Proto") != "https"}
	case isTree:
		return view.Address{Name: s.path + "/" + repository}
	}
	return view.Address{Name: s.path}
}

// pageTarget is the part of a layout that belongs to one repository.
type pageTarget struct {
	*repository
	part *naming.Part
}

// Tags lists the tags of the repository.
func (t pageTarget) Tags(_ context.Context, last string, fn func([]string) error) error {
	tags := t.part.Tags()
	for len(tags) > 0 && tags[0] <= last {
		tags = tags[1:]
	}
	return fn(tags)
}

// Resolve resolves a tag of the repository, or a digest that belongs to it.
func (t pageTarget) Resolve(ctx context.Context, ref string) (ocispec.Descriptor, error) {
	d, ok := t.part.Find(ref)
	if !ok {
		return ocispec.Descriptor{}, fmt.Errorf("%q: %w", ref, errdef.ErrNotFound)
	}
	return t.layout.Resolve(ctx, d.String())
}

// Untagged returns the manifests of the repository that the layout lists without a name.
func (t pageTarget) Untagged(context.Context) ([]ocispec.Descriptor, error) {
	return t.part.Untagged, nil
}

// FetchRange returns a reader of a part of a blob. It fails with errors.ErrUnsupported if the layout can't read parts.
func (t pageTarget) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	ranger, ok := t.layout.(registry.Ranger)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return ranger.FetchRange(ctx, desc, offset, length)
}

// PageOptions configure a server that serves only pages.
type PageOptions struct {
	Prefix   string // prefix of every path
	Log      func(accesslog.Request)
	Stopping func(requests int)
}

// Pages serves pages to this machine until ctx ends and the active requests are finished.
func Pages(ctx context.Context, l net.Listener, source web.Source, opts PageOptions) error {
	requests := accesslog.New(opts.Log)
	pages := web.New(source, web.Options{Options: guard.Options{Prefix: opts.Prefix}})
	return serveHTTP(ctx, l, requests.Wrap(pages), requests, opts.Stopping)
}

// serveHTTP serves requests until ctx ends and the active requests are finished.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, requests *accesslog.Log, stopping func(int)) error {
	server := &http.Server{
		Handler: h,
		// Clients must send the header soon. The body may take any time, as long as it makes progress.
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:          log.New(io.Discard, "", 0), // the access log reports broken connections
	}
	stopped := make(chan error, 1)
	end := context.AfterFunc(ctx, func() {
		if stopping != nil {
			stopping(requests.Active())
		}
		stopped <- server.Shutdown(context.WithoutCancel(ctx))
	})
	err := server.Serve(limit.Listen(l, limit.MaxConnections))
	if errors.Is(err, http.ErrServerClosed) {
		return <-stopped
	}
	if !end() {
		err = fault.Join(err, <-stopped)
	}
	return err
}

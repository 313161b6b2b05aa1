package registry

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/serve"
	"github.com/davit-oci/davit/internal/serve/web"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// openBrowsed opens a target for pages: a layout, several ones, an archive, a repository, or a registry. The function that it
// returns closes it.
func openBrowsed(ctx context.Context, a *app.App, target string) (web.Source, func() error, registry.Reference, error) {
	if host, ok := places.AsHost(target); ok {
		ref := registry.Reference{Registry: host}
		all, err := places.Repositories(ctx, a, &app.Login{}, target)
		if err != nil {
			return nil, nil, ref, err
		}
		s := newRepositories(a)
		for _, one := range all {
			s.add(one.Ref)
		}
		slices.Sort(s.names)
		return s, s.Close, ref, nil
	}
	ref, err := parseBrowsed(target)
	if err == nil && ref.Reference() != "" {
		err = checkExists(ctx, a, ref)
	}
	if err != nil {
		return nil, nil, ref, err
	}
	if !ref.IsPath() {
		s := newRepositories(a)
		s.add(ref)
		_, err := s.Open(ctx, ref.Repository) // fail now, not at the first page
		return s, s.Close, ref, err
	}
	client, err := a.PlainClient()
	if err != nil {
		return nil, nil, ref, err
	}
	server, err := serve.Open(ctx, client.Open, ref.Path, serve.Options{})
	var known *artifact.Error
	if errors.Is(err, fs.ErrNotExist) && errors.As(err, &known) {
		err = exit.FileError("opening", ref.Path, known.Err)
	}
	if err != nil {
		return nil, nil, ref, err
	}
	return server.Source(ref.Name()), server.Close, ref, nil
}

// parseBrowsed parses a target. A path that exists needs no "./" in front, as for serve.
func parseBrowsed(target string) (registry.Reference, error) {
	ref, err := registry.ParseSource(target)
	if err == nil {
		return ref, nil
	}
	if local, localErr := registry.Parse(app.LocalPath(target)); localErr == nil && app.FileExists(local.Path) {
		return local, nil
	}
	return ref, err
}

// checkExists returns an error if the artifact that a reference names does not exist: no page could show it.
func checkExists(ctx context.Context, a *app.App, ref registry.Reference) error {
	t, err := a.OpenReference(ctx, ref, registry.Read)
	if err != nil {
		return err
	}
	_, err = app.Finish(ctx, t, func(t *app.Target) (ocispec.Descriptor, error) { return t.Find(ctx) })
	return err
}

// repositories are repositories of a registry. Each is opened by the first page about it.
type repositories struct {
	app   *app.App
	names []string
	refs  map[string]registry.Reference

	mu   sync.Mutex
	open map[string]*app.Target
}

func newRepositories(a *app.App) *repositories {
	return &repositories{app: a, refs: map[string]registry.Reference{}, open: map[string]*app.Target{}}
}

func (s *repositories) add(ref registry.Reference) {
	s.names = append(s.names, ref.Repository)
	s.refs[ref.Repository] = ref
}

// Repositories returns the names of the repositories.
func (s *repositories) Repositories(context.Context) ([]string, error) {
	return s.names, nil
}

// Open returns a repository.
func (s *repositories) Open(ctx context.Context, name string) (registry.Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.open[name]; t != nil {
		return t.Target, nil
	}
	ref, ok := s.refs[name]
	if !ok {
		return nil, &exit.MissingError{Text: "there is no such repository"}
	}
	t, err := s.app.OpenReference(ctx, ref, registry.Read)
	if err != nil {
		return nil, err
	}
	s.open[name] = t
	return t.Target, nil
}

// Name returns the reference of a repository.
func (s *repositories) Name(repository, _ string) string {
	ref := s.refs[repository]
	return ref.Name()
}

// Close closes the repositories.
func (s *repositories) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, t := range s.open {
		errs = append(errs, t.Close(context.Background(), nil))
	}
	return errors.Join(errs...)
}

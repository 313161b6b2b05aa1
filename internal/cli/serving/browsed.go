package serving

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/serve"
	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/internal/serve/web/view"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// openBrowsed opens a target for pages: a layout, a directory of layouts, an archive, a repository, or a registry. It also returns the
// function that closes the target, and the reference of the target.
func openBrowsed(ctx context.Context, a *app.App, target string) (web.Source, func() error, registry.Reference, error) {
	if host, ok := places.AsHost(target); ok {
		s := newRepositories(a)
		s.host = target
		_, err := s.Repositories(ctx) // fail now, not at the first page
		return s, s.Close, registry.Reference{Registry: host}, err
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
		s.set([]registry.Reference{ref})
		_, err := s.Open(ctx, ref.Repository)
		if err == nil && ref.Reference() == "" {
			err = checkRepository(ctx, s.open[ref.Repository])
		}
		return s, s.Close, ref, err // fail now, not at the first page
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

// parseBrowsed parses a target. As with serve, an existing path needs no "./" in front.
func parseBrowsed(target string) (registry.Reference, error) {
	ref, err := registry.ParseSource(target)
	if err == nil {
		return ref, nil
	}
	if local, localErr := registry.Parse(app.LocalPath(target)); localErr == nil && paths.Exists(local.Path) {
		return local, nil
	}
	return ref, err
}

// checkExists returns an error if the artifact in a reference does not exist: no page could show it.
func checkExists(ctx context.Context, a *app.App, ref registry.Reference) error {
	t, err := a.OpenReference(ctx, ref, registry.Read)
	if err != nil {
		return err
	}
	_, err = app.Finish(ctx, t, func(t *app.Target) (ocispec.Descriptor, error) { return t.Find(ctx) })
	return err
}

// errEnough ends a listing after its first page.
var errEnough = errors.New("enough")

// checkRepository requests a page of the tags of a repository. It returns an error if the repository does not exist or the registry does
// not answer, but not if the registry refuses to list tags: it may still have pages of artifacts.
func checkRepository(ctx context.Context, t *app.Target) error {
	err := t.Tags(ctx, "", func([]string) error { return errEnough })
	var denied *registry.Denied
	var answered *registry.Unavailable
	switch {
	case errors.Is(err, errEnough), errors.As(err, &denied):
		return nil
	case errors.As(err, &answered) && (answered.Answer.Status/100 == 4 || answered.Answer.Status == http.StatusNotImplemented):
		return nil
	}
	return err
}

// repositories is a web.Source for the repositories of a registry. The first page about a repository opens it.
type repositories struct {
	app  *app.App
	host string // registry whose catalog lists the repositories; empty: refs never changes

	mu   sync.Mutex
	refs map[string]registry.Reference // by name of the repository
	read time.Time                     // when refs was set
	open map[string]*app.Target        // by name of the repository
}

// catalogAge is the time after which the catalog of a registry is read again.
const catalogAge = 5 * time.Second

// newRepositories returns an empty list. The caller sets its host or its references.
func newRepositories(a *app.App) *repositories {
	return &repositories{app: a, open: map[string]*app.Target{}}
}

// set replaces the references.
func (s *repositories) set(refs []registry.Reference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs, s.read = map[string]registry.Reference{}, time.Now()
	for _, ref := range refs {
		s.refs[ref.Repository] = ref
	}
}

// Repositories returns the names of the repositories, sorted. It reads the catalog of a registry again after catalogAge.
func (s *repositories) Repositories(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	isOld := s.host != "" && time.Since(s.read) > catalogAge
	s.mu.Unlock()
	if isOld {
		all, err := places.Repositories(ctx, s.app, &app.Login{}, s.host)
		if err != nil {
			return nil, err
		}
		refs := make([]registry.Reference, len(all))
		for i, one := range all {
			refs[i] = one.Ref
		}
		s.set(refs)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.refs)), nil
}

// ref returns the reference of a repository. If the name is unknown, it lists the repositories again. It fails with an
// exit.MissingError if there is no such repository.
func (s *repositories) ref(ctx context.Context, name string) (registry.Reference, error) {
	ref, ok := s.lookUp(name)
	if !ok {
		if _, err := s.Repositories(ctx); err != nil {
			return ref, err
		}
		ref, ok = s.lookUp(name)
	}
	if !ok {
		return ref, &exit.MissingError{Text: fmt.Sprintf("repository %q: not found", name)}
	}
	return ref, nil
}

// lookUp returns the reference of a repository, if the name is known.
func (s *repositories) lookUp(name string) (registry.Reference, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref, ok := s.refs[name]
	return ref, ok
}

// Open returns the target of a repository, which stays open until Close.
func (s *repositories) Open(ctx context.Context, name string) (registry.Target, error) {
	ref, err := s.ref(ctx, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.open[name]; t != nil {
		return t.Target, nil
	}
	t, err := s.app.OpenReference(ctx, ref, registry.Read)
	if err != nil {
		return nil, err
	}
	s.open[name] = t
	return t.Target, nil
}

// Address returns the reference of a repository that is open.
func (s *repositories) Address(repository string, _ *http.Request) view.Address {
	ref, _ := s.lookUp(repository)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := view.Address{Name: ref.Name()}
	if target, ok := s.open[repository].Target.(interface{ UsesPlainHTTP() bool }); ok {
		at.PlainHTTP = target.UsesPlainHTTP()
	}
	return at
}

// Close closes the open repositories.
func (s *repositories) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, t := range s.open {
		errs = append(errs, t.Close(context.Background(), nil))
	}
	return fault.Join(errs...)
}

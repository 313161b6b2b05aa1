// Package runbooks searches all repositories of a source for artifacts that answer alerts.
package runbooks

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source lists and opens repositories.
type Source interface {
	// Repositories returns the names of the repositories, sorted.
	Repositories(ctx context.Context) ([]string, error)
	// Open opens a repository, which the caller does not close.
	Open(ctx context.Context, repository string) (registry.Target, error)
}

const (
	// searchTime limits the search for artifacts that answer alerts.
	searchTime = 20 * time.Second
	// maxSearched limits the artifacts of a repository that are searched: each costs two requests.
	maxSearched = 200
	// maxAbout limits the repositories that are named for one artifact.
	maxAbout = 20
)

// Runbook is an alert, and an artifact that answers it. Templates read its fields, and can call no methods.
type Runbook struct {
	*referrers.Referrer
	Repository string      // the first repository that it belongs to
	About      []view.Link // the artifact that it is attached to, or itself, in each repository
	More       int         // number of links that About leaves out
	Path       string      // of the page about the artifact

	Alert                           string
	Title, Severity, Service, Owner string // of the alert

	order int // index of the searched artifact in its repository
}

// with returns the Runbook with the fields that a referrer determines.
func (r Runbook) with(found *referrers.Referrer) Runbook {
	r.Referrer = found
	r.Path = view.PathTo(r.Repository, "@", found.Digest.String())
	return r
}

// search is a search of all repositories.
type search struct {
	source Source

	mu         sync.Mutex
	found      map[digest.Digest]map[string]Runbook // by digest and repository
	incomplete bool                                 // a repository or artifact was not searched
}

// Find returns the alerts, sorted by name, and the artifacts that answer each, the most severe first, and then the newest. It reports whether the
// search was complete.
func Find(ctx context.Context, source Source) (found []Runbook, complete bool, err error) {
	names, err := source.Repositories(ctx)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	s := &search{source: source, found: map[digest.Digest]map[string]Runbook{}}
	err = concurrency.Each(ctx, len(names), func(ctx context.Context, i int) error {
		s.searchRepository(ctx, names[i])
		return nil
	})
	found = s.alerts(ctx)
	lists.Sort(found, func(a, b Runbook) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Alert), strings.ToLower(b.Alert)),
			cmp.Compare(referrers.SeverityRank(a.Severity), referrers.SeverityRank(b.Severity)),
			manifest.Created(b.Annotations).Compare(manifest.Created(a.Annotations)),
			cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.order, b.order), cmp.Compare(a.Digest, b.Digest))
	})
	return found, !s.incomplete, err
}

// alerts returns a Runbook for each alert of the artifacts that were found.
func (s *search) alerts(ctx context.Context) (found []Runbook) {
	digests := slices.Sorted(maps.Keys(s.found))
	answered := make([][]Runbook, len(digests))
	_ = concurrency.Each(ctx, len(digests), func(ctx context.Context, i int) error {
		r := merge(s.found[digests[i]])
		target, err := s.source.Open(ctx, r.Repository)
		if err != nil {
			s.markIncomplete()
			return nil
		}
		for _, a := range read.AttachedAlerts(ctx, target, r.Referrer) {
			r.Alert, r.Severity, r.Service, r.Owner = a.Name, a.Severity, a.Service, a.Owner
			r.Title = cmp.Or(a.Title, view.ShortDigest(r.Digest))
			answered[i] = append(answered[i], r)
		}
		return nil
	})
	return slices.Concat(answered...)
}

// merge returns one Runbook for the same artifact in several repositories.
func merge(in map[string]Runbook) Runbook {
	names := slices.Sorted(maps.Keys(in))
	r := in[names[0]]
	for _, name := range names[1:min(len(names), maxAbout)] {
		r.About = append(r.About, in[name].About...)
	}
	r.More = len(names) - len(r.About)
	return r
}

// searchRepository searches the artifacts of a repository, and their attachments.
func (s *search) searchRepository(ctx context.Context, name string) {
	target, err := s.source.Open(ctx, name)
	if err != nil {
		s.markIncomplete()
		return
	}
	tags, err := registry.Tags(ctx, target, registry.TagOptions{ByVersion: true})
	if err != nil {
		s.markIncomplete()
		return
	}
	if len(tags) > maxSearched {
		tags = tags[:maxSearched]
		s.markIncomplete()
	}
	if layout, ok := target.(interface {
		Untagged(ctx context.Context) ([]ocispec.Descriptor, error)
	}); ok {
		list, err := layout.Untagged(ctx)
		if err != nil {
			s.markIncomplete()
		}
		for _, desc := range list[:min(len(list), maxSearched)] {
			tags = append(tags, desc.Digest.String())
		}
	}
	err = concurrency.Each(ctx, len(tags), func(ctx context.Context, i int) error {
		s.searchArtifact(ctx, target, Runbook{Repository: name, order: i}, tags[i])
		return nil
	})
	if err != nil {
		s.markIncomplete()
	}
}

// searchArtifact searches an artifact and its referrers. The tag may be a digest.
func (s *search) searchArtifact(ctx context.Context, target registry.Target, at Runbook, tag string) {
	name := at.Repository
	info, err := inspect.Inspect(ctx, target, tag, inspect.Options{Shallow: true})
	if err != nil {
		s.markIncomplete()
		return
	}
	about := view.NewLink(name+":"+tag, view.PathTo(name, ":", tag))
	switch subject := info.Subject; {
	case subject != nil:
		about = view.NewLink(name+"@"+view.ShortDigest(subject.Digest), view.PathTo(name, "@", subject.Digest.String()))
	case tag == info.Digest.String():
		about = view.NewLink(name+"@"+view.ShortDigest(info.Digest), view.PathTo(name, "@", tag))
	}
	at.About = []view.Link{about}
	s.add(at.with(&referrers.Referrer{Digest: info.Digest, MediaType: info.MediaType, ArtifactType: info.ArtifactType, Kind: info.Kind, Annotations: info.Annotations}))
	list, err := referrers.List(ctx, target, info.Descriptor(), referrers.Options{})
	if err != nil {
		s.markIncomplete()
	}
	for _, r := range list {
		s.add(at.with(r))
	}
}

// add adds an artifact if it answers alerts, once for each repository: at the first of the tags that lead to it.
func (s *search) add(r Runbook) {
	if len(r.Alerts()) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.found[r.Digest]
	if in == nil {
		in = map[string]Runbook{}
		s.found[r.Digest] = in
	}
	if old, seen := in[r.Repository]; !seen || r.order < old.order {
		in[r.Repository] = r
	}
}

func (s *search) markIncomplete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incomplete = true
}

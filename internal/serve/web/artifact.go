package web

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// artifactView is the content of the first page of an artifact.
type artifactView struct {
	*inspect.Info
	Kind        string
	Created     string
	Path        string // of the artifact by its digest
	Reading     *view.Reading
	Facts       []view.Field
	Annotations []view.Field
	Config      []view.Field // what the config says
	Layers      []view.Layer
	Platforms   []view.Platform
	Cards       []view.Card
	CardsFailed string
	HasTensors  bool // there may be tensors to list
	Commands    []view.Command
}

// hasTensors reports whether an artifact may have tensors to list.
func hasTensors(info *inspect.Info) bool {
	return slices.ContainsFunc(info.Layers, func(l inspect.Layer) bool {
		return l.Weights != nil || strings.HasSuffix(l.Name, ".gguf") || strings.HasSuffix(l.Name, ".safetensors") || strings.Contains(l.MediaType, "gguf")
	})
}

// artifact makes a page about an artifact.
func (h *handler) artifact(c *call, p place, target registry.Target) (*page, error) {
	view := views[p.view]
	if view == nil {
		name, _, isFile := strings.Cut(p.view, "/")
		if view = fileViews[name]; view == nil || !isFile {
			return nil, errNoPage
		}
	}
	return view(h, c, p, once.New(target))
}

// viewFunc makes a page about an artifact. The page is nil if the answer was sent.
type viewFunc func(h *handler, c *call, p place, target *once.Target) (*page, error)

// views are the pages about an artifact, by the ends of their paths, and fileViews those about its files.
var (
	views     = map[string]viewFunc{"": (*handler).overview, "files": (*handler).files, "manifest": (*handler).manifest, "diff": (*handler).compare, "map": (*handler).treemap, "tensors": (*handler).tensors, "graph": (*handler).graph, "config": (*handler).config}
	fileViews = map[string]viewFunc{"file": (*handler).file, "raw": (*handler).raw, "sandbox": (*handler).sandbox}
)

// overview makes the first page of an artifact. What it can do without is read at the same time, and left out if it takes long.
func (h *handler) overview(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Weights: true})
	if err != nil {
		return nil, err
	}
	v := &artifactView{
		Info: info, Kind: view.KindOf(info), Created: view.Day(view.Created(info)), Path: view.PathTo(p.repository, "@", info.Digest.String()),
		Annotations: view.FieldsOf(info.Annotations), Config: view.ConfigFields(info), Layers: view.Layers(info, p.repository),
		Commands: view.Commands(h.source.Name(p.repository, c.Host), info), HasTensors: hasTensors(info),
	}
	v.Platforms = view.Platforms(info, p.repository)
	ctx, cancel := context.WithTimeout(c.Context(), partTime)
	defer cancel()
	var parts sync.WaitGroup
	parts.Go(func() {
		opts := read.ReadableOptions{Quick: c.URL.Query().Get("search") != "all"}
		v.Reading, v.Facts = h.reading(ctx, c, readingOf{target, info, v.Path, opts})
	})
	parts.Go(func() {
		list, err := referrersOf(ctx, target, info)
		if err != nil {
			v.CardsFailed = h.explain(err)
		}
		v.Cards = view.Cards(list, p.repository)
	})
	parts.Wait()
	return &page{template: "artifact.html", Title: p.title(), Crumbs: p.crumbs(), Data: v}, nil
}

// referrersOf lists the referrers of an artifact and of the manifests in it, each with its own.
func referrersOf(ctx context.Context, target *once.Target, info *inspect.Info) ([]*referrers.Referrer, error) {
	subjects := []ocispec.Descriptor{info.Descriptor()}
	for _, m := range info.Manifests {
		if manifest.Is(m.MediaType) {
			subjects = append(subjects, m.Descriptor())
		}
	}
	lists, err := referrers.NewLister(target, referrers.Options{Recursive: true}).Each(ctx, subjects)
	var all []*referrers.Referrer
	for _, subject := range subjects {
		all = append(all, lists[subject.Digest]...)
	}
	return all, err
}

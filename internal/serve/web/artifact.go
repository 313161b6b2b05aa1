package web

import (
	"context"
	"maps"
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
	"github.com/opencontainers/go-digest"
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
	Platforms   []platformRow
	Cards       []card
	CardsFailed string
	Commands    []view.Command
}

// HasTensors reports whether there may be tensors to list.
func (v *artifactView) HasTensors() bool {
	return slices.ContainsFunc(v.Info.Layers, func(l inspect.Layer) bool {
		return l.Weights != nil || strings.HasSuffix(l.Name, ".gguf") || strings.HasSuffix(l.Name, ".safetensors") || strings.Contains(l.MediaType, "gguf")
	})
}

// platformRow is a manifest of an index.
type platformRow struct {
	Name, Path   string
	Kind         string
	Digest       digest.Digest
	Size         int64
	Attestations []view.Link
}

// card is a referrer.
type card struct {
	Title, Path string
	Kind        string
	Created     string
	Fields      []view.Field
	Cards       []card
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
	fileViews = map[string]viewFunc{"file": (*handler).file, "raw": (*handler).raw}
)

// overview makes the first page of an artifact. What it can do without is read at the same time, and left out if it takes long.
func (h *handler) overview(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Weights: true})
	if err != nil {
		return nil, err
	}
	v := &artifactView{
		Info: info, Kind: view.KindOf(info), Created: view.Age(view.Created(info)), Path: view.PathTo(p.repository, "@", info.Digest.String()),
		Annotations: view.FieldsOf(info.Annotations), Config: view.ConfigFields(info), Layers: view.Layers(info, p.repository),
		Commands: view.Commands(h.source.Name(p.repository, c.Host), info),
	}
	v.Platforms = platformRows(info, p)
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
		v.Cards = cards(list, p)
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

// cards describes referrers, and those of each.
func cards(list []*referrers.Referrer, p place) []card {
	var all []card
	for _, r := range list {
		title := r.Annotations[ocispec.AnnotationTitle]
		for _, name := range []string{r.Kind, r.ArtifactType, r.MediaType} {
			if title == "" {
				title = name
			}
		}
		shown := maps.Clone(r.Annotations)
		delete(shown, ocispec.AnnotationTitle)
		delete(shown, ocispec.AnnotationCreated)
		fields := view.FieldsOf(shown)
		all = append(all, card{
			Title: title, Path: view.PathTo(p.repository, "@", r.Digest.String()), Kind: r.Kind, Created: view.Age(r.Created()),
			Fields: fields[:min(len(fields), maxCardFields)], Cards: cards(r.Referrers, p),
		})
	}
	return all
}

// maxCardFields is how many annotations of a referrer are shown.
const maxCardFields = 6

// platformRows describes the manifests of an index.
func platformRows(info *inspect.Info, p place) []platformRow {
	var rows []platformRow
	for _, m := range info.Manifests {
		row := platformRow{
			Name: manifest.FormatPlatform(m.Platform), Path: view.PathTo(p.repository, "@", m.Digest.String()), Kind: view.KindOf(m), Digest: m.Digest, Size: m.TotalSize,
		}
		if row.Name == "" {
			row.Name = m.Annotations[ocispec.AnnotationTitle]
		}
		for _, a := range m.Attestations {
			row.Attestations = append(row.Attestations, view.NewLink(view.ShortDigest(a.Digest), view.PathTo(p.repository, "@", a.Digest.String())))
		}
		rows = append(rows, row)
	}
	return rows
}

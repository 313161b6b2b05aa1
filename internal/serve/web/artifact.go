package web

import (
	"context"
	"strings"
	"sync"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/serve/web/content"
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
	Path        string // of this page, by the digest of the artifact
	Annotations []view.Field
	Config      []view.Field
	Layers      []view.Layer
	History     []view.Step // of an image
	Platforms   []view.Platform
	HasTensors  bool // the artifact may have tensors
	Commands    []view.Command
	Problem     string // why details are missing
}

// explanation is the document of an artifact, with facts and options.
type explanation struct {
	Reading *view.Reading
	Facts   []view.Field
	Options []kind.Option
	Pages   []view.Link // of a site

	Defaults, DefaultsPath string // text and path of a file with settings
}

// attachments are the referrers of an artifact.
type attachments struct {
	Groups  []view.CardGroup
	More    int    // number of referrers that are not shown
	Problem string // why some may be missing
}

// showArtifact makes a page about an artifact.
func (h *handler) showArtifact(c *call, p place, target registry.Target) (*page, error) {
	view := views[p.view]
	if view == nil {
		name, _, isFile := strings.Cut(p.view, "/")
		if view = fileViews[name]; view == nil || !isFile {
			return nil, errNoPage
		}
	}
	return view(h, c, p, once.New(target))
}

// viewFunc makes a page about an artifact. The page is nil if the response was already sent.
type viewFunc func(h *handler, c *call, p place, target *once.Target) (*page, error)

// views make the pages about an artifact, by the last element of the path. fileViews make the pages about one of its files.
var (
	views     = map[string]viewFunc{"": (*handler).showOverview, "files": (*handler).showFiles, "manifest": (*handler).showManifest, "diff": (*handler).showDiff, "map": (*handler).showTreemap, "tensors": (*handler).showTensors, "graph": (*handler).showGraph, "config": (*handler).showConfig, "rows": (*handler).showRows}
	fileViews = map[string]viewFunc{"file": (*handler).showFile, "raw": (*handler).sendRaw, "sandbox": (*handler).sendSandboxed}
)

// showOverview makes the first page of an artifact, from its manifest. Sections that need more requests may be sent later.
func (h *handler) showOverview(c *call, p place, target *once.Target) (*page, error) {
	head, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil {
		return nil, err
	}
	d := h.describe(c, p, target, head)
	explain := func(ctx context.Context) any {
		v, _ := d.view(ctx)
		opts := read.ReadableOptions{Quick: c.URL.Query().Get("search") != "all", Rows: true}
		reading, facts, options := h.readDocument(ctx, c, documentQuery{target, v.Info, v.Path, opts})
		e := explanation{Reading: reading, Facts: facts, Options: options}
		if reading != nil && reading.HTML != "" && content.HasLayers(target, v.Info) {
			e.Pages = pagesBeside(ctx, p, target, v.Path)
		}
		if reading != nil {
			e.Defaults, e.DefaultsPath = content.Defaults(ctx, target, v.Info, reading.Title)
		}
		return e
	}
	attach := func(ctx context.Context) any {
		lists, err := referrersOf(ctx, target, head)
		var a attachments
		a.Groups, a.More = view.CardGroups(lists, head, p.repository)
		if err != nil {
			a.Problem = h.explain(err)
		}
		return a
	}
	describe := func(ctx context.Context) any {
		v, err := d.view(ctx)
		if err != nil {
			partial := *v
			partial.Problem = h.explain(err)
			return &partial
		}
		return v
	}
	commands := section{template: "commands", data: d.head}
	if len(head.Manifests) > 0 { // the manifests determine the kind of an index
		commands = section{template: "commands", make: describe}
	}
	soon, cancel := context.WithTimeout(c.Context(), h.headTimeout()/2)
	defer cancel()
	return &page{template: "artifact.html", Title: p.title(), Crumbs: p.crumbs(), Data: describe(soon), sections: []section{
		{template: "explanation", make: explain, waiting: waiting{Text: "The document is being read."}},
		{template: "entries", make: describe},
		{template: "attachments", make: attach, waiting: waiting{Text: "Attachments are being searched for."}},
		{template: "layers", data: d.head},
		{template: "config", make: describe, waiting: waiting{Text: "The config is being read."}},
		commands,
	}}, nil
}

// newArtifactView returns the content of the first page of an artifact.
func (h *handler) newArtifactView(c *call, p place, info *inspect.Info) *artifactView {
	config, history := view.ConfigOf(info)
	at := h.source.Address(p.repository, c.Request)
	if p.sign == ":" {
		at.Tag = p.reference
	}
	return &artifactView{
		Info: info, Kind: view.KindOf(info), Created: view.Day(view.Created(info)), Path: view.PathTo(p.repository, "@", info.Digest.String()),
		Annotations: view.FieldsOf(info.Annotations), Config: config, Layers: view.Layers(info, p.repository), History: view.History(info, history),
		Platforms: view.Platforms(info, p.repository), Commands: view.Commands(at, info),
		HasTensors: content.HasTensors(info),
	}
}

// details are the content of an artifact's page while its config, or the manifests of an index, are being read.
type details struct {
	head *artifactView // from the manifest, without the config
	full func() *artifactView
	err  error
	done chan struct{} // closed when full or err is set
}

// describe starts to read the config of a manifest, or the manifests of an index.
func (h *handler) describe(c *call, p place, target *once.Target, head *inspect.Info) *details {
	ctx, cancel := context.WithTimeout(c.unlimited, partTime)
	d := &details{head: h.newArtifactView(c, p, head), done: make(chan struct{})}
	go func() {
		defer cancel()
		defer close(d.done)
		info, err := inspect.Inspect(ctx, target, head.Digest.String(), inspect.Options{Weights: true})
		if err != nil {
			d.err = err
			return
		}
		d.full = sync.OnceValue(func() *artifactView { return h.newArtifactView(c, p, info) })
	}()
	return d
}

// view waits for the details. If they can't be read, it returns the error, and the content without them.
func (d *details) view(ctx context.Context) (*artifactView, error) {
	select {
	case <-d.done:
	case <-ctx.Done():
		return d.head, ctx.Err()
	}
	if d.err != nil {
		return d.head, d.err
	}
	return d.full(), nil
}

// referrersOf lists the referrers of an artifact and of its manifests, by the digests of their subjects, each with its own referrers.
func referrersOf(ctx context.Context, target *once.Target, info *inspect.Info) (map[digest.Digest][]*referrers.Referrer, error) {
	subjects := []ocispec.Descriptor{info.Descriptor()}
	for _, m := range info.Manifests {
		if manifest.Is(m.MediaType) {
			subjects = append(subjects, m.Descriptor())
		}
	}
	return referrers.NewLister(target, referrers.Options{Recursive: true}).Each(ctx, subjects)
}

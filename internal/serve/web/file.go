package web

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/internal/serve/web/content"
	"github.com/davit-oci/davit/internal/serve/web/guard"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/read"
	"oras.land/oras-go/v2/errdef"
)

// fileView is the content of the page about a file.
type fileView struct {
	Name     string
	Path     string // of the artifact
	Raw      string // of the bytes
	Size     int64
	HTML     template.HTML
	Text     string
	Image    bool
	Binary   bool
	Cut      bool // only the beginning is shown
	Pages    []view.Link
	Sandbox  string // path that shows HTML in a sandbox
	Verified bool
}

// showFile shows a file.
func (h *handler) showFile(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "file/")
	var head strings.Builder
	printed, err := read.Cat(c.Context(), target, p.reference, &head, read.CatOptions{Path: name, Length: view.MaxShown, Inside: true})
	if errors.Is(err, errdef.ErrNotFound) || errors.Is(err, errdef.ErrUnsupported) {
		if found := content.PageOfLink(c.Context(), target, p.reference, name); found != "" {
			name = found
			printed, err = read.Cat(c.Context(), target, p.reference, &head, read.CatOptions{Path: name, Length: view.MaxShown, Inside: true})
		}
	}
	if err != nil {
		return nil, err
	}
	v := &fileView{Name: name, Path: view.PathTo(p.repository, p.sign, p.reference)}
	v.Raw = v.Path + view.EscapePath("/raw/"+name)
	v.Size, v.Verified = printed.Size, printed.Verified
	text := head.String()
	v.Cut = int64(len(text)) < v.Size
	v.Image = guard.ImageType(name, []byte(text)) != ""
	switch {
	case v.Image:
	case strings.IndexByte(text, 0) >= 0:
		v.Binary = true
	case content.IsMarkdown(name) && !v.Cut:
		v.HTML = prose.Render(text, view.LinksFrom(c.base+v.Path, name))
	default:
		v.Text = view.Clip(text)
	}
	if content.IsHTML(name) {
		v.Sandbox = v.Path + view.EscapePath("/sandbox/"+name)
	}
	if content.IsHTML(name) || v.HTML != "" {
		v.Pages = pagesBeside(c.Context(), p, target, v.Path)
	}
	return &page{template: "file.html", Title: path.Base(name) + " in " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("files", v.Path+"/files"), view.NewLink(name, v.Path+view.EscapePath("/file/"+name))), Data: v}, nil
}

// sendRaw sends the bytes of a file. Browsers show images, and save other files.
func (h *handler) sendRaw(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "raw/")
	return h.sendFile(c, p, target, &guard.File{Writer: c.w, Name: name, NoBody: c.Method == http.MethodHead})
}

// sendSandboxed sends an HTML file, which browsers show without its scripts.
func (h *handler) sendSandboxed(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "sandbox/")
	if !content.IsHTML(name) {
		return nil, errNoPage
	}
	return h.sendFile(c, p, target, &guard.File{Writer: c.w, Name: name, NoBody: c.Method == http.MethodHead, HTML: true})
}

func (h *handler) sendFile(c *call, p place, target *once.Target, out *guard.File) (*page, error) {
	_, err := read.Cat(c.unlimited, target, p.reference, out, read.CatOptions{Path: out.Name, Inside: true})
	if err == nil {
		err = out.Begin()
	}
	if err != nil && out.HasBegun() {
		panic(http.ErrAbortHandler) // closes the connection, so that the client doesn't take a part for the whole file
	}
	return nil, err
}

// maxPagesListed limits the list of pages beside a page.
const maxPagesListed = 200

// pagesBeside returns links to the pages of a small artifact, or nil if it has fewer than two.
func pagesBeside(ctx context.Context, p place, target *once.Target, artifact string) []view.Link {
	var pages []view.Link
	for _, name := range content.Pages(ctx, target, p.reference) {
		pages = append(pages, view.NewLink(name, artifact+view.EscapePath("/file/"+name)))
	}
	if len(pages) < 2 {
		return nil
	}
	return pages[:min(len(pages), maxPagesListed)]
}

package web

import (
	"net/http"
	"path"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/internal/serve/web/guard"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
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
	Sandbox  string // shows HTML
	Verified bool
}

// file shows a file.
func (h *handler) file(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "file/")
	v := &fileView{Name: name, Path: view.PathTo(p.repository, p.sign, p.reference)}
	v.Raw = v.Path + view.EscapePath("/raw/"+name)
	var head strings.Builder
	printed, err := read.Cat(c.Context(), target, p.reference, &head, read.CatOptions{Path: name, Length: view.MaxShown, Inside: true})
	if err != nil {
		return nil, err
	}
	v.Size, v.Verified = printed.Size, printed.Verified
	text := head.String()
	v.Cut = int64(len(text)) < v.Size
	v.Image = guard.ImageType(name, []byte(text)) != ""
	switch {
	case v.Image:
	case strings.IndexByte(text, 0) >= 0:
		v.Binary = true
	case isMarkdown(name) && !v.Cut:
		v.HTML = prose.Render(text, view.LinksFrom(c.base+v.Path, name))
	default:
		v.Text = view.Clip(text)
	}
	if isHTML(name) {
		v.Sandbox = v.Path + view.EscapePath("/sandbox/"+name)
	}
	if isHTML(name) || v.HTML != "" {
		v.Pages = pagesBeside(c, p, target, v.Path)
	}
	return &page{template: "file.html", Title: path.Base(name) + " in " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("files", v.Path+"/files"), view.NewLink(name, v.Path+view.EscapePath("/file/"+name))), Data: v}, nil
}

func isMarkdown(name string) bool { return (&read.Document{Path: name}).IsMarkdown() }

// raw sends a file. Browsers show only images of it, and save everything else.
func (h *handler) raw(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "raw/")
	return h.sendFile(c, p, target, &guard.File{Writer: c.w, Name: name, NoBody: c.Method == http.MethodHead})
}

// sandbox sends a page in HTML, which browsers show without its scripts.
func (h *handler) sandbox(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "sandbox/")
	if !isHTML(name) {
		return nil, errNoPage
	}
	return h.sendFile(c, p, target, &guard.File{Writer: c.w, Name: name, NoBody: c.Method == http.MethodHead, HTML: true})
}

func (h *handler) sendFile(c *call, p place, target *once.Target, out *guard.File) (*page, error) {
	_, err := read.Cat(c.whole, target, p.reference, out, read.CatOptions{Path: out.Name, Inside: true})
	if err == nil {
		err = out.Begin()
	}
	if err != nil && out.HasBegun() {
		panic(http.ErrAbortHandler) // the connection ends early: a part must not pass for the whole
	}
	return nil, err
}

func isHTML(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".html" || ext == ".htm"
}

// maxPagesListed bounds the pages beside a page.
const maxPagesListed = 200

// pagesBeside lists the pages of an artifact that is small enough to look into it, if there are several.
func pagesBeside(c *call, p place, target *once.Target, artifact string) []view.Link {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil || packedSize(info) > read.MaxText {
		return nil
	}
	listing, err := read.List(c.Context(), target, p.reference, read.ListOptions{Inside: true})
	if err != nil {
		return nil
	}
	var pages []view.Link
	for _, f := range listing.Files {
		if isMarkdown(f.Path) || isHTML(f.Path) {
			pages = append(pages, view.NewLink(f.Path, artifact+view.EscapePath("/file/"+f.Path)))
		}
	}
	if len(pages) < 2 {
		return nil
	}
	return pages[:min(len(pages), maxPagesListed)]
}

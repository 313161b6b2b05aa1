package web

import (
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/serve/web/guard"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/serve/web/view"
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
	Verified bool
}

// file shows a file.
func (h *handler) file(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "file/")
	v := &fileView{Name: name, Path: view.PathTo(p.repository, p.sign, p.reference)}
	v.Raw = v.Path + view.EscapePath("/raw/"+name)
	var head strings.Builder
	printed, err := read.Cat(c.Context(), target, p.reference, &head, read.CatOptions{Path: name, Length: view.MaxShown})
	if err != nil {
		return nil, err
	}
	v.Size, v.Verified = printed.Size, printed.Verified
	text := head.String()
	v.Cut = int64(len(text)) < v.Size
	v.Image = imageType(name, []byte(text)) != ""
	switch {
	case v.Image:
	case strings.IndexByte(text, 0) >= 0:
		v.Binary = true
	case isMarkdown(name) && !v.Cut:
		v.HTML = prose.Render(text, view.LinksFrom(c.base+v.Path, name))
	default:
		v.Text = view.Clip(text)
	}
	return &page{template: "file.html", Title: path.Base(name) + " in " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("files", v.Path+"/files"), view.NewLink(name, v.Path+view.EscapePath("/file/"+name))), Data: v}, nil
}

func isMarkdown(name string) bool { return (&read.Document{Path: name}).IsMarkdown() }

// imageType returns the media type of an image that browsers show, by its first bytes. SVG may have scripts, which browsers run
// neither in an image nor in a sandbox.
func imageType(name string, head []byte) string {
	if strings.EqualFold(path.Ext(name), ".svg") {
		return "image/svg+xml"
	}
	switch t := http.DetectContentType(head); t {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return t
	}
	return ""
}

// raw sends a file. Browsers show only images of it, and save everything else.
func (h *handler) raw(c *call, p place, target *once.Target) (*page, error) {
	name := strings.TrimPrefix(p.view, "raw/")
	out := &rawWriter{w: c.w, name: name, isHead: c.Method == http.MethodHead}
	_, err := read.Cat(c.whole, target, p.reference, out, read.CatOptions{Path: name})
	if err == nil {
		err = out.begin()
	}
	if err != nil && out.begun {
		panic(http.ErrAbortHandler) // the connection ends early: a part must not pass for the whole
	}
	return nil, err
}

// rawWriter sends a file as bytes that are not a page.
type rawWriter struct {
	w      http.ResponseWriter
	name   string
	isHead bool
	head   []byte
	begun  bool
}

// Write holds the first bytes back until they say what the file is.
func (r *rawWriter) Write(p []byte) (int, error) {
	if r.begun {
		if r.isHead {
			return len(p), nil
		}
		return r.w.Write(p)
	}
	r.head = append(r.head, p...)
	if len(r.head) < 512 {
		return len(p), nil
	}
	return len(p), r.begin()
}

// begin sends the header and the first bytes.
func (r *rawWriter) begin() error {
	if r.begun {
		return nil
	}
	r.begun = true
	mediaType, disposition := imageType(r.name, r.head), "inline"
	if mediaType == "" {
		mediaType, disposition = "application/octet-stream", "attachment"
	}
	h := r.w.Header()
	h.Set("Content-Security-Policy", guard.Sandboxed)
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", fmt.Sprintf("%s; filename*=UTF-8''%s", disposition, strings.ReplaceAll(view.EscapePath(path.Base(r.name)), "'", "%27")))
	r.w.WriteHeader(http.StatusOK)
	if r.isHead {
		return nil
	}
	_, err := r.w.Write(r.head)
	return err
}

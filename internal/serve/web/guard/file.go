package guard

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// sniffLen is the number of bytes of a file that are read to detect its type.
const sniffLen = 512

// File sends an untrusted file. Browsers show an image, and a file with HTML set, in a sandbox; they save other files.
type File struct {
	Writer http.ResponseWriter
	Name   string
	HTML   bool // show the file as HTML
	NoBody bool // send only the header

	head  []byte
	begun bool
}

// Write sends a part of the file. It buffers the first bytes until there are enough to detect the type.
func (f *File) Write(p []byte) (int, error) {
	switch {
	case f.begun && f.NoBody:
		return len(p), nil
	case f.begun:
		return f.Writer.Write(p)
	}
	f.head = append(f.head, p...)
	if len(f.head) < sniffLen {
		return len(p), nil
	}
	return len(p), f.Begin()
}

// HasBegun reports whether the header was sent.
func (f *File) HasBegun() bool { return f.begun }

// Begin sends the header and the first bytes, unless they were already sent.
func (f *File) Begin() error {
	if f.begun {
		return nil
	}
	f.begun = true
	mediaType, disposition := ImageType(f.Name, f.head), "inline"
	switch {
	case f.HTML:
		mediaType = "text/html; charset=utf-8"
	case mediaType == "":
		mediaType, disposition = "application/octet-stream", "attachment"
	}
	h := f.Writer.Header()
	h.Set("Content-Security-Policy", Sandboxed)
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", fmt.Sprintf("%s; filename*=UTF-8''%s", disposition, strings.ReplaceAll(url.PathEscape(path.Base(f.Name)), "'", "%27")))
	f.Writer.WriteHeader(http.StatusOK)
	if f.NoBody {
		return nil
	}
	_, err := f.Writer.Write(f.head)
	return err
}

// ImageType returns the media type of an image that browsers show, from its first bytes or the extension .svg. It returns "" for
// other files. SVG may have scripts, but browsers run them neither in an image nor in a sandbox.
func ImageType(name string, head []byte) string {
	if strings.EqualFold(path.Ext(name), ".svg") {
		return "image/svg+xml"
	}
	switch t := http.DetectContentType(head); t {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return t
	}
	return ""
}

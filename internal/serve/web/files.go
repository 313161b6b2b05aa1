package web

import (
	"cmp"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/serve/web/content"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/opencontainers/go-digest"
)

const (
	// maxListed limits the bytes of packed layers that are read to list their files. For larger ones, a page shows a command.
	maxListed = 256 << 20
	// maxFiles limits the files on a page.
	maxFiles = 2000
)

// fileList is the content of the page about the files of an artifact.
type fileList struct {
	Path   string        // of the artifact
	Query  string        // the search
	Layer  digest.Digest // show only the files in this layer; empty for all files
	Rows   []fileRow
	Found  int
	More   int
	Packed bool // each packed layer is shown as one file
	Size   int64
}

// fileRow is a file, or the directory of the files in the next rows.
type fileRow struct {
	Name  string // without the directory
	Path  string // of the page about the file; empty for a directory
	Depth int
	Size  int64
	Mode  string
	Link  string
}

// showFiles lists the files of an artifact.
func (h *handler) showFiles(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil {
		return nil, err
	}
	list := &fileList{Path: view.PathTo(p.repository, "@", info.Digest.String()), Query: c.URL.Query().Get("q"), Layer: digest.Digest(c.URL.Query().Get("layer"))}
	list.Packed = content.PackedSize(info) > maxListed
	listing, err := read.List(c.Context(), target, info.Digest.String(), read.ListOptions{Inside: true, NoUnpack: list.Packed})
	if err != nil {
		return nil, err
	}
	var above []string
	for _, f := range listing.Files {
		if list.Layer != "" && f.Layer != list.Layer || !strings.Contains(strings.ToLower(f.Path), strings.ToLower(list.Query)) {
			continue
		}
		list.Size += f.Size
		if list.Found++; list.Found > maxFiles {
			continue
		}
		above = list.addDirectories(above, f.Path)
		list.Rows = append(list.Rows, fileRow{
			Name: path.Base(f.Path), Path: list.Path + view.EscapePath("/file/"+f.Path), Depth: len(above), Size: f.Size, Mode: fs.FileMode(f.Mode).String(), Link: cmp.Or(f.Stored, f.Link),
		})
	}
	list.More = max(0, list.Found-maxFiles)
	return &page{template: "files.html", Title: "Files of " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("files", list.Path+"/files")), Data: list}, nil
}

// addDirectories adds rows for the directories of a file, except those listed before, and returns all directories of the file.
func (l *fileList) addDirectories(before []string, file string) []string {
	var dirs []string
	if dir := path.Dir(file); dir != "." {
		dirs = strings.Split(dir, "/")
	}
	same := 0
	for same < len(dirs) && same < len(before) && dirs[same] == before[same] {
		same++
	}
	for i := same; i < len(dirs); i++ {
		l.Rows = append(l.Rows, fileRow{Name: dirs[i] + "/", Depth: i})
	}
	return dirs
}

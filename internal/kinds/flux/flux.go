package flux

import (
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
)

// isManifests finds a directory of Kubernetes manifests: a kustomization, or only YAML files with a kind. Hidden files and
// templates show nothing, and a manifest among more scripts than manifests shows too little.
func isManifests(s *tree.Sample) (string, bool) {
	var found string
	manifests, others := 0, 0
	for _, name := range s.Names() {
		inner, ok := s.Entry(name)
		switch {
		case !ok || inner.IsDir() || strings.HasPrefix(name, "."):
		case !tree.IsYAML(name):
			if !isAside(name) {
				others++
			}
		case name == "kustomization.yaml" || name == "kustomization.yml":
			return "has a " + name, true
		default:
			head := "\n" + string(inner.Head())
			if !strings.Contains(head, "\napiVersion:") || !strings.Contains(head, "\nkind:") || templated().MatchString(head) {
				return "", false
			}
			manifests, found = manifests+1, name
		}
	}
	return "has Kubernetes manifests: " + found, manifests > 0 && manifests >= others
}

// templated matches the template of a chart: an action at the start of a line, which YAML has only in strings, or one
// in the metadata of the object.
var templated = lazy.Regexp(`\n(?:\{\{|metadata:.*\n(?:[ \t]*\n|[ \t].*\n)*?[ \t].*\{\{)`)

// isAside reports whether a file says nothing about the manifests beside it: pages, pictures, data, and names such as LICENSE.
func isAside(name string) bool {
	switch path.Ext(name) {
	case "", ".md", ".txt", ".json", ".png", ".jpg", ".svg", ".lock":
		return true
	}
	return false
}

// derive makes the config as flux writes it. Flux reads none.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if err := warnOfLinks(d); err != nil {
		return nil, err
	}
	created := "0001-01-01T00:00:00Z"
	if !d.Created.IsZero() {
		created = d.Created.UTC().Format(time.RFC3339)
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		encoded, err := configblob.Encode(map[string]any{
			"architecture": "", "os": "", "created": created, "config": struct{}{},
			"rootfs": map[string]any{"type": "layers", "diff_ids": configblob.DiffIDs(layers)},
		})
		return spec.Finished{Config: encoded}, err
	}, nil
}

// warnOfLinks warns of symbolic links in a directory: flux does not pack them, and skips them when it unpacks.
func warnOfLinks(d *compose.Draft) error {
	var links []string
	for _, l := range d.Layers {
		if !l.Dir {
			continue
		}
		files, err := tree.FilesBelow(d.FS, &l.Layer)
		if err != nil {
			return err
		}
		for _, name := range files {
			if info, err := fs.Lstat(d.FS, path.Join(l.Path, name)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				links = append(links, name)
			}
		}
	}
	if len(links) > 0 {
		d.Warnings = append(d.Warnings, "flux does not unpack links: "+textdist.FirstFew(links))
	}
	return nil
}

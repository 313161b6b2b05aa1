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

// isManifests reports whether a directory holds Kubernetes manifests: it has a kustomization, or every YAML file in it has
// an apiVersion and a kind. The result is false if the directory has a Helm template, or more other files than manifests.
// Hidden files are ignored.
func isManifests(s *tree.Sample) (string, bool) {
	var found string
	manifests, others := 0, 0
	for _, name := range s.Names() {
		inner, ok := s.Entry(name)
		switch {
		case !ok || inner.IsDir() || strings.HasPrefix(name, "."):
		case !tree.IsYAML(name):
			if !isNeutral(name) {
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

// templated matches a Helm template: a template action at the start of a line, which plain YAML has only inside strings, or
// an action in the metadata of the object.
var templated = lazy.Regexp(`\n(?:\{\{|metadata:.*\n(?:[ \t]*\n|[ \t].*\n)*?[ \t].*\{\{)`)

// isNeutral reports whether a file may be in any directory of manifests: a document, an image, data, or a file without an extension,
// such as LICENSE.
func isNeutral(name string) bool {
	switch path.Ext(name) {
	case "", ".md", ".txt", ".json", ".png", ".jpg", ".svg", ".lock":
		return true
	}
	return false
}

// derive makes the config that flux writes. Flux itself does not read it.
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

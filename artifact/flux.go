package artifact

import (
	"io/fs"
	"path"
	"strings"
	"time"
)

// isManifests finds a directory of Kubernetes manifests: a kustomization, or nothing but YAML that names a kind.
func isManifests(s *sample) (string, bool) {
	var found string
	for _, name := range s.names() {
		inner, ok := s.in(name)
		if !ok || inner.isDir() || !isYAMLName(name) {
			continue
		}
		if name == "kustomization.yaml" || name == "kustomization.yml" {
			return "has a " + name, true
		}
		head := "\n" + string(inner.begin())
		if !strings.Contains(head, "\napiVersion:") || !strings.Contains(head, "\nkind:") {
			return "", false
		}
		found = name
	}
	return "has Kubernetes manifests: " + found, found != ""
}

// fluxConfig is the config that flux writes; it reads none.
func fluxConfig(c *composition) (finishFunc, error) {
	if err := c.warnOfLinks(); err != nil {
		return nil, err
	}
	created := "0001-01-01T00:00:00Z"
	if !c.created.IsZero() {
		created = c.created.UTC().Format(time.RFC3339)
	}
	return func(layers []Packed) (Finished, error) {
		encoded, err := encodeJSON(map[string]any{
			"architecture": "", "os": "", "created": created, "config": struct{}{},
			"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs(layers)},
		})
		return Finished{Config: encoded}, err
	}, nil
}

// warnOfLinks warns of the links in a directory: flux packs none, and leaves them out when it unpacks.
func (c *composition) warnOfLinks() error {
	var links []string
	for _, l := range c.layers {
		if !l.Dir {
			continue
		}
		files, err := filesBelow(c.fsys, l)
		if err != nil {
			return err
		}
		for _, name := range files {
			if info, err := fs.Lstat(c.fsys, path.Join(l.Path, name)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				links = append(links, name)
			}
		}
	}
	if len(links) > 0 {
		c.warnings = append(c.warnings, "flux does not unpack links: "+some(links))
	}
	return nil
}

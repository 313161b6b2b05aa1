package survey

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/tree"
)

// isComponentDir reports whether a directory may hold a component of a diffusers pipeline: a model_index.json is beside it.
func (s *surveyor) isComponentDir(dir string) bool {
	return dir != "." && s.have[path.Join(path.Dir(dir), "model_index.json")]
}

// isDenoiser reports whether a directory has the name of the denoiser of a pipeline, its main component.
func isDenoiser(dir string) bool {
	switch path.Base(dir) {
	case "unet", "transformer", "prior":
		return true
	}
	return false
}

// pipelineIn returns which directories are components of a diffusers pipeline: those that its model_index.json names, or all
// beside the model_index.json if it names none of them. It returns nil if there is no pipeline. Other directories hold variants
// of components.
func (s *surveyor) pipelineIn(dirs []string) map[string]bool {
	if len(dirs) == 0 || !s.isComponentDir(dirs[0]) {
		return nil
	}
	top := path.Dir(dirs[0])
	named := s.componentsOf(path.Join(top, "model_index.json"))
	listed, all := map[string]bool{}, map[string]bool{}
	for _, dir := range dirs {
		if dir == "." || path.Dir(dir) != top {
			continue
		}
		all[dir] = true
		if named[path.Base(dir)] {
			listed[dir] = true
		}
	}
	if len(listed) > 0 {
		return listed
	}
	return all
}

// componentsOf returns the names of the components in a model_index.json, or none if the file can't be read.
func (s *surveyor) componentsOf(index string) map[string]bool {
	found := map[string]bool{}
	sample := &tree.Sample{FS: s.FS, Path: index}
	f, err := sample.Open()
	if err != nil {
		return found
	}
	defer f.Close()
	err = jsonwalk.Scan(bom.Skip(f), func(key, _ string) bool {
		if name, _, _ := strings.Cut(key, "/"); !strings.HasPrefix(name, "_") && len(found) < maxIndexed {
			found[name] = true
		}
		return true
	})
	if err != nil {
		clear(found)
	}
	return found
}

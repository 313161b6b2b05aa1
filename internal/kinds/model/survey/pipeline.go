package survey

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/tree"
)

// isComponentDir reports whether a pipeline of diffusers is declared beside a directory.
func (s *surveyor) isComponentDir(dir string) bool {
	return dir != "." && s.have[path.Join(path.Dir(dir), "model_index.json")]
}

// isDenoiser reports whether a directory has the component of a pipeline that is the model, and not what reads or writes for it.
func isDenoiser(dir string) bool {
	switch path.Base(dir) {
	case "unet", "transformer", "prior":
		return true
	}
	return false
}

// pipelineIn lists the directories of the components of a pipeline of diffusers: those that its model_index.json names, or all
// beside it if it names none of them. It is nil without a pipeline. Other directories have variants of components.
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

// componentsOf lists the components that a model_index.json names: none if it can't be read.
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

package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/kinds/devcontainer"
	"github.com/davit-oci/davit/internal/tree"
)

// derive makes the metadata annotation of a template.
func derive(d *compose.Draft) (configblob.Finish, error) {
	return devcontainer.Derive(d, "template", Complete)
}

// Complete sets the metadata fields that the devcontainer CLI derives from a template's dev container and files. It overwrites
// existing fields, because the files of a template may have changed since it was pulled.
func Complete(m *devcontainer.Metadata, fsys fs.FS, l *compose.Layer) error {
	file := path.Join(l.Path, ".devcontainer.json")
	if _, err := fs.Stat(fsys, file); err != nil {
		file = path.Join(l.Path, ".devcontainer/devcontainer.json")
	}
	data, err := tree.ReadFile(fsys, file, tree.MaxSmallFile)
	if err != nil {
		return errors.New("it has neither .devcontainer.json nor .devcontainer/devcontainer.json; a template requires one of them")
	}
	config, err := devcontainer.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	kind := typeOf(config)
	if kind == "" {
		return fmt.Errorf("%s has none of image, build.dockerfile and dockerComposeFile; the devcontainer CLI requires one", file)
	}
	files, err := tree.FilesBelow(fsys, &l.Layer)
	if err != nil {
		return err
	}
	return fault.Join(m.Set("type", kind), m.Set("files", files), m.Set("fileCount", len(files)),
		m.Set("featureIds", featureIDs(config.Field("features"))), nameLoneFiles(m, files))
}

// typeOf returns the source of a dev container: an image, a Dockerfile, or a compose file. It returns "" if none is named.
func typeOf(m *devcontainer.Metadata) string {
	var build map[string]json.RawMessage
	_ = json.Unmarshal(m.Field("build"), &build) // if build is not an object, there is no Dockerfile
	switch {
	case m.Field("image") != nil:
		return "image"
	case m.Field("dockerFile") != nil, build["dockerfile"] != nil:
		return "dockerfile"
	case m.Field("dockerComposeFile") != nil:
		return "dockerCompose"
	}
	return ""
}

// nameLoneFiles replaces an optional path "dir/*" with the file in the directory if there is only one, as the devcontainer CLI
// does.
func nameLoneFiles(m *devcontainer.Metadata, files []string) error {
	var optional []string
	if json.Unmarshal(m.Field("optionalPaths"), &optional) != nil {
		return nil // no optional paths
	}
	for i, pattern := range optional {
		dir, ok := strings.CutSuffix(pattern, "*")
		if !ok || !strings.HasSuffix(dir, "/") || dir == "/" {
			continue
		}
		below := slices.DeleteFunc(slices.Clone(files), func(name string) bool { return !strings.HasPrefix(name, dir) })
		if len(below) == 1 {
			optional[i] = below[0]
		}
	}
	return m.Set("optionalPaths", optional)
}

// featureIDs returns the references of features in a dev container, sorted and without versions. It skips local features, URLs, and
// legacy names without a slash.
func featureIDs(features json.RawMessage) []string {
	var named map[string]json.RawMessage
	_ = json.Unmarshal(features, &named) // if features is not an object, ids stays empty
	ids := []string{}
	for ref := range named {
		if strings.HasPrefix(ref, ".") || strings.Contains(ref, "://") || !strings.Contains(ref, "/") {
			continue
		}
		ref, _, _ = strings.Cut(ref, "@")
		if colon := strings.LastIndex(ref, ":"); colon > strings.LastIndex(ref, "/") {
			ref = ref[:colon]
		}
		ids = append(ids, ref)
	}
	slices.Sort(ids)
	return ids
}

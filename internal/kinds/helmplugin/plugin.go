package helmplugin

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gopkg.in/yaml.v3"
)

// file is the name of the metadata of a plugin.
const file = "plugin.yaml"

// maxPackage limits the part of a packaged plugin that is read for its metadata.
const maxPackage = 1 << 30

// metadata are the fields of plugin.yaml that the artifact shows.
type metadata struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Type    string `yaml:"type"`
	Runtime string `yaml:"runtime"`
}

// ownType matches the types of plugins of Helm 4.
var ownType = lazy.Regexp(`^(cli|getter|postrenderer)/v\d+$`)

// isPlugin finds the directory of a plugin of Helm by its type. Other tools have a plugin.yaml too, also Helm 3, whose
// plugins are packed by name.
func isPlugin(s *tree.Sample) (string, bool) {
	inner, ok := s.Entry(file)
	if !ok || inner.IsDir() {
		return "", false
	}
	var m metadata
	if yaml.Unmarshal(inner.Head(), &m) != nil {
		return "", false
	}
	return fmt.Sprintf("has a %s of type %s", file, m.Type), m.Name != "" && m.Runtime != "" && ownType().MatchString(m.Type)
}

// named matches the names that Helm takes.
var named = lazy.Regexp(`^[A-Za-z0-9_-]+$`)

// derive names the layers after the plugin, by which Helm finds them.
func derive(d *compose.Draft) (configblob.Finish, error) {
	plugins, provenance := d.WithRole("plugin"), d.WithRole("provenance")
	if len(plugins) != 1 {
		return nil, nil // reported elsewhere
	}
	m, err := read(d, plugins[0])
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return nil, &spec.Error{Item: plugins[0].Source(), Err: err}
	}
	d.CheckNamed(m.Name, m.Version, file)
	d.Annotations[ocispec.AnnotationTitle], d.Annotations[ocispec.AnnotationVersion] = m.Name, m.Version
	plugins[0].Title = m.Name + "-" + m.Version + ".tgz"
	if plugins[0].Dir {
		plugins[0].Prefix = m.Name + "/"
	}
	for _, p := range provenance {
		p.Title = plugins[0].Title + ".prov"
	}
	d.Notes = append(d.Notes, fmt.Sprintf("helm-plugin: helm finds %s in a repository whose last part is %s", m.Name, m.Name))
	return func([]spec.Packed) (spec.Finished, error) { return spec.Finished{}, nil }, nil
}

// check reports what Helm refuses.
func (m *metadata) check() error {
	switch {
	case !named().MatchString(m.Name):
		return fmt.Errorf("%s: name %q is not one that helm takes: letters, digits, - and _", file, m.Name)
	case !spec.IsSemver(m.Version):
		return fmt.Errorf("%s: version %q is not a semantic version", file, m.Version)
	}
	return nil
}

// read reads the metadata of a plugin.
func read(d *compose.Draft, l *compose.Layer) (*metadata, error) {
	var data []byte
	var err error
	if l.Dir {
		data, err = tree.ReadFile(d.FS, path.Join(l.Path, file), tree.MaxSmallFile)
	} else {
		data, err = readInPackage(d, l)
	}
	if err != nil {
		return nil, fmt.Errorf("its %s: %s", file, tree.Cause(err))
	}
	var m metadata
	if err := yaml.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("its %s: %w", file, yamlerror.Worded(err))
	}
	return &m, nil
}

// readInPackage reads the metadata in a packaged plugin, at its root or in its only directory.
func readInPackage(d *compose.Draft, l *compose.Layer) ([]byte, error) {
	if l.Packing != mediatypes.Raw {
		return nil, errors.New("is in a tar, which is packed as it is")
	}
	f, err := d.FS.Open(l.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	entries := tar.NewReader(io.LimitReader(plain, maxPackage))
	for {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("is not in the package")
		}
		if err != nil {
			return nil, err
		}
		if dir, base := path.Split(path.Clean(h.Name)); base == file && path.Dir(path.Clean(dir)) == "." && h.Typeflag == tar.TypeReg {
			return io.ReadAll(io.LimitReader(entries, tree.MaxSmallFile))
		}
	}
}

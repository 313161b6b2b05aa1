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
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gopkg.in/yaml.v3"
)

// file is the name of a plugin's metadata file.
const file = "plugin.yaml"

// maxPackage limits how many bytes of a packaged plugin are decompressed to find its metadata.
const maxPackage = 1 << 30

// metadata holds the fields of plugin.yaml that davit reads.
type metadata struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Type    string `yaml:"type"`
	Runtime string `yaml:"runtime"`
}

// helm4Type matches the plugin types of Helm 4.
var helm4Type = lazy.Regexp(`^(cli|getter|postrenderer)/v\d+$`)

// isPlugin recognizes the directory of a Helm 4 plugin by the type in its plugin.yaml. The file alone is not enough: Helm 3
// and other tools use the same name. A Helm 3 plugin is packed only if davit.yaml names the kind.
func isPlugin(s *tree.Sample) (string, bool) {
	inner, ok := s.Entry(file)
	if !ok || inner.IsDir() {
		return "", false
	}
	var m metadata
	if yaml.Unmarshal(inner.Head(), &m) != nil {
		return "", false
	}
	return fmt.Sprintf("has a %s of type %s", file, m.Type), m.Name != "" && m.Runtime != "" && helm4Type().MatchString(m.Type)
}

// validName matches the plugin names that Helm accepts.
var validName = lazy.Regexp(`^[A-Za-z0-9_-]+$`)

// derive sets the titles by which Helm finds the layers: NAME-VERSION.tgz and NAME-VERSION.tgz.prov.
func derive(d *compose.Draft) (configblob.Finish, error) {
	plugins, provenance := d.WithRole("plugin"), d.WithRole("provenance")
	if len(plugins) != 1 {
		return nil, nil // reported elsewhere
	}
	data, err := readMetadata(d, plugins[0])
	if err != nil {
		return nil, &spec.Error{Item: plugins[0].Source(), Err: err}
	}
	at := path.Join(plugins[0].Path, file) // also in a packaged plugin
	m, faults := check(declare.NewNativeFile(at, data, "helm"), data)
	if len(faults) > 0 {
		d.Report(faults...)
		return nil, nil
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
	d.Notes = append(d.Notes, fmt.Sprintf("helm-plugin: helm finds the plugin only in a repository whose last element is %s", m.Name))
	return func([]spec.Packed) (spec.Finished, error) { return spec.Finished{}, nil }, nil
}

// check reads the metadata, and returns the reasons why Helm would refuse it.
func check(native *declare.NativeFile, data []byte) (m metadata, faults spec.Problems) {
	if err := yaml.Unmarshal(data, &m); err != nil {
		native.AddSyntax(err)
		return m, native.Faults
	}
	switch {
	case m.Name == "":
		native.AddMissing("name")
	case !validName().MatchString(m.Name):
		native.Add("/name", fmt.Sprintf("invalid name %q: helm accepts letters, digits, - and _", m.Name))
	}
	switch {
	case m.Version == "":
		native.AddMissing("version")
	case !spec.IsSemver(m.Version):
		native.Add("/version", fmt.Sprintf("version %q is not a semantic version", m.Version))
	}
	return m, native.Faults
}

// readMetadata reads the plugin.yaml of a plugin directory or of a packaged plugin.
func readMetadata(d *compose.Draft, l *compose.Layer) ([]byte, error) {
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
	return data, nil
}

// readInPackage returns the plugin.yaml of a packaged plugin, from the root or from a directory at the root.
func readInPackage(d *compose.Draft, l *compose.Layer) ([]byte, error) {
	if l.Packing != mediatypes.Raw {
		return nil, errors.New("is inside another tar: a packaged plugin must have packing raw")
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

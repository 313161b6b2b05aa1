// Package devcontainer reads the metadata that the kinds for Dev Container Features, Templates, and collections share.
package devcontainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/jsonc"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// File returns the name of the metadata file of a feature or a template.
func File(kind string) string { return "devcontainer-" + kind + ".json" }

// HasFile returns a test for a directory with the metadata file of a feature or a template.
func HasFile(kind string) func(*tree.Sample) (string, bool) {
	return func(s *tree.Sample) (string, bool) {
		inner, ok := s.Entry(File(kind))
		return "has a " + File(kind), ok && !inner.IsDir()
	}
}

// IsCollection reports whether a manifest is that of a collection.
func IsCollection(t mediatypes.Traits) bool {
	return t.ConfigType == mediatypes.DevContainer && t.HasLayer(mediatypes.DevContainerCollection)
}

// IsTemplate reports whether a manifest is that of a template.
func IsTemplate(t mediatypes.Traits) bool {
	return t.ConfigType == mediatypes.DevContainer && t.HasTitle("devcontainer-template-")
}

// Complete checks a feature or template, and adds the fields to its metadata that the devcontainer CLI derives from its files.
type Complete func(m *Metadata, fsys fs.FS, l *compose.Layer) error

// Derive sets the title, annotations, and tags of a feature or a template. The config is empty: the metadata is in an annotation.
func Derive(d *compose.Draft, kind string, complete Complete) (configblob.Finish, error) {
	if len(d.Layers) != 1 {
		return nil, nil // reported elsewhere
	}
	l := d.Layers[0]
	m, err := Read(d.FS, l.Path, kind)
	var faults spec.Problems
	if errors.As(err, &faults) {
		d.Report(faults...)
		return nil, nil
	}
	if err != nil {
		return nil, &spec.Error{Item: l.Path, Err: err}
	}
	if l.Path == "." && d.Spec.Dir != "" {
		m.checkFolder(d.Spec.Dir)
	}
	d.CheckNamed(d.Spec.Name, m.Version, File(kind))
	if err := complete(m, d.FS, l); err != nil {
		m.File.Faults = append(m.File.Faults, d.Spec.Problem(l.At, (&spec.Error{Item: d.Spec.Shown(l.Path), Err: err}).Error(), ""))
	}
	if len(m.File.Faults) > 0 {
		d.Report(m.File.Faults...)
		return nil, nil
	}
	l.Title = "devcontainer-" + kind + "-" + m.ID + ".tgz"
	d.Annotations[mediatypes.DevContainerMetadata] = m.String()
	d.Name, d.Tags, d.Cascade = m.ID, spec.VersionTags(m.Version), m.Version
	return configblob.Constant(struct{}{})
}

// Metadata has the fields of a metadata file, and those that the devcontainer CLI adds.
type Metadata struct {
	ID, Version string
	File        *declare.NativeFile        // with the faults that Read found; nil if Parse read the metadata
	fields      map[string]json.RawMessage // without comments, compact
	keys        []string                   // of the fields, in the order of the file
}

// Parse reads the fields of a metadata file.
func Parse(data []byte) (*Metadata, error) {
	m, plain := &Metadata{}, jsonc.ToJSON(data)
	if err := json.Unmarshal(plain, &m.fields); err != nil { // whose offset is known, unlike that of an error of Compact
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, plain); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(compact.Bytes(), &m.fields); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(&compact)
	if _, err := dec.Token(); err != nil { // the brace
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if name, _ := key.(string); !slices.Contains(m.keys, name) {
			m.keys = append(m.keys, name)
		}
	}
	return m, nil
}

// Set sets a field. A new field follows the others.
func (m *Metadata) Set(key string, value any) error {
	encoded, err := configblob.Encode(value)
	if err != nil {
		return err
	}
	if m.fields[key] == nil {
		m.keys = append(m.keys, key)
	}
	m.fields[key] = encoded
	return nil
}

// Read reads the metadata file of a feature or template, and finds all faults in the fields that the devcontainer CLI requires and in the
// options.
func Read(fsys fs.FS, dir, kind string) (*Metadata, error) {
	file := path.Join(dir, File(kind))
	data, err := tree.ReadFile(fsys, file, tree.MaxSmallFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", File(kind), tree.Cause(err))
	}
	native := declare.NewNativeFile(file, jsonc.ToJSON(data), "the devcontainer CLI")
	m, err := Parse(data)
	if err != nil {
		native.AddSyntax(err)
		return nil, native.Faults
	}
	m.File = native
	for _, key := range [...]string{"id", "version", "name"} {
		switch text := m.stringField(key); {
		case m.fields[key] == nil:
			native.AddMissing(key)
		case text == "":
			native.Add("/"+key, fmt.Sprintf("%s is not a string, or empty; the devcontainer CLI requires one", key))
		}
	}
	m.ID, m.Version = m.stringField("id"), m.stringField("version")
	if m.Version != "" && !spec.IsSemver(m.Version) {
		native.Add("/version", fmt.Sprintf("version %q is not a semantic version, which the devcontainer CLI requires", m.Version))
	}
	m.checkOptions()
	if dir != "." {
		m.checkFolder(path.Base(dir))
	}
	return m, nil
}

// checkFolder checks that the id is the name of the folder.
func (m *Metadata) checkFolder(name string) {
	if m.ID != "" && m.ID != name {
		m.File.Add("/id", fmt.Sprintf("it has the id %q, and the folder is named %q; the devcontainer CLI requires them to be equal", m.ID, name))
	}
}

// stringField returns the value of a field, or "" if the value is not a string.
func (m *Metadata) stringField(key string) string {
	var s string
	_ = json.Unmarshal(m.fields[key], &s) // a value of another type is treated as unset
	return s
}

// String returns the metadata as JSON for an annotation, with the fields in the order of the file.
func (m *Metadata) String() string {
	var b strings.Builder
	for i, key := range m.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := configblob.Encode(key) // a string always encodes
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.fields[key])
	}
	return "{" + b.String() + "}"
}

// Field returns the JSON of a field, or nil if the field is not set.
func (m *Metadata) Field(key string) json.RawMessage { return m.fields[key] }

package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Finish is the type of Plan.Finish: it makes a config from the packed layers.
type Finish = func(layers []spec.Packed) (spec.Finished, error)

// DeriveFunc reads a kind's config from the files. It receives the chosen layers and may change them: replace a file by
// Content, set Title, annotations, and media type, add or drop layers. Problems reported with Draft.Refuse have a
// position; a returned error has none. It must be pure: the same files result in the same plan.
type DeriveFunc func(d *Draft) (Finish, error)

// Unique returns the list without repeated strings, nil if it is empty.
func Unique(list []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Part is a declaration of Plan.Parts.
type Part struct {
	Repositories []string
	Spec         *spec.Spec
}

// Draft is a manifest that is being composed. A DeriveFunc works on it.
type Draft struct {
	FS      fs.FS
	Created time.Time
	Spec    *spec.Spec
	Kind    mediatypes.Kind
	Layers  []*Layer
	Manifest
	Notes    []string         // Plan.Notes
	Warnings []string         // Plan.Warnings
	LeftOut  []string         // Plan.LeftOut
	Unfound  []spec.LayerSpec // entries whose files are missing, which are already reported

	table    *Table
	problems *spec.Problems  // of the whole declaration
	named    map[string]bool // paths that entries name literally
}

// Manifest holds what the files decide about the manifest.
type Manifest struct {
	Annotations      map[string]string // those of the declaration win
	Tags             []string          // Plan.Tags, besides the declared ones
	Cascade          string            // Plan.Cascade
	ArtifactType     string            // empty: that of the kind
	ConfigType       string            // media type of the config; empty: that of the kind
	Platform         *ocispec.Platform // of the manifest in an index
	IndexAnnotations map[string]string // annotations of the index over this manifest
	Parts            []Part            // Plan.Parts
}

// Report adds problems to those of the declaration.
func (d *Draft) Report(problems ...spec.Problem) { *d.problems = append(*d.problems, problems...) }

// Layer is a layer with the info and the declared position of its file.
type Layer struct {
	spec.Layer
	Type roles.Role
	Info fs.FileInfo // of the file or directory
	At   string      // where it is declared, for Refuse

	Declared spec.LayerSpec // the entry of the declaration; empty for a file that another file names
}

// Refuse reports a problem with a layer's file.
func (d *Draft) Refuse(l *Layer, hint, format string, args ...any) {
	d.Report(d.Spec.Problem(l.At, fmt.Sprintf(format, args...), hint))
}

// refuseError reports an error at the position where its file is declared, if it is about a file.
func (d *Draft) refuseError(err error) {
	at, hint := "", ""
	var about *spec.Error
	if errors.As(err, &about) {
		hint = about.Hint
		if i := slices.IndexFunc(d.Layers, func(l *Layer) bool { return about.Item != "" && l.Source() == about.Item }); i >= 0 {
			at = d.Layers[i].At
		}
	}
	d.Report(d.Spec.Problem(at, err.Error(), hint))
}

// Source returns the file or directory that a layer is made from.
func (l *Layer) Source() string {
	if len(l.Files) == 1 {
		return l.Files[0]
	}
	return l.Path
}

// WithRole lists the layers of a role.
func (d *Draft) WithRole(name string) []*Layer {
	var found []*Layer
	for _, l := range d.Layers {
		if l.Role == name {
			found = append(found, l)
		}
	}
	return found
}

// Overlay merges the config fields of the declaration over those read from the files.
func (d *Draft) Overlay(derived map[string]any) map[string]any {
	return Merge(Merge(d.Kind.Config.Defaults, derived), d.Spec.Config)
}

// Merge merges one JSON object over another, recursively.
func Merge(below, above map[string]any) map[string]any {
	merged := maps.Clone(below)
	if merged == nil {
		merged = make(map[string]any, len(above))
	}
	for key, value := range above {
		inner, isObject := value.(map[string]any)
		under, wasObject := merged[key].(map[string]any)
		if isObject && wasObject {
			value = Merge(under, inner)
		}
		merged[key] = value
	}
	return merged
}

// Constant returns the Finish of a config that does not depend on the packed layers.
func Constant(config any) (Finish, error) {
	encoded, err := EncodeJSON(config)
	if err != nil {
		return nil, err
	}
	return func([]spec.Packed) (spec.Finished, error) { return spec.Finished{Config: encoded}, nil }, nil
}

// EncodeJSON encodes JSON for configs: map keys sorted, HTML not escaped, no newline at the end.
func EncodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// CheckNamed reports a declared name or version that contradicts the one in a file, if the file has one.
func (d *Draft) CheckNamed(name, version, file string) {
	for _, f := range [...]struct{ key, declared, own string }{{"name", d.Spec.Name, name}, {"version", d.Spec.Version, version}} {
		if f.declared != "" && f.own != "" && f.declared != f.own {
			d.Report(d.Spec.Problem("/"+f.key, fmt.Sprintf("%s %q contradicts %s, which says %q", f.key, f.declared, file, f.own), "leave it out"))
		}
	}
}

// SetAnnotation sets an annotation unless the declaration has it.
func (l *Layer) SetAnnotation(key, value string) {
	if l.Annotations == nil {
		l.Annotations = map[string]string{}
	}
	if _, declared := l.Annotations[key]; !declared {
		l.Annotations[key] = value
	}
}

// BlobDigests returns the digests of the blobs of layers.
func BlobDigests(layers []spec.Packed) []digest.Digest {
	digests := make([]digest.Digest, len(layers))
	for i, l := range layers {
		digests[i] = l.Descriptor.Digest
	}
	return digests
}

// DiffIDs returns the digests of the layers before compression.
func DiffIDs(layers []spec.Packed) []digest.Digest {
	ids := make([]digest.Digest, len(layers))
	for i, l := range layers {
		ids[i] = l.DiffID
	}
	return ids
}

package compose

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// DeriveFunc reads a kind's config from the files. It receives the chosen layers and may change them: replace a file with
// Content, set Title, annotations, and media type, add or drop layers. A returned spec.Error is reported at the entry of the
// file that it names. A DeriveFunc must be pure: the same files result in the same plan.
type DeriveFunc func(d *Draft) (configblob.Finish, error)

// Part is a declared part of an artifact, for Plan.Parts.
type Part struct {
	Repositories []string // empty for the repository of the artifact
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

// Manifest holds the fields of the manifest that depend on the files.
type Manifest struct {
	Name             string            // by which native clients find the artifact, if that is not its title
	Annotations      map[string]string // the declaration overrides them
	Tags             []string          // Plan.Tags, besides the declared ones
	Cascade          string            // Plan.Cascade
	ArtifactType     string            // empty for that of the kind
	ConfigType       string            // media type of the config; empty for that of the kind
	Platform         *ocispec.Platform // of the manifest in an index
	IndexAnnotations map[string]string // annotations of the index over this manifest
	Parts            []Part            // Plan.Parts
}

// Report adds problems to those of the declaration. Inlined, it would add 8 KB to the program.
//
//go:noinline
func (d *Draft) Report(problems ...spec.Problem) { *d.problems = append(*d.problems, problems...) }

// Layer is a layer with the info and the declared position of its file.
type Layer struct {
	spec.Layer
	Type roles.Role
	Info fs.FileInfo // of the file or directory
	At   string      // position of its entry in the declaration, for Refuse

	Declared spec.LayerSpec // the entry of the declaration; empty for a file that another file names
}

// ReportInstead replaces all problems with one that explains them.
func (d *Draft) ReportInstead(problem spec.Problem) { *d.problems = spec.Problems{problem} }

// Refuse reports a problem with a layer's file; l is nil if there is no such layer.
func (d *Draft) Refuse(l *Layer, hint, format string, args ...any) {
	d.Report(d.Spec.Problem(cmp.Or(l, &Layer{}).At, fmt.Sprintf(format, args...), hint))
}

// refuseError reports an error at its own position, or at the entry of its file.
func (d *Draft) refuseError(err error) {
	at, hint := "", ""
	var about *spec.Error
	if d.problems.Collect(err) == nil {
		return
	} else if errors.As(err, &about) {
		if i := slices.IndexFunc(d.Layers, func(l *Layer) bool { return about.Item != "" && l.Source() == about.Item }); i >= 0 {
			at = d.Layers[i].At
		}
		if info, statErr := fs.Stat(d.FS, about.Item); !d.Spec.IsInFile() && err == about && statErr == nil && !info.IsDir() {
			d.Report(spec.Problem{File: about.Item, Message: about.Err.Error(), Hint: about.Hint})
			return
		}
		hint, about.Item = about.Hint, d.Spec.Shown(about.Item)
	}
	d.Report(d.Spec.Problem(at, err.Error(), hint))
}

// Source returns the file or directory that a layer is made from. Inlined, it would add 6 KB to the program.
//
//go:noinline
func (l *Layer) Source() string {
	if len(l.Files) == 1 {
		return l.Files[0]
	}
	return l.Path
}

// WithRole lists the layers of a role. Inlined, it would add 15 KB to the program.
//
//go:noinline
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
	return configblob.Merge(configblob.Merge(d.Kind.Config.Defaults, derived), d.Spec.Config)
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

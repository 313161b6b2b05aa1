package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/compose/titles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// checkUse reports fields that the kind can't use.
func (d *Draft) checkUse() {
	spec, kind := d.Spec, d.Kind
	if t := spec.ArtifactType; t != "" && kind.Name != "generic" && spec.Own == nil && !declare.IsKindFile(spec.Kind) && !kind.Has(t) {
		d.Report(spec.Problem("/artifactType", fmt.Sprintf("kind %q has its own artifact type", kind.Name), "use kind generic, or a kind file"))
	}
	if spec.Base != "" && kind.Shape != mediatypes.Image {
		d.Report(spec.Problem("/base", fmt.Sprintf("kind %q does not use a base", kind.Name), "image and volume do"))
	}
	if len(spec.Config) > 0 && kind.Config.MediaType == "" {
		d.Report(spec.KeyProblem("/config", fmt.Sprintf("kind %q has no config fields", kind.Name), ""))
	}
}

// checkConfig checks the declared fields, or the whole config if nothing is derived, against the kind's schema.
func (d *Draft) checkConfig() {
	if len(d.Kind.Config.Schema) == 0 || d.Kind.Config.Derive != "" && len(d.Spec.Config) == 0 {
		return
	}
	config := d.Spec.Config
	if d.Kind.Config.Derive == "" {
		config = d.Overlay(nil)
	}
	faults, err := declare.CheckValue(d.Kind.Config.Schema, config)
	if err != nil {
		d.Report(d.Spec.Problem("/kind", fmt.Sprintf("config schema of kind %q: %v", d.Kind.Name, err), ""))
	}
	for _, f := range faults {
		d.Report(declare.ConfigProblem(d.Spec, f))
	}
}

// checkRoles reports roles with too few or too many layers.
func (d *Draft) checkRoles() {
	if len(d.Spec.Layers) == 0 {
		return // already a problem of the Spec
	}
	for _, name := range d.Kind.Roles() {
		fewest, most := roles.Bounds(d.Kind, name)
		layers := d.WithRole(name)
		if len(layers) < fewest && !d.mayBeMissing(name) {
			d.Report(d.Spec.Problem("/layers", fmt.Sprintf("kind %q needs %s with role %q", d.Kind.Name, roles.FormatCount(fewest), name), d.table.Expected(d.Kind, name)))
		}
		if most > 0 && len(layers) > most {
			d.Refuse(layers[most], "", "kind %q takes at most %s with role %q", d.Kind.Name, roles.FormatCount(most), name)
		}
	}
}

// mayBeMissing reports whether a missing file could have had the role.
func (d *Draft) mayBeMissing(role string) bool {
	return slices.ContainsFunc(d.Unfound, func(l spec.LayerSpec) bool {
		return l.As == role || l.As == "" && slices.ContainsFunc(d.Kind.Layers, func(t mediatypes.LayerType) bool {
			return t.Role == role && (len(t.Match) == 0 || roles.Matches(t, l.Path, false) || roles.Matches(t, l.Path, true) || tree.IsGlob(l.Path))
		})
	})
}

// sortLayers sorts the layers in the kind's order.
func (d *Draft) sortLayers() {
	switch d.Kind.Order {
	case mediatypes.ByTitle:
		lists.Sort(d.Layers, func(a, b *Layer) int { return strings.Compare(a.Title, b.Title) })
	case mediatypes.ByRole:
		roles := d.Kind.Roles()
		lists.Sort(d.Layers, func(a, b *Layer) int {
			return slices.Index(roles, a.Role) - slices.Index(roles, b.Role)
		})
	}
}

// checkTitles reports titles that a pull can't place in one directory, and warns about names that Windows does not support.
func (d *Draft) checkTitles() {
	layers := make([]titles.Layer, len(d.Layers))
	for i, l := range d.Layers {
		layers[i] = titles.Layer{Layer: &l.Layer, IsDeclared: l.Declared.Title != ""}
	}
	for _, f := range titles.Check(d.FS, layers) {
		d.Refuse(d.Layers[f.Layer], f.Hint, "%s", f.Message)
	}
	if bad := titles.InvalidOnWindows(layers); len(bad) > 0 && d.Kind.Shape == mediatypes.Artifact {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%s: Windows can't have files of these names, so a pull fails there: %s", d.Kind.Name, textdist.FirstFew(bad)))
	}
}

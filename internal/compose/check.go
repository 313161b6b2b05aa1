package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/mediatypes"
)

// checkUse reports fields that the kind can't use.
func (c *Draft) checkUse() {
	spec, kind := c.Spec, c.Kind
	if t := spec.ArtifactType; t != "" && kind.Name != "generic" && spec.Own == nil && !declare.IsKindFile(spec.Kind) && !kind.Has(t) {
		c.Report(spec.Problem("/artifactType", fmt.Sprintf("kind %q has a type of its own", kind.Name), "use kind generic, or a kind file"))
	}
	if spec.Base != "" && kind.Shape != mediatypes.Image && kind.Name != "" {
		c.Report(spec.Problem("/base", fmt.Sprintf("kind %q builds on no base", kind.Name), "image and volume do"))
	}
	if len(spec.Config) > 0 && kind.Config.MediaType == "" && kind.Name != "" {
		c.Report(spec.KeyProblem("/config", fmt.Sprintf("kind %q has no config fields", kind.Name), ""))
	}
}

// checkConfig checks the declared fields, or the whole config if nothing is derived, against the kind's schema.
func (c *Draft) checkConfig() {
	if len(c.Kind.Config.Schema) == 0 || c.Kind.Config.Derive != "" && len(c.Spec.Config) == 0 {
		return
	}
	config := c.Spec.Config
	if c.Kind.Config.Derive == "" {
		config = c.Overlay(nil)
	}
	faults, err := declare.CheckValue(c.Kind.Config.Schema, config)
	if err != nil {
		c.Report(c.Spec.Problem("/kind", fmt.Sprintf("config schema of kind %q: %v", c.Kind.Name, err), ""))
	}
	for _, f := range faults {
		c.Report(declare.ConfigProblem(c.Spec, f))
	}
}

// checkRoles reports roles with too few or too many layers.
func (c *Draft) checkRoles() {
	if len(c.Spec.Layers) == 0 {
		return // already a problem of the Spec
	}
	for _, name := range c.Kind.Roles() {
		fewest, most := roles.Bounds(c.Kind, name)
		layers := c.WithRole(name)
		if len(layers) < fewest && !c.maybeUnfound(name) {
			c.Report(c.Spec.Problem("/layers", fmt.Sprintf("kind %q needs %s with role %q", c.Kind.Name, count(fewest), name), c.Table.Expected(c.Kind, name)))
		}
		if most > 0 && len(layers) > most {
			c.Refuse(layers[most], "", "kind %q takes %s with role %q, this is one more", c.Kind.Name, count(most), name)
		}
	}
}

// maybeUnfound reports whether a missing file could have played a role.
func (c *Draft) maybeUnfound(role string) bool {
	return slices.ContainsFunc(c.Unfound, func(l spec.LayerSpec) bool {
		return l.As == role || l.As == "" && slices.ContainsFunc(c.Kind.Layers, func(t mediatypes.LayerType) bool {
			return t.Role == role && (len(t.Match) == 0 || roles.Matches(t, l.Path, false) || roles.Matches(t, l.Path, true) || IsGlob(l.Path))
		})
	})
}

// order sorts the layers in the kind's order.
func (c *Draft) order() {
	switch c.Kind.Order {
	case mediatypes.ByTitle:
		slices.SortStableFunc(c.Layers, func(a, b *Layer) int { return strings.Compare(a.Title, b.Title) })
	case mediatypes.ByRole:
		roles := c.Kind.Roles()
		slices.SortStableFunc(c.Layers, func(a, b *Layer) int {
			return slices.Index(roles, a.Role) - slices.Index(roles, b.Role)
		})
	}
}

// checkTitles reports titles that no pull could place side by side.
func (c *Draft) checkTitles() {
	first := map[string]*Layer{}
	for _, l := range c.Layers {
		if l.Title == "" {
			continue
		}
		if other, taken := first[l.Title]; taken {
			c.Refuse(l, "", "layers %q and %q have one title, %q", other.Path, l.Path, l.Title)
			continue
		}
		first[l.Title] = l
	}
	for _, l := range c.Layers {
		for i, r := range l.Title {
			if other, taken := first[l.Title[:i]]; r == '/' && taken && other.Packing == mediatypes.Raw {
				c.Refuse(l, "", "title %q lies below %q, which is a file", l.Title, other.Title)
			}
		}
	}
}

// count words a number of layers.
func count(n int) string {
	if n == 1 {
		return "one layer"
	}
	return fmt.Sprintf("%d layers", n)
}

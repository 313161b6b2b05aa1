// Package platforms completes the entries of an index in a declaration.
package platforms

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/tree"
)

// Inherit fills a platform's Spec from that of the whole artifact.
func Inherit(whole, platform *spec.Spec) *spec.Spec {
	p := *platform
	p.Kind, p.Own, p.Name, p.Version, p.ArtifactType, p.Dir = whole.Kind, whole.Own, whole.Name, whole.Version, whole.ArtifactType, whole.Dir
	if p.Base == "" {
		p.Base = whole.Base
	}
	p.Annotations = maps.Clone(whole.Annotations)
	if p.Annotations == nil {
		p.Annotations = map[string]string{}
	}
	maps.Copy(p.Annotations, platform.Annotations)
	p.Config = configblob.Merge(whole.Config, platform.Config)
	p.SetWhole(whole, len(platform.Config) > 0)
	return &p
}

// PerFile returns a Spec for each file of a kind with one file per manifest: the file determines the platform.
func PerFile(fsys fs.FS, declared *spec.Spec) []*spec.Spec {
	var specs []*spec.Spec
	add := func(l spec.LayerSpec) {
		one := *declared
		one.Layers, one.Tags, one.Referrers = []spec.LayerSpec{l}, nil, nil
		specs = append(specs, &one)
	}
	for _, l := range declared.Layers {
		names, err := doublestar.Glob(fsys, path.Clean(l.Path), doublestar.WithNoFollow(), doublestar.WithFilesOnly())
		if !tree.IsGlob(l.Path) || err != nil || len(names) == 0 {
			add(l) // composing it reports its problems
			continue
		}
		slices.Sort(names)
		for _, name := range names {
			l.Path = name
			add(l)
		}
	}
	return specs
}

// Taken holds the files of each platform of an index.
type Taken map[string]string

// Add adds a manifest of the index. The clash says that another one is for the same platform.
func (t Taken) Add(plan *spec.Plan) (clash string) {
	if plan.Platform == nil {
		return ""
	}
	var files []string
	for _, l := range plan.Layers {
		files = append(files, l.Path)
	}
	platform, own := manifest.FormatPlatform(plan.Platform), strings.Join(files, ", ")
	if first, taken := t[platform]; taken {
		return fmt.Sprintf("%s is for %s, as %s is, and an index holds one of each platform", own, platform, first)
	}
	t[platform] = own
	return ""
}

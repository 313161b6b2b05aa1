// Package platforms expands and checks the entries of an index in a declaration.
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
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Inherit returns a copy of a platform's Spec with the fields that it inherits from the Spec of the whole artifact.
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

// Entries returns a Spec for each file or directory of a kind that has one manifest per file. The file determines the platform of its
// manifest or, in a collection, the name and version, which are not inherited from declared.
func Entries(fsys fs.FS, declared *spec.Spec, shape mediatypes.Shape) []*spec.Spec {
	var specs []*spec.Spec
	add := func(l spec.LayerSpec) {
		one := *declared
		one.Layers, one.Tags, one.Referrers = []spec.LayerSpec{l}, nil, nil
		if shape == mediatypes.Collection {
			one.Name, one.Version, one.Annotations, one.ArtifactType = "", "", nil, ""
		}
		specs = append(specs, &one)
	}
	for _, l := range declared.Layers {
		names, err := listMatches(fsys, l.Path)
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

// listMatches lists the files that match a pattern, or the directories if the pattern ends in a slash.
func listMatches(fsys fs.FS, pattern string) ([]string, error) {
	if !strings.HasSuffix(pattern, "/") {
		return doublestar.Glob(fsys, path.Clean(pattern), doublestar.WithNoFollow(), doublestar.WithFilesOnly())
	}
	names, err := doublestar.Glob(fsys, path.Clean(pattern), doublestar.WithNoFollow())
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := fs.Stat(fsys, name)
		return err != nil || !info.IsDir()
	}), err
}

// Taken holds the files of each platform of an index, or of each name in a collection.
type Taken map[string]string

// Add adds a manifest of the index. It returns a message if another manifest is for the same platform or, in a collection, has the same name.
func (t Taken) Add(plan *spec.Plan, shape mediatypes.Shape) (clash string) {
	of, verb, rule := manifest.FormatPlatform(plan.Platform), "are both for", "an index holds one manifest per platform"
	if shape == mediatypes.Collection {
		of, verb, rule = plan.Annotations[ocispec.AnnotationTitle], "are both called", "a collection holds one artifact per name"
	} else if plan.Platform == nil {
		return ""
	}
	var files []string
	for _, l := range plan.Layers {
		files = append(files, l.Path)
	}
	own := strings.Join(files, ", ")
	if first, taken := t[of]; taken {
		return fmt.Sprintf("%s and %s %s %s; %s", own, first, verb, of, rule)
	}
	t[of] = own
	return ""
}

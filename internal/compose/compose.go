package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Compose plans an artifact: it finds the declared files, assigns each its role in the kind, and reads the config from
// them. It writes nothing, and the same tree results in the same plan. The error is Problems, all at once. Messages about
// links are better if the file system implements fs.ReadLinkFS, as that of os.Root does.
func (t *Table) Compose(fsys fs.FS, spec *spec.Spec) (*spec.Plan, error) {
	c := &Composer{Table: t, FS: fsys, Created: spec.Created}
	if spec.Source() != nil {
		c.Problems = slices.Clone(spec.Source().Problems)
	}
	declare.Check(t.Catalog(), spec, c.Report)
	plan := c.artifact(spec)
	if err := c.Problems.Err(); err != nil {
		return nil, err
	}
	return plan, nil
}

// anyKind replaces an unknown kind: it has no name and takes every file.
var anyKind = mediatypes.Kind{Directories: mediatypes.Directories{Expand: true}, Layers: []mediatypes.LayerType{{Match: []string{"*"}}}}

// Composer is one run of Compose.
type Composer struct {
	Table    *Table
	FS       fs.FS
	Created  time.Time
	Problems spec.Problems
}

func (c *Composer) Report(p spec.Problem) { c.Problems = append(c.Problems, p) }

// artifact composes a Spec with its platforms and referrers.
func (c *Composer) artifact(declared *spec.Spec) *spec.Plan {
	kind, ok := c.kind(declared)
	if !ok {
		kind = anyKind // so that the files are still checked
	}
	plan := &spec.Plan{}
	switch {
	case len(declared.Platforms) > 0:
		plan = c.index(declared, kind)
	case kind.Shape == mediatypes.Index:
		plan = c.index(&spec.Spec{Name: declared.Name, Version: declared.Version, Annotations: declared.Annotations, Platforms: c.perFile(declared)}, kind)
	default:
		plan, _ = c.manifest(declared, kind)
	}
	plan.Subject = declared.Subject
	plan.Tags = Unique(append(slices.Clone(declared.Tags), plan.Tags...))
	for _, r := range declared.Referrers {
		plan.Referrers = append(plan.Referrers, c.artifact(r))
	}
	return plan
}

// kind finds the kind of a Spec. The name of an unknown kind was already a problem of the Spec.
func (c *Composer) kind(declared *spec.Spec) (mediatypes.Kind, bool) {
	if declared.Own != nil {
		return *declared.Own, true
	}
	if !declare.IsKindFile(declared.Kind) {
		return c.Table.Lookup(declared.Kind)
	}
	if message, _ := declare.BadPath(declared.Kind); message != "" {
		return mediatypes.Kind{}, false
	}
	kind, err := c.KindFile(declared.Kind)
	var problems spec.Problems
	if errors.As(err, &problems) {
		c.Problems = append(c.Problems, problems...)
	} else if err != nil {
		c.Report(declared.Problem("/kind", err.Error(), ""))
	}
	return kind, err == nil
}

// KindFile reads a kind file. The error is Problems if the file has faults.
func (c *Composer) KindFile(file string) (mediatypes.Kind, error) {
	name, problem := tree.Locate(c.FS, file)
	if problem != "" {
		return mediatypes.Kind{}, fmt.Errorf("kind file %q %s", file, problem)
	}
	data, err := tree.ReadFile(c.FS, name, declare.MaxDocument)
	if err != nil {
		return mediatypes.Kind{}, fmt.Errorf("kind file %q: %s", file, tree.Cause(err))
	}
	return declare.ParseKind(c.Table.Catalog(), file, data)
}

// index composes one plan per platform. A platform inherits the fields that it does not set.
func (c *Composer) index(declared *spec.Spec, kind mediatypes.Kind) *spec.Plan {
	plan := &spec.Plan{Kind: kind, Name: declared.Name, ArtifactType: kind.ArtifactType}
	plan.Base = declared.Base
	var whole map[string]string
	for _, p := range declared.Platforms {
		if p.Kind == "" {
			p = inherit(declared, p)
		}
		inner, m := c.manifest(p, kind)
		if kind.Shape == mediatypes.Index {
			inner.Kind.Shape = mediatypes.Image // the shape of the index's entries
		}
		if whole != nil && !maps.Equal(whole, m.IndexAnnotations) {
			c.Report(p.Problem("/layers", fmt.Sprintf("an index of kind %q holds one version of one thing, and these are two: %q and %q", kind.Name,
				whole[ocispec.AnnotationTitle]+" "+whole[ocispec.AnnotationRefName], m.IndexAnnotations[ocispec.AnnotationTitle]+" "+m.IndexAnnotations[ocispec.AnnotationRefName]), ""))
		}
		whole = m.IndexAnnotations
		if platform, ok := manifest.ParsePlatform(p.Platform); ok {
			inner.Platform = &platform
		}
		plan.ArtifactType = inner.ArtifactType
		plan.Platforms = append(plan.Platforms, inner)
		plan.Tags = append(plan.Tags, inner.Tags...)
		plan.Notes = append(plan.Notes, inner.Notes...)
		plan.Warnings = append(plan.Warnings, inner.Warnings...)
	}
	plan.Annotations = c.annotations(declared, kind, whole)
	return plan
}

// perFile returns a Spec for each file of a kind with one file per manifest: the file determines the platform.
func (c *Composer) perFile(declared *spec.Spec) []*spec.Spec {
	var specs []*spec.Spec
	add := func(l spec.LayerSpec) {
		one := *declared
		one.Layers, one.Tags, one.Referrers = []spec.LayerSpec{l}, nil, nil
		specs = append(specs, &one)
	}
	for _, l := range declared.Layers {
		names, err := doublestar.Glob(c.FS, path.Clean(l.Path), doublestar.WithNoFollow(), doublestar.WithFilesOnly())
		if !IsGlob(l.Path) || err != nil || len(names) == 0 {
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

// inherit fills a platform's Spec from that of the whole artifact.
func inherit(whole, platform *spec.Spec) *spec.Spec {
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
	p.Config = Merge(whole.Config, platform.Config)
	p.SetWhole(whole, len(platform.Config) > 0)
	return &p
}

// manifest composes one manifest.
func (c *Composer) manifest(declared *spec.Spec, kind mediatypes.Kind) (*spec.Plan, *Draft) {
	m := &Draft{Composer: c, Spec: declared, Kind: kind, Annotations: map[string]string{}}
	m.choose()
	m.checkRoles()
	m.checkUse()
	m.checkConfig()
	finish := m.finish()
	m.order()
	m.checkTitles()
	plan := &spec.Plan{
		Kind: kind, Name: declared.Name, ArtifactType: m.artifactType(), ConfigType: m.configType(),
		Finish: finish, Annotations: c.annotations(declared, kind, m.Annotations),
		Platform: m.Platform, Tags: m.Tags, Cascade: m.Cascade,
	}
	plan.Base, plan.Notes, plan.Warnings, plan.LeftOut = declared.Base, m.Notes, m.Warnings, m.unpacked()
	for _, l := range m.Layers {
		plan.Layers = append(plan.Layers, l.Layer)
	}
	return plan, m
}

// annotations returns those of a manifest: the kind's, overridden by those of its config, then by the declaration's.
func (c *Composer) annotations(spec *spec.Spec, kind mediatypes.Kind, derived map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, kind.Annotations)
	maps.Copy(all, derived)
	for key, value := range map[string]string{ocispec.AnnotationTitle: spec.Name, ocispec.AnnotationVersion: spec.Version} {
		if value != "" {
			all[key] = value
		}
	}
	if !c.Created.IsZero() {
		all[ocispec.AnnotationCreated] = c.Created.UTC().Format(time.RFC3339)
	}
	maps.Copy(all, spec.Annotations)
	return all
}

// finish derives the config.
func (c *Draft) finish() Finish {
	var finish Finish
	var err error
	if name := c.Kind.Config.Derive; name == "" {
		finish, err = Constant(c.Overlay(nil))
	} else if derive, ok := c.Table.Derive[name]; ok {
		finish, err = derive(c)
	} else {
		err = fmt.Errorf("config: nothing derives %q", name)
	}
	if err != nil {
		c.refuseError(err)
	}
	return finish
}

// configType returns the media type of the config.
func (c *Draft) configType() string {
	if c.ConfigType != "" {
		return c.ConfigType
	}
	if c.Kind.Config.MediaType == "" || c.Kind.Config.Optional && len(c.Spec.Config) == 0 {
		return mediatypes.EmptyJSON
	}
	return c.Kind.Config.MediaType
}

func (c *Draft) artifactType() string {
	switch {
	case c.Spec.ArtifactType != "":
		return c.Spec.ArtifactType
	case c.ArtifactType != "":
		return c.ArtifactType
	case c.Kind.TypeFromLayer && len(c.Layers) > 0:
		return c.Layers[0].MediaType
	}
	return c.Kind.ArtifactType
}

package compose

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/platforms"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Compose plans an artifact: it finds the declared files, assigns each its role in the kind, and reads the config from them. It writes
// nothing, and the same tree results in the same plan. The error is a spec.Problems with all problems. Messages about links are more precise
// if the file system implements fs.ReadLinkFS, as that of os.Root does.
func (t *Table) Compose(fsys fs.FS, spec *spec.Spec) (*spec.Plan, error) {
	c := &composer{table: t, fsys: fsys, created: spec.Created}
	if spec.Source() != nil {
		c.problems = slices.Clone(spec.Source().Problems)
	}
	declare.Check(t.Catalog(), spec, c.report)
	plan := c.artifact(spec)
	if err := c.problems.Err(); err != nil {
		return nil, err
	}
	return plan, nil
}

// anyKind replaces an unknown kind: it has no name and takes every file.
var anyKind = mediatypes.Kind{Directories: mediatypes.Directories{Expand: true}, Layers: []mediatypes.LayerType{{Match: []string{"*"}}}}

// composer is one run of Compose.
type composer struct {
	table    *Table
	fsys     fs.FS
	created  time.Time
	problems spec.Problems
}

func (c *composer) report(p spec.Problem) { c.problems = append(c.problems, p) }

// artifact composes a Spec with its platforms and referrers.
func (c *composer) artifact(declared *spec.Spec) *spec.Plan {
	kind, ok := c.kind(declared)
	if !ok {
		kind = anyKind // so that the files are still checked
	}
	plan := &spec.Plan{}
	switch {
	case len(declared.Platforms) > 0 && kind.Shape == mediatypes.Collection:
		c.report(declared.KeyProblem("/platforms", fmt.Sprintf("kind %q has no platforms", kind.Name), "list its members as layers"))
	case len(declared.Platforms) > 0:
		plan = c.index(declared, kind)
	case kind.Shape.HasEntries():
		expanded := *declared
		expanded.Base, expanded.Platforms = "", platforms.Entries(c.fsys, declared, kind.Shape)
		plan = c.index(&expanded, kind)
	default:
		var m *Draft
		plan, m = c.manifest(declared, kind)
		for _, p := range m.Parts {
			plan.Parts = append(plan.Parts, spec.Part{Repositories: p.Repositories, Plan: c.artifact(p.Spec)})
		}
	}
	plan.Subject, plan.Immutable = declared.Subject, declared.Immutable
	plan.Tags = lists.Unique(append(slices.Clone(declared.Tags), plan.Tags...))
	for _, r := range declared.Referrers {
		plan.Referrers = append(plan.Referrers, c.artifact(r))
	}
	return plan
}

// kind finds the kind of a Spec. declare.Check has already reported an unknown kind.
func (c *composer) kind(declared *spec.Spec) (mediatypes.Kind, bool) {
	if declared.Own != nil {
		return *declared.Own, true
	}
	if !declare.IsKindFile(declared.Kind) {
		return c.table.Lookup(declared.Kind)
	}
	if message, _ := declare.BadPath(declared.Kind); message != "" {
		return mediatypes.Kind{}, false
	}
	kind, err := c.table.KindFile(c.fsys, declared.Kind)
	var problems spec.Problems
	if errors.As(err, &problems) {
		c.problems = append(c.problems, problems...)
	} else if err != nil {
		c.report(declared.Problem("/kind", err.Error(), ""))
	}
	return kind, err == nil
}

// KindFile reads a kind file. The error is a spec.Problems if the file has faults.
func (t *Table) KindFile(fsys fs.FS, file string) (mediatypes.Kind, error) {
	name, problem := tree.Locate(fsys, file)
	if problem != "" {
		return mediatypes.Kind{}, fmt.Errorf("kind file %q %s", file, problem)
	}
	data, err := tree.ReadFile(fsys, name, declare.MaxDocument)
	if err != nil {
		return mediatypes.Kind{}, fmt.Errorf("kind file %q: %s", file, tree.Cause(err))
	}
	return declare.ParseKind(t.Catalog(), file, data)
}

// index composes one plan per platform. A platform inherits the fields that it does not set.
func (c *composer) index(declared *spec.Spec, kind mediatypes.Kind) *spec.Plan {
	plan := &spec.Plan{Kind: kind, Name: declared.Name, ArtifactType: cmp.Or(declared.ArtifactType, kind.ArtifactType)}
	plan.Base = declared.Base
	var common map[string]string
	taken, entry, hint := platforms.Taken{}, kind, "platforms: with the files of each"
	if kind.Shape == mediatypes.Collection { // the entries are artifacts by themselves
		entry.Shape, entry.Annotations, hint = mediatypes.Artifact, nil, ""
	}
	for _, p := range declared.Platforms {
		if p.Kind == "" {
			p = platforms.Inherit(declared, p)
		}
		inner, m := c.manifest(p, entry)
		if kind.Shape == mediatypes.Index {
			inner.Kind.Shape = mediatypes.Image // the shape of the index's entries
		}
		if common != nil && !maps.Equal(common, m.IndexAnnotations) {
			c.report(p.Problem("/layers", fmt.Sprintf("the entries of an index of kind %q must have the same name and version, got %q and %q", kind.Name,
				common[ocispec.AnnotationTitle]+" "+common[ocispec.AnnotationRefName], m.IndexAnnotations[ocispec.AnnotationTitle]+" "+m.IndexAnnotations[ocispec.AnnotationRefName]), ""))
		}
		common = m.IndexAnnotations
		if platform, ok := manifest.ParsePlatform(p.Platform); ok {
			inner.Platform = &platform
		}
		if clash := taken.Add(inner, kind.Shape); clash != "" {
			c.report(p.Problem("/layers", clash, hint))
		}
		if !kind.Shape.HasEntries() || kind.ArtifactType == "" || p.ArtifactType != "" {
			plan.ArtifactType = inner.ArtifactType
		}
		plan.Platforms = append(plan.Platforms, inner)
		plan.Tags, plan.Notes = append(plan.Tags, inner.Tags...), append(plan.Notes, inner.Notes...)
		plan.Warnings = append(plan.Warnings, inner.Warnings...)
	}
	plan.Annotations = c.annotations(declared, kind, common)
	return plan
}

// manifest composes one manifest.
func (c *composer) manifest(declared *spec.Spec, kind mediatypes.Kind) (*spec.Plan, *Draft) {
	m := &Draft{
		FS: c.fsys, Created: c.created, Spec: declared, Kind: kind, Manifest: Manifest{Annotations: map[string]string{}},
		table: c.table, problems: &c.problems,
	}
	if warning := manifest.DoubtPlatform(declared.Platform); warning != "" {
		m.Warnings = append(m.Warnings, warning)
	}
	if m.choose(); kind.Name == "" {
		return &spec.Plan{Kind: kind}, m // what an unknown kind requires is not known
	}
	m.checkRoles()
	m.checkUse()
	m.checkConfig()
	finish := m.finish()
	m.sortLayers()
	m.checkTitles()
	plan := &spec.Plan{
		Kind: kind, Name: cmp.Or(m.Name, declared.Name), ArtifactType: m.artifactType(), ConfigType: m.configType(),
		Finish: finish, Annotations: c.annotations(declared, kind, m.Annotations),
		Platform: m.Platform, Tags: m.Tags, Cascade: m.Cascade,
	}
	plan.Base, plan.Notes, plan.Warnings, plan.LeftOut = declared.Base, m.Notes, m.Warnings, m.listUnpacked()
	for _, l := range m.Layers {
		plan.Layers = append(plan.Layers, l.Layer)
	}
	return plan, m
}

// annotations returns the annotations of a manifest: those of the kind, overridden by those of the config, then by those of the declaration.
func (c *composer) annotations(spec *spec.Spec, kind mediatypes.Kind, derived map[string]string) map[string]string {
	all := map[string]string{}
	for key, value := range kind.Annotations {
		all[key] = strings.ReplaceAll(value, "{name}", spec.Name)
		if all[key] == "" {
			c.report(spec.Problem("", fmt.Sprintf("kind %q needs a name", kind.Name), "name: NAME, or --name"))
		}
	}
	maps.Copy(all, derived)
	for key, value := range map[string]string{ocispec.AnnotationTitle: spec.Name, ocispec.AnnotationVersion: spec.Version} {
		if value != "" {
			all[key] = value
		}
	}
	if !c.created.IsZero() {
		all[ocispec.AnnotationCreated] = c.created.UTC().Format(time.RFC3339)
	}
	maps.Copy(all, spec.Annotations)
	return all
}

// finish returns the function that derives the config from the packed layers, or nil if that is impossible.
func (d *Draft) finish() configblob.Finish {
	var finish configblob.Finish
	var err error
	if name := d.Kind.Config.Derive; name == "" {
		finish, err = configblob.Constant(d.Overlay(nil))
	} else if derive, ok := d.table.Derive[name]; ok {
		finish, err = derive(d)
	} else {
		err = fmt.Errorf("config: unknown derive function %q", name)
	}
	for _, one := range spec.Split(err) {
		d.refuseError(one)
	}
	if err != nil || finish == nil { // a missing finish was reported before
		return finish
	}
	attached := d.attached()
	return func(layers []spec.Packed) (spec.Finished, error) {
		finished, err := finish(layers)
		finished.Attached = func() map[string]string { return addSize(attached(), layers) }
		return finished, err
	}
}

// configType returns the media type of the config.
func (d *Draft) configType() string {
	if d.ConfigType != "" {
		return d.ConfigType
	}
	if d.Kind.Config.MediaType == "" || d.Kind.Config.Optional && len(d.Spec.Config) == 0 {
		return mediatypes.EmptyJSON
	}
	return d.Kind.Config.MediaType
}

func (d *Draft) artifactType() string {
	switch {
	case d.Spec.ArtifactType != "":
		return d.Spec.ArtifactType
	case d.ArtifactType != "":
		return d.ArtifactType
	case d.Kind.TypeFromLayer && len(d.Layers) > 0:
		return d.Layers[0].MediaType
	}
	return d.Kind.ArtifactType
}

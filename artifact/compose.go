package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// finishFunc is Plan.Finish: it makes a config out of the packed layers.
type finishFunc = func(layers []Packed) (Finished, error)

// deriveFunc reads a kind's config out of the files. It sees the layers as they were chosen, and may change them:
// replace a file by Content, set Title, annotations and media type, add layers or drop them. What it reports with
// composition.refuse is a problem with a place; an error that it returns is one without. It must be pure: the same
// files, the same plan.
type deriveFunc func(c *composition) (finishFunc, error)

// Compose decides what an artifact will be: it finds the declared files, gives each its role in the kind and reads the
// config out of them. Nothing is written, and the same tree gives the same plan. The error is Problems, all at once.
// A file system that also implements fs.ReadLinkFS (that of os.Root does) gets better messages about links.
func (t *Table) Compose(fsys fs.FS, spec *Spec) (*Plan, error) {
	c := &composer{table: t, fsys: fsys, created: spec.Created}
	if spec.Source() != nil {
		c.problems = slices.Clone(spec.Source().Problems)
	}
	checkSpec(t.Catalog(), spec, c.report)
	plan := c.artifact(spec)
	if err := c.problems.Err(); err != nil {
		return nil, err
	}
	return plan, nil
}

// anyKind stands in for a kind that is not known: it has no name and takes every file.
var anyKind = mediatypes.Kind{Expand: true, Layers: []mediatypes.LayerType{{Match: []string{"*"}}}}

// composer is one run of Compose.
type composer struct {
	table    *Table
	fsys     fs.FS
	created  time.Time
	problems Problems
}

func (c *composer) report(p Problem) { c.problems = append(c.problems, p) }

// artifact composes a Spec with all that belongs to it.
func (c *composer) artifact(spec *Spec) *Plan {
	kind, ok := c.kind(spec)
	if !ok {
		kind = anyKind // so that the files are looked at all the same
	}
	plan := &Plan{}
	switch {
	case len(spec.Platforms) > 0:
		plan = c.index(spec, kind)
	case kind.Shape == mediatypes.Index:
		plan = c.index(&Spec{Name: spec.Name, Version: spec.Version, Annotations: spec.Annotations, Platforms: c.perFile(spec)}, kind)
	default:
		plan, _ = c.manifest(spec, kind)
	}
	plan.Subject = spec.Subject
	plan.Tags = unique(append(slices.Clone(spec.Tags), plan.Tags...))
	for _, r := range spec.Referrers {
		plan.Referrers = append(plan.Referrers, c.artifact(r))
	}
	return plan
}

// kind finds the kind of a Spec; what is none by its name was a problem of the Spec already.
func (c *composer) kind(spec *Spec) (mediatypes.Kind, bool) {
	if spec.Own != nil {
		return *spec.Own, true
	}
	if !IsKindFile(spec.Kind) {
		return c.table.Lookup(spec.Kind)
	}
	if message, _ := badPath(spec.Kind); message != "" {
		return mediatypes.Kind{}, false
	}
	kind, err := c.kindFile(spec.Kind)
	var problems Problems
	if errors.As(err, &problems) {
		c.problems = append(c.problems, problems...)
	} else if err != nil {
		c.report(spec.Problem("/kind", err.Error(), ""))
	}
	return kind, err == nil
}

// kindFile reads a kind file. Its error is Problems where something is wrong in the file.
func (c *composer) kindFile(file string) (mediatypes.Kind, error) {
	name, problem := locate(c.fsys, file)
	if problem != "" {
		return mediatypes.Kind{}, fmt.Errorf("kind file %q %s", file, problem)
	}
	data, err := readFile(c.fsys, name, maxDocument)
	if err != nil {
		return mediatypes.Kind{}, fmt.Errorf("kind file %q: %s", file, cause(err))
	}
	return parseKind(c.table.Catalog(), file, data)
}

// index composes one plan per platform. What a platform does not say is that of the whole.
func (c *composer) index(spec *Spec, kind mediatypes.Kind) *Plan {
	plan := &Plan{Kind: kind, Name: spec.Name, ArtifactType: kind.ArtifactType}
	plan.Base = spec.Base
	var whole map[string]string
	for _, p := range spec.Platforms {
		if p.Kind == "" {
			p = inherit(spec, p)
		}
		inner, m := c.manifest(p, kind)
		if kind.Shape == mediatypes.Index {
			inner.Kind.Shape = mediatypes.Image // it is what the index is of
		}
		if whole != nil && !maps.Equal(whole, m.whole) {
			c.report(p.Problem("/layers", fmt.Sprintf("an index of kind %q holds one version of one thing, and these are two: %q and %q", kind.Name,
				whole[ocispec.AnnotationTitle]+" "+whole[ocispec.AnnotationRefName], m.whole[ocispec.AnnotationTitle]+" "+m.whole[ocispec.AnnotationRefName]), ""))
		}
		whole = m.whole
		if platform, ok := parsePlatform(p.Platform); ok {
			inner.Platform = &platform
		}
		plan.ArtifactType = inner.ArtifactType
		plan.Platforms = append(plan.Platforms, inner)
		plan.Tags = append(plan.Tags, inner.Tags...)
		plan.Notes = append(plan.Notes, inner.Notes...)
		plan.Warnings = append(plan.Warnings, inner.Warnings...)
	}
	plan.Annotations = c.annotations(spec, kind, whole)
	return plan
}

// perFile is a Spec for each file of a kind whose manifests have one each: the file tells the platform.
func (c *composer) perFile(spec *Spec) []*Spec {
	var specs []*Spec
	add := func(l LayerSpec) {
		one := *spec
		one.Layers, one.Tags, one.Referrers = []LayerSpec{l}, nil, nil
		specs = append(specs, &one)
	}
	for _, l := range spec.Layers {
		names, err := doublestar.Glob(c.fsys, path.Clean(l.Path), doublestar.WithNoFollow(), doublestar.WithFilesOnly())
		if !isGlob(l.Path) || err != nil || len(names) == 0 {
			add(l) // which tells what is wrong with it
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

// unique keeps the first of equal strings, and nil where there are none.
func unique(list []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// inherit fills a platform's Spec from that of the whole artifact.
func inherit(whole, platform *Spec) *Spec {
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
	p.Config = merge(whole.Config, platform.Config)
	p.SetWhole(whole, len(platform.Config) > 0)
	return &p
}

// manifest composes one manifest.
func (c *composer) manifest(spec *Spec, kind mediatypes.Kind) (*Plan, *composition) {
	m := &composition{composer: c, spec: spec, kind: kind, annotations: map[string]string{}}
	m.choose()
	m.checkRoles()
	m.checkUse()
	m.checkConfig()
	finish := m.finish()
	m.order()
	m.checkTitles()
	plan := &Plan{
		Kind: kind, Name: spec.Name, ArtifactType: m.artifactType(), ConfigType: m.configType(),
		Finish: finish, Annotations: c.annotations(spec, kind, m.annotations),
		Platform: m.platform, Tags: m.tags, Cascade: m.cascade,
	}
	plan.Base, plan.Notes, plan.Warnings, plan.LeftOut = spec.Base, m.notes, m.warnings, m.unpacked()
	for _, l := range m.layers {
		plan.Layers = append(plan.Layers, l.Layer)
	}
	return plan, m
}

// annotations are those of a manifest: the kind's, then what its config says, then what the declaration says.
func (c *composer) annotations(spec *Spec, kind mediatypes.Kind, derived map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, kind.Annotations)
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

// composition is one manifest in the making: what a deriveFunc works on.
type composition struct {
	*composer
	spec        *Spec
	kind        mediatypes.Kind
	layers      []*chosen
	annotations map[string]string // of the manifest; the declaration's win
	notes       []string          // Plan.Notes
	warnings    []string          // Plan.Warnings
	leftOut     []string          // Plan.LeftOut
	tags        []string          // Plan.Tags, besides the declared ones
	cascade     string            // Plan.Cascade
	ownType     string            // artifactType of the manifest, where the files decide it
	ownConfig   string            // media type of the config, where the files decide it
	platform    *ocispec.Platform // of the manifest in an index, where the files decide it
	whole       map[string]string // annotations of the index over this manifest

	named   map[string]bool // paths that entries name outright
	unfound []LayerSpec     // entries whose files are not there, which were problems already
}

// chosen is a layer with what is known about its file.
type chosen struct {
	Layer
	role role
	info fs.FileInfo // of the file or directory
	at   string      // where it is declared, for refuse
}

// refuse reports a problem with a layer's file.
func (c *composition) refuse(l *chosen, hint, format string, args ...any) {
	c.report(c.spec.Problem(l.at, fmt.Sprintf(format, args...), hint))
}

// refuseError reports an error where its file is declared, if it is about one.
func (c *composition) refuseError(err error) {
	at, hint := "", ""
	var about *Error
	if errors.As(err, &about) {
		hint = about.Hint
		if i := slices.IndexFunc(c.layers, func(l *chosen) bool { return about.Item != "" && l.source() == about.Item }); i >= 0 {
			at = c.layers[i].at
		}
	}
	c.report(c.spec.Problem(at, err.Error(), hint))
}

// source is the file or directory that a layer is made of.
func (l *chosen) source() string {
	if len(l.Files) == 1 {
		return l.Files[0]
	}
	return l.Path
}

// withRole lists the layers of a role.
func (c *composition) withRole(name string) []*chosen {
	var found []*chosen
	for _, l := range c.layers {
		if l.Role == name {
			found = append(found, l)
		}
	}
	return found
}

// overlay lays the config fields of the declaration over those read out of the files.
func (c *composition) overlay(derived map[string]any) map[string]any {
	return merge(merge(c.kind.Config.Defaults, derived), c.spec.Config)
}

// merge lays one JSON object over another, object by object.
func merge(below, above map[string]any) map[string]any {
	merged := maps.Clone(below)
	if merged == nil {
		merged = make(map[string]any, len(above))
	}
	for key, value := range above {
		inner, isObject := value.(map[string]any)
		under, wasObject := merged[key].(map[string]any)
		if isObject && wasObject {
			value = merge(under, inner)
		}
		merged[key] = value
	}
	return merged
}

// constant is the finish of a config that does not depend on the packed layers.
func constant(config any) (finishFunc, error) {
	encoded, err := encodeJSON(config)
	if err != nil {
		return nil, err
	}
	return func([]Packed) (Finished, error) { return Finished{Config: encoded}, nil }, nil
}

// encodeJSON writes JSON as configs have it: object keys sorted where a map gives them, no escaped HTML, no line end.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// finish derives the config.
func (c *composition) finish() finishFunc {
	var finish finishFunc
	var err error
	if name := c.kind.Config.Derive; name == "" {
		finish, err = constant(c.overlay(nil))
	} else if derive, ok := c.table.Derive[name]; ok {
		finish, err = derive(c)
	} else {
		err = fmt.Errorf("config: nothing derives %q", name)
	}
	if err != nil {
		c.refuseError(err)
	}
	return finish
}

// configType is the media type of the config.
func (c *composition) configType() string {
	if c.ownConfig != "" {
		return c.ownConfig
	}
	if c.kind.Config.MediaType == "" || c.kind.Config.Optional && len(c.spec.Config) == 0 {
		return mediatypes.EmptyJSON
	}
	return c.kind.Config.MediaType
}

func (c *composition) artifactType() string {
	switch {
	case c.spec.ArtifactType != "":
		return c.spec.ArtifactType
	case c.ownType != "":
		return c.ownType
	case c.kind.TypeFromLayer && len(c.layers) > 0:
		return c.layers[0].MediaType
	}
	return c.kind.ArtifactType
}

// checkUse reports fields that the kind can't use.
func (c *composition) checkUse() {
	spec, kind := c.spec, c.kind
	if t := spec.ArtifactType; t != "" && kind.Name != "generic" && spec.Own == nil && !IsKindFile(spec.Kind) && !kind.Has(t) {
		c.report(spec.Problem("/artifactType", fmt.Sprintf("kind %q has a type of its own", kind.Name), "use kind generic, or a kind file"))
	}
	if spec.Base != "" && kind.Shape != mediatypes.Image && kind.Name != "" {
		c.report(spec.Problem("/base", fmt.Sprintf("kind %q builds on no base", kind.Name), "image and volume do"))
	}
	if len(spec.Config) > 0 && kind.Config.MediaType == "" && kind.Name != "" {
		c.report(spec.KeyProblem("/config", fmt.Sprintf("kind %q has no config fields", kind.Name), ""))
	}
}

// checkConfig holds the declared fields against the kind's schema; where nothing is derived, the whole config.
func (c *composition) checkConfig() {
	if len(c.kind.Config.Schema) == 0 || c.kind.Config.Derive != "" && len(c.spec.Config) == 0 {
		return
	}
	config := c.spec.Config
	if c.kind.Config.Derive == "" {
		config = c.overlay(nil)
	}
	faults, err := checkAgainst(c.kind.Config.Schema, config)
	if err != nil {
		c.report(c.spec.Problem("/kind", fmt.Sprintf("config schema of kind %q: %v", c.kind.Name, err), ""))
	}
	for _, f := range faults {
		c.report(configProblem(c.spec, f))
	}
}

// checkAgainst validates a value of any JSON-like Go types.
func checkAgainst(schema map[string]any, value any) ([]fault, error) {
	checker, err := newSchemaChecker(schema)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := decodeValue(value, &plain); err != nil {
		return nil, err
	}
	return checker.check(plain), nil
}

// checkRoles reports roles with too few or too many layers.
func (c *composition) checkRoles() {
	if len(c.spec.Layers) == 0 {
		return // a problem of the Spec already
	}
	for _, name := range c.kind.Roles() {
		fewest, most := bounds(c.kind, name)
		layers := c.withRole(name)
		if len(layers) < fewest && !c.maybeUnfound(name) {
			c.report(c.spec.Problem("/layers", fmt.Sprintf("kind %q needs %s with role %q", c.kind.Name, count(fewest), name), c.table.expected(c.kind, name)))
		}
		if most > 0 && len(layers) > most {
			c.refuse(layers[most], "", "kind %q takes %s with role %q, this is one more", c.kind.Name, count(most), name)
		}
	}
}

// maybeUnfound tells whether a file that is not there could have played a role.
func (c *composition) maybeUnfound(role string) bool {
	return slices.ContainsFunc(c.unfound, func(l LayerSpec) bool {
		return l.As == role || l.As == "" && slices.ContainsFunc(c.kind.Layers, func(t mediatypes.LayerType) bool {
			return t.Role == role && (len(t.Match) == 0 || matches(t, l.Path, false) || matches(t, l.Path, true) || isGlob(l.Path))
		})
	})
}

// order puts the layers into the kind's order.
func (c *composition) order() {
	switch c.kind.Order {
	case mediatypes.ByTitle:
		slices.SortStableFunc(c.layers, func(a, b *chosen) int { return strings.Compare(a.Title, b.Title) })
	case mediatypes.ByRole:
		roles := c.kind.Roles()
		slices.SortStableFunc(c.layers, func(a, b *chosen) int {
			return slices.Index(roles, a.Role) - slices.Index(roles, b.Role)
		})
	}
}

// checkTitles reports titles that no pull could place side by side.
func (c *composition) checkTitles() {
	first := map[string]*chosen{}
	for _, l := range c.layers {
		if l.Title == "" {
			continue
		}
		if other, taken := first[l.Title]; taken {
			c.refuse(l, "", "layers %q and %q have one title, %q", other.Path, l.Path, l.Title)
			continue
		}
		first[l.Title] = l
	}
	for _, l := range c.layers {
		for i, r := range l.Title {
			if other, taken := first[l.Title[:i]]; r == '/' && taken && other.Packing == mediatypes.Raw {
				c.refuse(l, "", "title %q lies below %q, which is a file", l.Title, other.Title)
			}
		}
	}
}

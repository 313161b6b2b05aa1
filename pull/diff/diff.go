// Package diff compares artifacts, and directories with artifacts.
package diff

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/listing"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// Change is the way in which two files differ.
type Change string

// The changes of files.
const (
	Added   Change = "added"   // only the second side has the file
	Removed Change = "removed" // only the first side has the file
	Content Change = "content" // the bytes, or the target of a link, differ
	ModeBit Change = "mode"    // the bytes are the same, but type or permissions differ
)

// Side is one of the two artifacts being compared.
type Side struct {
	Source   oras.ReadOnlyTarget
	Ref      string
	Platform *ocispec.Platform // for an index; nil means that of this machine
}

// Difference lists the differences between two artifacts. Its JSON is for scripts.
type Difference struct {
	Same        bool              `json:"same"`
	From        digest.Digest     `json:"from"`
	To          digest.Digest     `json:"to"`
	Platform    *ocispec.Platform `json:"platform,omitempty"` // chosen from an index, if one of the two is an index
	Files       []FileChange      `json:"files"`
	Config      []FieldChange     `json:"config"`
	Annotations []FieldChange     `json:"annotations"`
	Manifest    []FieldChange     `json:"manifest,omitempty"`  // types, and the digests of the layers if no file differs
	Tags        []FieldChange     `json:"tags,omitempty"`      // tags that point to the artifacts; only on request
	Referrers   []FieldChange     `json:"referrers,omitempty"` // digests of referrers, with their artifactTypes; only on request
}

// Options select comparisons in addition to files, config, and annotations.
type Options struct {
	Text      bool // the lines of small text files
	Tags      bool // the tags that point to each artifact
	Referrers bool // the referrers of each artifact
	Inside    bool // files in any tars that a pull leaves packed, instead of only those that the kind packs
}

// FileChange is a file that differs.
type FileChange struct {
	Path   string     `json:"path"`
	Change Change     `json:"change"`
	From   *pull.File `json:"from,omitempty"`
	To     *pull.File `json:"to,omitempty"`
	Text   string     `json:"text,omitempty"` // the lines that differ, as diff -u writes them; only on request
}

// FieldChange is a field of a config, or an annotation, that differs. A side without the field is null.
type FieldChange struct {
	Field string `json:"field"`
	From  any    `json:"from"`
	To    any    `json:"to"`
}

// Artifacts compares the files, configs, and annotations of two artifacts, and whatever opts selects. In place of archives that the kind
// packs, such as charts, it compares the files in them, unless the archive can't be read or is larger than 32 MiB. It reads no layers if
// the artifacts have the same digest and, except for images, no layer that both have. It compares the lines of at most 200
// files of at most 256 KiB each, 16 MiB in all, and resolves at most 1,000 tags.
//
// If no platform is chosen for two indexes and both have the same manifest for this machine, Artifacts compares those for the first
// platform that differs or, if only one index has it, the indexes.
//
// Artifacts returns errdef.ErrNotFound if an artifact or a manifest for its platform does not exist, and artifact.ErrRefused
// if a layer does not match its digest or is unsafe.
func Artifacts(ctx context.Context, a, b Side, opts Options) (*Difference, error) {
	p, err := resolveSides(ctx, a, b)
	if err != nil {
		return nil, err
	}
	from, to := p.from, p.to
	d := &Difference{From: from.Desc.Digest, To: to.Desc.Digest, Files: []FileChange{}, Config: []FieldChange{}, Annotations: []FieldChange{}}
	if opts.Tags {
		if d.Tags, err = diffTags(ctx, a, b, d.From, d.To); err != nil {
			return nil, err
		}
	}
	if opts.Referrers {
		if d.Referrers, err = diffReferrers(ctx, a, b, from.Desc, to.Desc); err != nil {
			return nil, err
		}
	}
	if err := d.compare(ctx, p, opts); err != nil {
		return nil, err
	}
	if d.From != d.To && len(d.Files)+len(d.Config)+len(d.Annotations)+len(d.Manifest) == 0 {
		d.Manifest = []FieldChange{{Field: "digest", From: d.From.String(), To: d.To.String()}} // such as other white space in the JSON
	}
	d.Same = d.From == d.To && len(d.Tags)+len(d.Referrers) == 0
	return d, nil
}

// A pair is two sides and their manifests.
type pair struct {
	a, b     Side
	from, to *fetch.Manifest
	inside   bool // see Options.Inside
}

func resolveSides(ctx context.Context, a, b Side) (p pair, err error) {
	p = pair{a: a, b: b}
	if p.from, err = fetch.Resolve(ctx, a.Source, a.Ref); err == nil {
		p.to, err = fetch.Resolve(ctx, b.Source, b.Ref)
	}
	return p, err
}

// compare compares the manifests for one platform, unless they are the same. Of two indexes, it compares the manifests that differ.
func (d *Difference) compare(ctx context.Context, p pair, opts Options) error {
	if d.From == d.To {
		return nil
	}
	indexes := p
	same, err := d.chooseManifests(ctx, &p)
	if err != nil {
		return err
	}
	if same {
		d.compareIndexes(indexes.from, indexes.to)
		return nil
	}
	p.inside = opts.Inside
	a, b, from, to := p.a, p.b, p.from, p.to
	if d.From, d.To = from.Desc.Digest, to.Desc.Digest; d.From == d.To {
		return nil
	}
	if d.Files, err = diffFiles(ctx, p); err != nil {
		return err
	}
	if d.Config, err = diffConfigs(ctx, a, b, from, to); err != nil {
		return err
	}
	d.Annotations = diffFields(anyMap(from.Annotations), anyMap(to.Annotations))
	d.Manifest = diffManifests(from, to, len(d.Files) == 0)
	if opts.Text {
		return addTexts(ctx, p, d.Files)
	}
	return nil
}

// diffManifests compares types and subjects and, if layers is set, the layers.
func diffManifests(from, to *fetch.Manifest, layers bool) []FieldChange {
	a := map[string]any{"artifactType": from.ArtifactType, "mediaType": from.Desc.MediaType, "config.mediaType": from.Config.MediaType}
	b := map[string]any{"artifactType": to.ArtifactType, "mediaType": to.Desc.MediaType, "config.mediaType": to.Config.MediaType}
	if from.Subject != nil {
		a["subject"] = from.Subject.Digest
	}
	if to.Subject != nil {
		b["subject"] = to.Subject.Digest
	}
	if layers {
		a["layers"], b["layers"] = layerTypes(from), layerTypes(to)
	}
	return diffFields(a, b)
}

func layerTypes(m *fetch.Manifest) []any {
	var list []any
	for _, l := range m.Layers {
		list = append(list, []any{l.MediaType, l.Digest, l.Annotations})
	}
	return list
}

// diffFiles compares the files of both sides, except those in layers that both have. It reads each layer of two images once.
func diffFiles(ctx context.Context, p pair) ([]FileChange, error) {
	left, right := *p.from, *p.to
	left.Layers, right.Layers = layersWithout(p.from, p.to), layersWithout(p.to, p.from)
	opts := listing.Options{Digests: true, Inside: p.inside, Archives: true, Layers: make(map[digest.Digest][]pull.File)}
	old, _, err := listing.Files(ctx, p.a.Source, &left, opts)
	if err != nil {
		return nil, err
	}
	now, _, err := listing.Files(ctx, p.b.Source, &right, opts)
	if err != nil {
		return nil, err
	}
	changes := []FileChange{}
	err = pairFiles(old, now, func(a, b *pull.File) error {
		if c := changeOf(a, b); c != nil {
			changes = append(changes, *c)
		}
		return nil
	})
	return changes, err
}

// nextPath returns which of two sorted lists has the next path: -1 for the first, 1 for the second, or 0 for both.
func nextPath(a, b []pull.File) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return cmp.Compare(a[0].Path, b[0].Path)
}

// compareFiles returns the change from a to b. It returns false if the files are the same.
func compareFiles(a, b *pull.File) (Change, bool) {
	switch {
	case a.Digest != b.Digest || a.Link != b.Link || a.Digest == "" && a.Size != b.Size:
		return Content, true
	case a.Mode != b.Mode:
		return ModeBit, true
	}
	return "", false
}

// layersWithout returns the layers that the other side does not have with the same annotations. It returns all layers of an image,
// since each can hide files of earlier ones.
func layersWithout(m, other *fetch.Manifest) []ocispec.Descriptor {
	if m.IsImage() || other.IsImage() {
		return m.Layers
	}
	var layers []ocispec.Descriptor
	for _, l := range m.Layers {
		if !slices.ContainsFunc(other.Layers, func(o ocispec.Descriptor) bool {
			return o.Digest == l.Digest && o.MediaType == l.MediaType && reflect.DeepEqual(o.Annotations, l.Annotations)
		}) {
			layers = append(layers, l)
		}
	}
	return layers
}

// diffConfigs compares the fields of two JSON objects, and other configs by digest.
func diffConfigs(ctx context.Context, a, b Side, from, to *fetch.Manifest) ([]FieldChange, error) {
	if from.Config.Digest == to.Config.Digest {
		return []FieldChange{}, nil
	}
	old, err := readConfigFields(ctx, a.Source, *from.Config)
	if err != nil {
		return nil, err
	}
	now, err := readConfigFields(ctx, b.Source, *to.Config)
	if err != nil {
		return nil, err
	}
	return diffFields(old, now), nil
}

// readConfigFields reads a config into values by names such as "config.quantization". A config that is not a JSON object has only its
// digest as a value.
func readConfigFields(ctx context.Context, src oras.ReadOnlyTarget, desc ocispec.Descriptor) (map[string]any, error) {
	b, err := fetch.FetchBlob(ctx, src, desc)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var object map[string]any
	if dec.Decode(&object) != nil {
		return map[string]any{"": desc.Digest.String()}, nil
	}
	fields := make(map[string]any)
	flatten(fields, "", object)
	return fields, nil
}

// maxField limits the length of the names of nested fields. Without it, the names of deeply nested fields could be far longer than
// the config.
const maxField = 500

func flatten(fields map[string]any, prefix string, object map[string]any) {
	for name, value := range object {
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 && len(prefix)+len(name) < maxField {
			flatten(fields, prefix+name+".", inner)
			continue
		}
		fields[prefix+name] = value
	}
}

func anyMap(m map[string]string) map[string]any {
	all := make(map[string]any, len(m))
	for k, v := range m {
		all[k] = v
	}
	return all
}

// diffFields returns the differing fields, sorted.
func diffFields(a, b map[string]any) []FieldChange {
	changes := []FieldChange{}
	for field, old := range a {
		if now, ok := b[field]; !ok || !reflect.DeepEqual(old, now) {
			changes = append(changes, FieldChange{field, old, now})
		}
	}
	for field, now := range b {
		if _, ok := a[field]; !ok {
			changes = append(changes, FieldChange{field, nil, now})
		}
	}
	lists.Sort(changes, func(x, y FieldChange) int { return cmp.Compare(x.Field, y.Field) })
	return changes
}

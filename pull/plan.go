package pull

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// item is a layer to be pulled.
type item struct {
	index  int // in the manifest
	desc   ocispec.Descriptor
	role   string
	name   string // of the file; of a tar that is unpacked, for messages alone
	unpack bool   // it is a tar that becomes a tree
	sniff  bool   // only if it looks like one
	within string // directory that all entries of the tar must be in; "" for any
	strip  string // leading directory that entries lose; those outside it are left out
	image  bool   // entries may be whiteouts and may replace those of earlier layers
	joined bool   // with the others of its name it becomes one tar
}

// newItems decides for each layer what becomes of it.
func newItems(ctx context.Context, src content.Fetcher, m *manifest, opts Options) ([]*item, error) {
	kind := m.kind()
	chart := ""
	var items []*item
	for i, layer := range m.Layers {
		if layer.MediaType == ocispec.MediaTypeEmptyJSON && layerName(layer) == "" {
			continue
		}
		it := &item{index: i, desc: layer, role: roleOf(kind, layer.MediaType)}
		if len(opts.Roles) > 0 && !slices.Contains(opts.Roles, it.role) {
			continue
		}
		if layerName(layer) == "" && m.Config.MediaType == helmConfig && chart == "" {
			var err error
			if chart, err = chartName(ctx, src, *m.Config); err != nil {
				return nil, err
			}
		}
		if err := it.settle(m, kind, chart, opts); err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	if len(items) == 0 && len(m.Layers) > 0 && len(opts.Roles) > 0 {
		return nil, fmt.Errorf("layers with the role %s: %w", strings.Join(opts.Roles, ", "), errdef.ErrNotFound)
	}
	if err := checkNames(items); err != nil {
		return nil, err
	}
	match, err := newMatcher(opts.Include)
	return slices.DeleteFunc(items, func(it *item) bool { return !it.unpack && !match.match(it.name) }), err
}

// settle decides name and unpacking of an item.
func (it *item) settle(m *manifest, kind mediatypes.Kind, chart string, opts Options) error {
	name := layerName(it.desc)
	if !opts.NoUnpack {
		it.decideUnpack(m, kind, name)
	}
	switch {
	case name != "":
	case it.desc.MediaType == helmChart && chart != "":
		name = chart + ".tgz"
	case it.desc.MediaType == helmProvenance && chart != "":
		name = chart + ".tgz.prov"
	default:
		name = derivedName(it.desc)
	}
	if opts.NoUnpack && isTar(it.desc) {
		name = tarName(name, it.desc.MediaType)
	}
	clean, err := cleanName(name)
	if err != nil {
		return &artifact.Error{Op: "layer", Item: it.desc.Digest.String(), Err: err}
	}
	it.name = clean
	return nil
}

// decideUnpack tells whether a layer is a tar that becomes a tree: because oras or davit marked it, because it is a
// layer of an image, or because that is what its role in the kind is.
func (it *item) decideUnpack(m *manifest, kind mediatypes.Kind, name string) {
	dir, ours := oci.Directory(it.desc)
	switch {
	case ours:
		it.unpack, it.within = true, dir
	case it.desc.Annotations[oci.AnnotationUnpack] == "true":
		it.unpack, it.within = true, path.Clean(name)
	case kind.Shape == mediatypes.Image || kind.Name == "generic" && m.isImage():
		it.unpack, it.image = true, true
		if kind.Name == mediatypes.Volume {
			it.strip = oci.CleanDir(prefixOf(kind))
		}
	case isTarRole(kind, it.role, it.desc.MediaType):
		it.unpack, it.sniff = true, true
	}
}

// isImage tells whether the manifest is a container image.
func (m *manifest) isImage() bool {
	return m.ArtifactType == "" && m.Config != nil && mediatypes.OfImage(m.Config.MediaType)
}

// roleOf is the role whose media type a layer has. Where the artifact has the type of its layer, the layer may have each of
// the kind's: others write some that davit does not.
func roleOf(kind mediatypes.Kind, mediaType string) string {
	for _, l := range kind.Layers {
		if l.MediaType == mediaType {
			return l.Role
		}
		for _, other := range l.MediaTypes {
			if other == mediaType {
				return l.Role
			}
		}
	}
	if kind.TypeFromLayer && len(kind.Layers) > 0 && slices.Contains(kind.Types, mediaType) {
		return kind.Layers[0].Role
	}
	return ""
}

// prefixOf is what a kind puts before the names in its tars.
func prefixOf(kind mediatypes.Kind) string {
	for _, l := range kind.Layers {
		if l.Prefix != "" {
			return l.Prefix
		}
	}
	return ""
}

// isTarRole tells whether a layer of this role and type is a directory. Charts stay the archives that helm takes; the
// generic kind has tar types too, but oras gives them to any file: there the annotation alone counts.
func isTarRole(kind mediatypes.Kind, role, mediaType string) bool {
	if kind.Name == "generic" || kind.Name == "helm" {
		return false
	}
	for _, l := range kind.Layers {
		for _, packing := range []mediatypes.Packing{mediatypes.Tar, mediatypes.TarGzip, mediatypes.TarZstd} {
			if t, ok := l.For(packing); ok && l.Role == role && t == mediaType {
				return true
			}
		}
	}
	return false
}

// isTar tells whether a layer is a tar by what it says of itself.
func isTar(desc ocispec.Descriptor) bool {
	_, ours := desc.Annotations[oci.AnnotationDirectory]
	return ours || desc.Annotations[oci.AnnotationUnpack] == "true"
}

// tarName is the name of a directory's tar that is not unpacked.
func tarName(name, mediaType string) string {
	ext := extension(mediaType)
	if ext == "" {
		ext = ".tar"
	}
	if strings.HasSuffix(name, ext) {
		return name
	}
	return strings.TrimSuffix(path.Clean(name), "/") + ext
}

// matcher chooses files by patterns.
type matcher []string

// newMatcher checks the patterns.
func newMatcher(patterns []string) (matcher, error) {
	for _, p := range patterns {
		if !doublestar.ValidatePattern(p) {
			return nil, &artifact.Error{Op: "pattern", Item: p, Err: fault.Worded("not a glob", artifact.ErrInvalid)}
		}
	}
	return matcher(patterns), nil
}

// match tells whether the path, or a directory it is in, fits one of the patterns. No pattern means all.
func (m matcher) match(name string) bool {
	if len(m) == 0 {
		return true
	}
	for _, pattern := range m {
		pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "./"), "/")
		for dir := name; dir != "." && dir != "/"; dir = path.Dir(dir) {
			if ok, _ := doublestar.Match(pattern, dir); ok {
				return true
			}
			if !strings.Contains(pattern, "/") {
				if ok, _ := doublestar.Match(pattern, path.Base(dir)); ok {
					return true
				}
			}
		}
	}
	return false
}

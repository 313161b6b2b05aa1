package fetch

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fetch/extension"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// Item is a layer to be pulled.
type Item struct {
	Index  int // in the manifest
	Desc   ocispec.Descriptor
	Role   string
	Name   string // of the file; only for messages if the tar is unpacked
	Unpack bool   // it is a tar to unpack into a tree
	Sniff  bool   // unpack only if the content is a tar
	Within string // directory that all entries of the tar must be in, or "" for any
	Strip  string // leading directory that is removed from names; entries outside it are left out
	Image  bool   // entries may be whiteouts and may replace those of earlier layers
	Rooted bool   // names in the tar may begin with a slash
	Joined bool   // becomes one tar together with the other items of the same name
	Packed bool   // a pull leaves it packed, and Unpack is set only to look into it
}

// Selection selects files of an artifact.
type Selection struct {
	Include  []string // patterns; all files if empty
	Roles    []string // of layers; all if empty
	NoUnpack bool     // tars stay packed
	Inside   bool     // look into tars that a pull leaves packed, too
	Archives bool     // look into those of them that the kind packs, such as charts, if they have at most VerifiedFirst bytes
}

// NewItems returns the layers that may have the chosen files, and decides how each is placed.
func NewItems(ctx context.Context, src content.Fetcher, m *Manifest, chosen Selection) ([]*Item, error) {
	k := kinds.Of(m.Kind())
	names := &namer{src: src, pull: k.Pull, m: m}
	var items []*Item
	for i, layer := range m.Layers {
		if layer.MediaType == ocispec.MediaTypeEmptyJSON && LayerName(layer) == "" {
			continue
		}
		it := &Item{Index: i, Desc: layer, Role: RoleOf(k.Kind, layer.MediaType)}
		if len(chosen.Roles) > 0 && !slices.Contains(chosen.Roles, it.Role) {
			continue
		}
		name := LayerName(layer)
		if !chosen.NoUnpack {
			it.decideUnpack(m, k, name)
		}
		if name == "" {
			var err error
			if name, err = names.name(ctx, i); err != nil {
				return nil, err
			}
		}
		if err := it.setName(cmp.Or(name, DerivedName(layer)), chosen); err != nil {
			return nil, err
		}
		if !it.Unpack && (chosen.Inside && extension.IsTar(it.Name, layer.MediaType) || chosen.Archives && isArchive(k, it)) {
			it.Unpack, it.Sniff, it.Packed = true, true, true
		}
		items = append(items, it)
	}
	if len(items) == 0 && len(m.Layers) > 0 && len(chosen.Roles) > 0 {
		return nil, m.missingRole(chosen.Roles)
	}
	if err := checkNames(items); err != nil {
		return nil, err
	}
	match, err := NewMatcher(chosen.Include)
	return lists.Delete(items, func(it *Item) bool { return !it.Unpack && !match.Match(it.Name) }), err
}

// setName sets the item's name if it is valid for a file.
func (it *Item) setName(name string, chosen Selection) error {
	if chosen.NoUnpack && isTar(it.Desc) {
		name = extension.Tar(name, it.Desc.MediaType)
	}
	clean, err := CleanName(name)
	if err != nil {
		return &artifact.Error{Op: "layer", Item: it.Desc.Digest.String(), Err: err}
	}
	it.Name = clean
	return nil
}

// decideUnpack decides whether a layer is unpacked: if oras or davit marked it, in an image, or if its role in the kind is a directory.
func (it *Item) decideUnpack(m *Manifest, k kind.Kind, name string) {
	dir, ours := oci.Directory(it.Desc)
	switch {
	case ours:
		it.Unpack, it.Within = true, dir
	case it.Desc.Annotations[oci.AnnotationUnpack] == "true":
		it.Unpack, it.Within = true, path.Clean(name)
	case k.Shape == mediatypes.Image:
		it.Unpack, it.Image, it.Strip = true, true, oci.CleanDir(PrefixOf(k.Kind))
	case k.Pull.ImagesToo && m.IsImage():
		it.Unpack, it.Image = true, true
	case !k.Pull.Tars.Keep && IsTarRole(k.Kind, it.Role, it.Desc.MediaType):
		it.Unpack, it.Sniff, it.Rooted = true, true, k.Pull.Tars.Rooted
	}
}

// IsImage reports whether the manifest is a container image.
func (m *Manifest) IsImage() bool {
	return m.ArtifactType == "" && m.Config != nil && mediatypes.IsImageConfig(m.Config.MediaType)
}

// RoleOf returns the role of the layers with a media type, or "". If the artifact type is that of the layer, the
// layer may have any type of the kind: other tools write types that davit does not.
func RoleOf(kind mediatypes.Kind, mediaType string) string {
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

// PrefixOf returns the prefix that a kind puts before the names in its tars, or "".
func PrefixOf(kind mediatypes.Kind) string {
	for _, l := range kind.Layers {
		if l.Prefix != "" {
			return l.Prefix
		}
	}
	return ""
}

// IsTarRole reports whether a layer of this role and type is a tar. Whether it is unpacked depends on the kind, too:
// Helm keeps charts as archives, and oras uses tar types for any file.
func IsTarRole(kind mediatypes.Kind, role, mediaType string) bool {
	for _, l := range kind.Layers {
		for _, packing := range []mediatypes.Packing{mediatypes.Tar, mediatypes.TarGzip, mediatypes.TarZstd} {
			if t, ok := l.For(packing); ok && l.Role == role && t == mediaType {
				return !l.File
			}
		}
	}
	return false
}

// HasArchives reports whether layers of the manifest's kind can be archives that the kind packs.
func HasArchives(m *Manifest) bool {
	k := kinds.Of(m.Kind())
	return k.Pull.PathInTar || slices.ContainsFunc(k.Layers, func(l mediatypes.LayerType) bool { return l.File })
}

// isArchive reports whether a layer is a small archive that the kind makes of a directory, and that native clients read as a file.
func isArchive(k kind.Kind, it *Item) bool {
	return it.Desc.Size <= VerifiedFirst && slices.ContainsFunc(k.Layers, func(l mediatypes.LayerType) bool {
		if l.Role != it.Role || !l.File && !k.Pull.PathInTar {
			return false
		}
		gzip, _ := l.For(mediatypes.TarGzip)
		tar, _ := l.For(mediatypes.Tar)
		return it.Desc.MediaType == gzip || it.Desc.MediaType == tar
	})
}

// isTar reports whether the annotations of a layer mark it as a tar to unpack.
func isTar(desc ocispec.Descriptor) bool {
	_, ours := desc.Annotations[oci.AnnotationDirectory]
	return ours || desc.Annotations[oci.AnnotationUnpack] == "true"
}

// Matcher selects files by patterns.
type Matcher []string

// NewMatcher returns a matcher for globs. It fails with artifact.ErrInvalid if one of them is not a glob.
func NewMatcher(patterns []string) (Matcher, error) {
	for _, p := range patterns {
		if !doublestar.ValidatePattern(p) {
			return nil, &artifact.Error{Op: "pattern", Item: p, Err: fault.Worded("not a glob", artifact.ErrInvalid)}
		}
	}
	return Matcher(patterns), nil
}

// Match reports whether the path, or one of its parent directories, matches one of the patterns. An empty Matcher matches
// every path.
func (m Matcher) Match(name string) bool {
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

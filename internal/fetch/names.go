package fetch

import (
	"cmp"
	"context"
	"errors"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch/extension"
	"github.com/davit-oci/davit/internal/kinds/kind"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// StagePrefix begins the names of davit's temporary directories in a destination.
const StagePrefix = ".davit-"

// maxName limits the length of a path, in bytes. No file system supports longer ones.
const maxName = 4096

// nameAnnotations are the annotations that name a layer; the first one that is set is used.
var nameAnnotations = []string{
	ocispec.AnnotationTitle,
	"org.cncf.model.filepath",
	"org.cnai.model.filepath",
	"com.docker.compose.file",
	"com.docker.compose.envfile",
}

// LayerName returns the name in a layer's annotations, or "".
func LayerName(layer ocispec.Descriptor) string {
	for _, key := range nameAnnotations {
		if name := layer.Annotations[key]; name != "" {
			return name
		}
	}
	return ""
}

// DerivedName returns a substitute for a missing name, derived from the digest and the media type.
func DerivedName(layer ocispec.Descriptor) string {
	return layer.Digest.Algorithm().String() + "-" + layer.Digest.Encoded() + extension.Of(layer.MediaType)
}

// namer derives the names of layers without a title, as the kind defines. It fetches the config once, if a name needs it.
type namer struct {
	src    content.Fetcher
	pull   kind.Pull
	m      *Manifest
	config []byte
	all    map[int]string // see kind.Pull.NameAll
}

// name returns the name of a layer, or "" if the kind does not name it.
func (n *namer) name(ctx context.Context, index int) (string, error) {
	layer := n.m.Layers[index]
	if n.pull.NameAll != nil && n.all == nil {
		n.all = n.pull.NameAll(n.m.Layers)
	}
	if name := n.all[index]; name != "" {
		return name, nil
	}
	if n.pull.Name == nil {
		return "", nil
	}
	if n.config == nil && n.pull.NeedsConfig != nil && n.pull.NeedsConfig(layer.MediaType) {
		var err error
		if n.config, err = FetchBlob(ctx, n.src, *n.m.Config); err != nil {
			return "", err
		}
	}
	name, err := n.pull.Name(n.config, layer)
	if err != nil && !errors.Is(err, artifact.ErrRefused) {
		err = artifact.Refused(n.m.Config.Digest.String(), "%w", err)
	}
	return name, err
}

// CleanName returns the clean form of a file name from an untrusted source. It fails with artifact.ErrRefused if the name is unsafe
// and, unlike os.Root, says why.
func CleanName(name string) (string, error) {
	clean := path.Clean(name)
	reason := ""
	switch {
	case name == "" || clean == ".":
		reason = "an empty name"
	case len(name) > maxName:
		name, reason = name[:64]+"…", "a name that is too long"
	case !utf8.ValidString(name):
		reason = "a name that is not UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		reason = "a name with control characters"
	case strings.Contains(name, `\`):
		reason = "a name with a backslash"
	case strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':':
		reason = "an absolute name"
	case strings.HasSuffix(name, "/"):
		reason = "a name that ends in a slash"
	case clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains("/"+name+"/", "/../"):
		reason = "a name that leaves the destination"
	case !filepath.IsLocal(filepath.FromSlash(clean)):
		reason = "a name that this system reserves"
	case strings.HasPrefix(clean, StagePrefix):
		reason = "a name that is reserved for files being pulled"
	}
	if reason != "" {
		return "", artifact.Refused(name, "%w", errors.New(reason))
	}
	return clean, nil
}

// checkNames returns an error if two files have the same name, or if another file needs the name of a file as a directory.
func checkNames(items []*Item) error {
	byName := make(map[string]*Item, len(items))
	for _, it := range items {
		if it.Unpack || it.Joined {
			continue
		}
		if other, ok := byName[it.Name]; ok {
			return artifact.Refused(it.Name, "two layers have this title: %s and %s", other.Desc.Digest, it.Desc.Digest)
		}
		byName[it.Name] = it
	}
	for name := range byName {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := byName[dir]; ok {
				return artifact.Refused(dir, "a file in one layer, but a directory in the layer %q", name)
			}
		}
	}
	return nil
}

// Titled returns the name of a layer for messages: the name in its annotations, or its digest. Inlined, it would add 3 KB to the program.
//
//go:noinline
func Titled(layer ocispec.Descriptor) string {
	return cmp.Or(LayerName(layer), layer.Digest.String())
}

// JoinedName returns the name of the tar that the layers are joined into: from the artifact's title if that is a valid file name, otherwise
// from its kind.
func (m *Manifest) JoinedName() string {
	name, err := CleanName(m.Annotations[ocispec.AnnotationTitle] + ".tar")
	if err != nil || strings.Contains(name, "/") || name == ".tar" {
		return m.Kind().Name + ".tar"
	}
	return name
}

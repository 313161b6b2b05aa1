package read

import (
	"cmp"
	"context"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/fetch/header"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/untrusted"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// readFacts returns the facts about the artifact, from its annotations and its config, and its options.
func (s *search) readFacts(ctx context.Context, m *fetch.Manifest) (facts []kind.Fact, options []kind.Option) {
	if s.opts.Path != "" {
		return nil, nil
	}
	if m.IsIndex() {
		return memberFacts(m), nil
	}
	if s.kind.Pull.Facts.Annotations != nil {
		facts, options = s.kind.Pull.Facts.Annotations(m.Annotations)
	}
	return append(facts, s.configFacts(ctx, m)...), options
}

// configFacts returns the facts about the artifact in its config, with its name, files, and license. Facts are optional: it returns nil
// if the config can't be read.
func (s *search) configFacts(ctx context.Context, m *fetch.Manifest) []kind.Fact {
	if s.kind.Pull.Facts.Config == nil || m.Config == nil || fetch.CheckDocument(*m.Config) != nil {
		return nil
	}
	config, err := fetch.FetchBlob(ctx, s.src, *m.Config)
	if err != nil {
		return nil
	}
	about := s.kind.Pull.Facts.Config(config)
	if ranger, ok := s.src.(fetch.Ranger); ok && s.kind.Pull.Facts.Files != nil {
		about = s.kind.Pull.Facts.Files(config, func(layer, path string) (io.ReaderAt, int64) { return openFile(ctx, ranger, m, layer, path) })
	}
	facts := kind.CompleteFacts(about, m.Annotations)
	if i := slices.IndexFunc(facts, func(f kind.Fact) bool { return f.Name == kind.FilesFact }); i >= 0 {
		files := facts[i]
		return append(slices.Delete(facts, i, i+1), files)
	} else if len(s.items) > 0 {
		facts = append(facts, kind.Fact{Name: kind.FilesFact, Value: s.summarizeFiles()})
	}
	return facts
}

// Limits of the facts about a collection.
const (
	maxMembers     = 200 // members
	maxDescription = 200 // characters of the description of a member
)

// memberFacts returns facts about a collection and, from the entries of its index, about its members.
func memberFacts(m *fetch.Manifest) []kind.Fact {
	facts := kind.CompleteFacts(nil, m.Annotations)
	for i, entry := range m.Manifests {
		if i == maxMembers {
			facts = append(facts, kind.Fact{Name: "more", Value: strconv.Itoa(len(m.Manifests) - i)})
			break
		}
		text := func(key string) string { return untrusted.Line(entry.Annotations[key], maxDescription) }
		value := strings.TrimSpace(text(ocispec.AnnotationVersion) + "  " + text(ocispec.AnnotationDescription))
		facts = append(facts, kind.Fact{Name: cmp.Or(text(ocispec.AnnotationTitle), entry.Digest.String()), Value: cmp.Or(value, entry.Digest.String())})
	}
	return facts
}

// openFile returns a reader of a file in a layer, or nil if there is no such file. layer is the digest of the layer. The
// reader fetches parts of the layer, and does not verify them.
func openFile(ctx context.Context, src fetch.Ranger, m *fetch.Manifest, layer, name string) (found io.ReaderAt, size int64) {
	i := slices.IndexFunc(m.Layers, func(l ocispec.Descriptor) bool { return l.Digest.String() == layer })
	if i < 0 {
		return nil, 0
	}
	blob := header.NewBlob(ctx, src, m.Layers[i])
	err := header.Each(blob, name, func(entry string, r io.ReaderAt, length int64) error {
		if found == nil && path.Clean(entry) == path.Clean(name) {
			found, size = r, length
		}
		return nil
	})
	if err != nil {
		return nil, 0 // facts are optional
	}
	return found, size
}

// summarizeFiles lists the first few files, and counts the others.
func (s *search) summarizeFiles() string {
	names := make([]string, len(s.items))
	for i, it := range s.items {
		names[i] = it.Name
	}
	return textdist.FirstFew(names)
}

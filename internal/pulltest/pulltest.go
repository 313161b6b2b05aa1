// Package pulltest provides sources and destinations for tests of pulling.
package pulltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
)

// Source is a memory store that counts calls, and can return wrong content or errors.
type Source struct {
	*memory.Store
	Fetched  atomic.Int32             // calls of Fetch
	Resolved atomic.Int32             // calls of Resolve
	Lie      map[digest.Digest][]byte // wrong content to return for a digest
	Fail     map[digest.Digest]error  // errors to return for a digest
	Before   func(digest.Digest)      // called before each fetch; may be nil
}

// NewSource returns an empty source.
func NewSource() *Source { return &Source{Store: memory.New()} }

// Resolve counts the call and resolves ref.
func (s *Source) Resolve(ctx context.Context, ref string) (ocispec.Descriptor, error) {
	s.Resolved.Add(1)
	return s.Store.Resolve(ctx, ref)
}

// Fetch counts the call, and returns the content of desc, unless Fail or Lie has its digest.
func (s *Source) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	s.Fetched.Add(1)
	if s.Before != nil {
		s.Before(desc.Digest)
	}
	if err := s.Fail[desc.Digest]; err != nil {
		return nil, err
	}
	if b, ok := s.Lie[desc.Digest]; ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	return s.Store.Fetch(ctx, desc)
}

// Add stores data as a blob and returns its descriptor.
func (s *Source) Add(t testing.TB, mediaType, data string) ocispec.Descriptor {
	t.Helper()
	desc := content.NewDescriptorFromBytes(mediaType, []byte(data))
	if err := s.Store.Push(t.Context(), desc, strings.NewReader(data)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		t.Fatal(err)
	}
	return desc
}

// Layer stores a layer. If title is empty, the layer has no title.
func (s *Source) Layer(t testing.TB, title, data string) ocispec.Descriptor {
	t.Helper()
	desc := s.Add(t, "text/plain", data)
	if title != "" {
		desc.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	}
	return desc
}

// Manifest stores a manifest with these layers and tags it.
func (s *Source) Manifest(t testing.TB, tag string, layers ...ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	s.Add(t, ocispec.MediaTypeEmptyJSON, "{}")
	return s.Document(t, tag, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.example.thing", Config: ocispec.DescriptorEmptyJSON, Layers: layers,
	})
}

// Document stores a manifest or index as JSON and tags it. v must have a mediaType.
func (s *Source) Document(t testing.TB, tag string, v any) ocispec.Descriptor {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var head struct{ MediaType string }
	if err := json.Unmarshal(b, &head); err != nil {
		t.Fatal(err)
	}
	desc := s.Add(t, head.MediaType, string(b))
	if err := s.Tag(t.Context(), desc, tag); err != nil {
		t.Fatal(err)
	}
	return desc
}

// Beside returns the path of the state file that a pull keeps beside a destination.
func Beside(dst *os.Root) string { return dst.Name() + ".state" }

// NewDir returns a new empty directory as a destination.
func NewDir(t testing.TB) *os.Root {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// Tree returns the contents of all files below a directory, by path. The path of a directory ends in a slash.
func Tree(t testing.TB, root *os.Root) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if d.IsDir() {
			files[path+"/"] = ""
			return nil
		}
		b, err := root.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// WantFiles checks that a destination has these files and no others.
func WantFiles(t *testing.T, root *os.Root, files map[string]string) {
	t.Helper()
	if got := Tree(t, root); fmt.Sprint(got) != fmt.Sprint(files) {
		t.Errorf("destination has %v, want %v", got, files)
	}
}

// Referrer stores a manifest with this subject, and tags it with a name that depends on its arguments.
func (s *Source) Referrer(t testing.TB, subject ocispec.Descriptor, artifactType, created string) ocispec.Descriptor {
	t.Helper()
	desc := s.Document(t, "r-"+digest.FromString(artifactType + created + subject.Digest.String()).Encoded()[:8], ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: s.Add(t, ocispec.MediaTypeEmptyJSON, "{}"), Layers: []ocispec.Descriptor{ocispec.DescriptorEmptyJSON},
		Subject: &subject, Annotations: map[string]string{ocispec.AnnotationCreated: created},
	})
	return desc
}

package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// file returns a raw layer of the file path.
func file(path string) artifact.Layer {
	return artifact.Layer{Path: path, Title: path, MediaType: "text/plain", Packing: mediatypes.Raw}
}

// plan returns a plan of an artifact with the given layers.
func plan(layers ...artifact.Layer) *artifact.Plan {
	return &artifact.Plan{
		Kind: mediatypes.Kind{Name: "generic"}, ArtifactType: "application/vnd.example.thing", Layers: layers,
	}
}

var files = fstest.MapFS{
	"a.txt":   {Data: []byte("hello\n")},
	"b.txt":   {Data: []byte("other\n")},
	"sbom.js": {Data: []byte("{}")},
}

func TestPushManifest(t *testing.T) {
	t.Parallel()
	dst := memory.New()
	r, err := Push(t.Context(), files, plan(file("a.txt"), file("b.txt")), dst, PushOptions{Tags: []string{"v1", "latest"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"artifactType":"application/vnd.example.thing","config":{"mediaType":"application/vnd.oci.empty.v1+json",` +
		`"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="},"layers":[` +
		`{"mediaType":"text/plain","digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","size":6,` +
		`"annotations":{"org.opencontainers.image.title":"a.txt"}},` +
		`{"mediaType":"text/plain","digest":"sha256:7e4fa2eb8c7ac089739d5defc4489fad68a100d92082ca35c6b40a4524821f87","size":6,` +
		`"annotations":{"org.opencontainers.image.title":"b.txt"}}]}`
	desc, got, err := oras.FetchBytes(t.Context(), dst, "latest", oras.DefaultFetchBytesOptions)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("manifest\n got %s\nwant %s", got, want)
	}
	if v1, err := dst.Resolve(t.Context(), "v1"); err != nil || v1.Digest != desc.Digest || r.Digest != desc.Digest {
		t.Errorf("got %v, %v for tag v1 and %v in the result, want %v", v1.Digest, err, r.Digest, desc.Digest)
	}
	if r.Skipped || len(r.Layers) != 2 || r.Kind != "generic" {
		t.Errorf("got %+v, want two layers and kind generic, not skipped", r)
	}
}

func TestPushAgainSkips(t *testing.T) {
	t.Parallel()
	dst := memory.New()
	p := plan(file("a.txt"))
	p.Referrers = []*artifact.Plan{plan(file("sbom.js"))}
	opts := PushOptions{Tags: []string{"v1"}}
	for i, want := range []bool{false, true, true} {
		r, err := Push(t.Context(), files, p, dst, opts)
		if err != nil {
			t.Fatal(err)
		}
		if r.Skipped != want {
			t.Errorf("push %d: got skipped %t, want %t", i, r.Skipped, want)
		}
	}
	opts.Tags = []string{"v1", "v2"}
	if r, err := Push(t.Context(), files, p, dst, opts); err != nil || r.Skipped {
		t.Errorf("with a new tag: got skipped %t, %v, want false", r.Skipped, err)
	}
}

func TestPushReferrers(t *testing.T) {
	t.Parallel()
	dst := memory.New()
	p := plan(file("a.txt"))
	p.Referrers = []*artifact.Plan{plan(file("sbom.js")), plan(file("b.txt"))}
	r, err := Push(t.Context(), files, p, dst, PushOptions{Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := dst.Predecessors(t.Context(), r.Descriptor())
	if err != nil || len(found) != 2 || len(r.Referrers) != 2 {
		t.Errorf("got %d referrers, %v, and %d in the result, want 2", len(found), err, len(r.Referrers))
	}
	if got := r.Referrers[0].Subject; got == nil || got.Digest != r.Digest {
		t.Errorf("got subject %v, want %v", got, r.Digest)
	}
}

func TestPushIndex(t *testing.T) {
	t.Parallel()
	dst := memory.New()
	amd, arm := plan(file("a.txt")), plan(file("b.txt"))
	amd.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	arm.Platform = &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	p := plan()
	p.Platforms = []*artifact.Plan{arm, amd}
	p.Referrers = []*artifact.Plan{plan(file("sbom.js"))}
	r, err := Push(t.Context(), files, p, dst, PushOptions{Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.MediaType != ocispec.MediaTypeImageIndex || len(r.Manifests) != 2 || r.Manifests[0].Platform != arm.Platform {
		t.Errorf("got %+v, want an index of two manifests, arm64 first", r)
	}
	if r.Referrers[0].Subject.Digest != r.Digest {
		t.Errorf("got subject %s, want the index %s", r.Referrers[0].Subject.Digest, r.Digest)
	}
	if err := oras.CopyGraph(t.Context(), dst, memory.New(), r.Descriptor(), oras.DefaultCopyGraphOptions); err != nil {
		t.Errorf("copying the index: %v", err)
	}
}

func TestSourceMatchesPush(t *testing.T) {
	t.Parallel()
	p := plan(file("a.txt"), artifact.Layer{Content: []byte("made"), Title: "c", MediaType: "text/plain"})
	p.Referrers = []*artifact.Plan{plan(file("sbom.js"))}
	src, err := Artifact(t.Context(), files, p, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dst := memory.New()
	if err := oras.ExtendedCopyGraph(t.Context(), src, dst, src.Root(), oras.DefaultExtendedCopyGraphOptions); err != nil {
		t.Fatal(err)
	}
	r, err := Push(t.Context(), files, p, dst, PushOptions{})
	if err != nil || !r.Skipped || r.Digest != src.Root().Digest {
		t.Errorf("got %v, skipped %t, %v, want %v, skipped", r.Digest, r.Skipped, err, src.Root().Digest)
	}
}

func TestChangedFileIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := Artifact(t.Context(), os.DirFS(dir), plan(file("a.txt")), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	_, err = src.Fetch(t.Context(), src.Result().Layers[0])
	if !errors.Is(err, artifact.ErrChanged) || !bytes.Contains([]byte(err.Error()), []byte("a.txt")) {
		t.Errorf("got %v, want ErrChanged for a.txt", err)
	}
}

// streamTarget accepts blobs without a known digest, and counts them. It calls change, if set, after reading a blob.
type streamTarget struct {
	*memory.Store
	mu      sync.Mutex
	unknown int
	change  func()
}

func (s *streamTarget) PushBlob(ctx context.Context, b artifact.Blob, report func(int64)) (
	ocispec.Descriptor, artifact.Step, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Digest == "" {
		s.unknown++
	}
	rc, err := b.Open(0)
	if err != nil {
		return ocispec.Descriptor{}, 0, err
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if s.change != nil {
		s.change()
	}
	if err != nil {
		return ocispec.Descriptor{}, 0, err
	}
	desc := content.NewDescriptorFromBytes(b.MediaType, data)
	if ok, _ := s.Exists(ctx, desc); ok {
		return desc, artifact.Skipped, nil
	}
	return desc, artifact.Done, s.Push(ctx, desc, bytes.NewReader(data))
}

func TestLargeFilesGoInOnePass(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, size := range map[string]int64{"large": minOnePass, "small": 1000} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dst := &streamTarget{Store: memory.New()}
	p, opts := plan(file("small"), file("large")), PushOptions{Tags: []string{"v1"}}
	r, err := Push(t.Context(), os.DirFS(dir), p, dst, opts)
	if err != nil || dst.unknown != 1 {
		t.Fatalf("got %d blobs without a digest, %v, want 1", dst.unknown, err)
	}
	if want := digest.FromBytes(make([]byte, minOnePass)); r.Layers[1].Digest != want || r.Layers[1].Size != minOnePass {
		t.Errorf("got %v, want %v", r.Layers[1], want)
	}
	// The tag now has a layer of this size, so the digest is computed first.
	if r, err := Push(t.Context(), os.DirFS(dir), p, dst, opts); err != nil || dst.unknown != 1 || !r.Skipped {
		t.Errorf("again: got %d blobs without a digest, skipped %t, %v, want 1 in total, skipped", dst.unknown, r.Skipped, err)
	}
	path := filepath.Join(dir, "large")
	dst.change = func() { os.Chtimes(path, time.Time{}, time.Unix(1, 0)) }
	if _, err := Push(t.Context(), os.DirFS(dir), p, dst, PushOptions{}); !errors.Is(err, artifact.ErrChanged) {
		t.Errorf("a file that changes: got %v, want ErrChanged", err)
	}
}

func TestFinishSeesManifestOrder(t *testing.T) {
	t.Parallel()
	p := plan(file("b.txt"), file("a.txt"))
	p.Kind.Order, p.ConfigType = mediatypes.ByTitle, "application/vnd.example.config+json"
	p.Finish = func(layers []artifact.Packed) (artifact.Finished, error) {
		b, err := json.Marshal([]string{layers[0].Title, layers[1].DiffID.String()})
		return artifact.Finished{Config: b, Annotations: map[string]string{"k": "v"}}, err
	}
	src, err := Artifact(t.Context(), files, p, nil, Options{Created: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	r := src.Result()
	config, err := content.FetchAll(t.Context(), src, *r.Config)
	if want := `["a.txt","` + r.Layers[1].Digest.String() + `"]`; err != nil || string(config) != want {
		t.Errorf("config: got %s, %v, want %s", config, err, want)
	}
	if r.Annotations["k"] != "v" || r.Annotations[ocispec.AnnotationCreated] != "1970-01-01T00:00:01Z" {
		t.Errorf("annotations: got %v, want k=v and the created time", r.Annotations)
	}
}

// strictTarget rejects manifests while a blob is lost, as registries do. It records the blobs passed to Exists.
type strictTarget struct {
	*memory.Store
	mu      sync.Mutex
	checked map[digest.Digest]bool
	lost    digest.Digest // a blob that the registry lost; pushing it again restores it
	status  int           // the status code of the response to a manifest while a blob is lost
	puts    int           // the number of manifest uploads
}

func (s *strictTarget) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked[desc.Digest] = true
	if desc.Digest == s.lost {
		return false, nil
	}
	return s.Store.Exists(ctx, desc)
}

func (s *strictTarget) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if desc.Digest == s.lost {
		s.lost = ""
	}
	return s.Store.Push(ctx, desc, r)
}

func (*strictTarget) KeepsBlobs() bool { return true }

func (s *strictTarget) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, ref string) error {
	s.puts++
	if s.lost != "" {
		return &errcode.ErrorResponse{Method: "PUT", URL: &url.URL{Path: "/v2/"}, StatusCode: s.status}
	}
	if err := s.Push(ctx, desc, r); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	return s.Tag(ctx, desc, ref)
}

// TestPushChecksOnlyNewBlobs checks that a push does not check the blobs of the tag's previous manifest, unless the registry rejects the
// new manifest because it lost one of them.
func TestPushChecksOnlyNewBlobs(t *testing.T) {
	t.Parallel()
	dst := &strictTarget{Store: memory.New(), checked: make(map[digest.Digest]bool)}
	opts := PushOptions{Tags: []string{"v1"}}
	many := make(fstest.MapFS)
	var layers []artifact.Layer
	for i := range manyBlobs + 1 {
		name := fmt.Sprint("file", i)
		many[name] = &fstest.MapFile{Data: []byte(name)}
		layers = append(layers, file(name))
	}
	push := func(layers ...artifact.Layer) *Result {
		t.Helper()
		clear(dst.checked)
		r, err := Push(t.Context(), many, plan(layers...), dst, opts)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := push(layers[:manyBlobs]...)
	a, b := first.Layers[0].Digest, first.Layers[1].Digest
	if !dst.checked[a] || !dst.checked[b] {
		t.Errorf("new repository: got checks of %v, want all", dst.checked)
	}
	second := push(layers...)
	if dst.checked[a] || dst.checked[b] || !dst.checked[second.Layers[manyBlobs].Digest] {
		t.Errorf("one new blob: got checks of %v, want only the last of %v", dst.checked, second.Layers)
	}
	dst.lost, dst.status = b, 403
	clear(dst.checked)
	dst.puts = 0
	_, err := Push(t.Context(), many, plan(layers[:manyBlobs]...), dst, opts)
	if !errors.As(err, new(*errcode.ErrorResponse)) || dst.puts != 1 || dst.checked[a] {
		t.Errorf("without push access: got %v after %d attempts, checks of %v, want an ErrorResponse after 1, no checks", err, dst.puts, dst.checked)
	}
	dst.lost, dst.status = b, 400
	push(layers[:manyBlobs]...)
	if dst.lost != "" || !dst.checked[a] || !dst.checked[b] {
		t.Errorf("lost blob: got lost %q, checks of %v, want it restored, all checked", dst.lost, dst.checked)
	}
}

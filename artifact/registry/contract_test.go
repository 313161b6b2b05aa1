package registry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// stores returns functions by type of target. Each one creates an empty target, and returns a function that opens it; every call
// opens it again.
func stores(t *testing.T) map[string]func(t *testing.T) func() registry.Target {
	return map[string]func(t *testing.T) func() registry.Target{
		"layout":  func(t *testing.T) func() registry.Target { return opener(t, filepath.Join(t.TempDir(), "oci")) },
		"archive": func(t *testing.T) func() registry.Target { return opener(t, filepath.Join(t.TempDir(), "oci.tar")) },
		"registry": func(t *testing.T) func() registry.Target {
			return opener(t, registrytest.Start(t, registrytest.Options{}).Host+"/some/repo")
		},
		"registry without referrers": func(t *testing.T) func() registry.Target {
			return opener(t, registrytest.Start(t, registrytest.Options{NoReferrers: true}).Host+"/some/repo")
		},
		"distribution": func(t *testing.T) func() registry.Target {
			return opener(t, clients.SharedDistribution(t).Host+"/"+uniqueRepo())
		},
		"olareg": func(t *testing.T) func() registry.Target {
			return opener(t, clients.SharedOlareg(t).Host+"/"+uniqueRepo())
		},
	}
}

// uniqueRepo returns a repository that no other test uses.
func uniqueRepo() string { return "contract/" + strings.ToLower(rand.Text()) }

// opener returns a function that opens the target of a reference.
func opener(t *testing.T, reference string) func() registry.Target {
	ref, err := registry.Parse(reference)
	if err != nil {
		t.Fatal(err)
	}
	client := registry.New(registry.Options{CacheDir: t.TempDir()})
	return func() registry.Target {
		target, err := client.Open(t.Context(), ref, registry.Write)
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
}

func closeTarget(t *testing.T, target registry.Target) {
	t.Helper()
	if err := target.Close(t.Context(), nil); err != nil {
		t.Fatalf("closing: %v", err)
	}
}

// pushArtifact pushes an artifact with one layer.
func pushArtifact(t *testing.T, target oras.Target, layer string, subject *ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	blob, err := oras.PushBytes(t.Context(), target, "text/plain", []byte(layer))
	if err != nil {
		t.Fatalf("pushing a layer: %v", err)
	}
	config, err := oras.PushBytes(t.Context(), target, ocispec.MediaTypeEmptyJSON, []byte("{}"))
	if err != nil {
		t.Fatalf("pushing a config: %v", err)
	}
	manifest := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.test", Config: config, Layers: []ocispec.Descriptor{blob}, Subject: subject,
		Annotations: map[string]string{"layer": layer}}
	desc, err := oras.PushBytes(t.Context(), target, ocispec.MediaTypeImageManifest, marshal(t, manifest))
	if err != nil {
		t.Fatalf("pushing a manifest: %v", err)
	}
	return desc
}

func listTags(t *testing.T, target registry.Target) []string {
	t.Helper()
	var all []string
	if err := target.Tags(t.Context(), "", func(tags []string) error { all = append(all, tags...); return nil }); err != nil {
		t.Fatalf("listing tags: %v", err)
	}
	return all
}

// TestContract runs the same cases against each type of target.
func TestContract(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, open func() registry.Target){
		"round trip":         contractRoundTrip,
		"tags":               contractTags,
		"referrers":          contractReferrers,
		"delete":             contractDelete,
		"refused content":    contractRefuses,
		"large blobs":        contractPushBlob,
		"concurrent writers": contractConcurrent,
	}
	for store, start := range stores(t) {
		for name, test := range cases {
			if store == "olareg" && name == "concurrent writers" {
				continue // olareg 0.1 itself loses referrers that are put at the same time
			}
			t.Run(store+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t, start(t))
			})
		}
	}
}

func contractRoundTrip(t *testing.T, open func() registry.Target) {
	target := open()
	desc := pushArtifact(t, target, "hello", nil)
	if err := target.Tag(t.Context(), desc, "v1"); err != nil {
		t.Fatal(err)
	}
	closeTarget(t, target)

	target = open()
	defer closeTarget(t, target)
	for _, reference := range []string{"v1", desc.Digest.String()} {
		got, err := target.Resolve(t.Context(), reference)
		if err != nil || got.Digest != desc.Digest || got.Size != desc.Size || got.MediaType != desc.MediaType {
			t.Errorf("Resolve(%q) = %v, %v, want %v", reference, got, err, desc)
		}
	}
	layer := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromString("hello"), Size: 5}
	if data, err := content.FetchAll(t.Context(), target, layer); err != nil || string(data) != "hello" {
		t.Errorf("layer: got %q, %v, want hello", data, err)
	}
	for _, d := range []ocispec.Descriptor{desc, layer} {
		if ok, err := target.Exists(t.Context(), d); !ok || err != nil {
			t.Errorf("Exists(%v) = %v, %v, want true", d, ok, err)
		}
	}
	other := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromString("other"), Size: 5}
	if ok, err := target.Exists(t.Context(), other); ok || err != nil {
		t.Errorf("Exists of a missing blob = %v, %v, want false", ok, err)
	}
	if _, err := target.Fetch(t.Context(), other); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("Fetch of a missing blob: got %v, want not found", err)
	}
	if _, err := target.Resolve(t.Context(), "v2"); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("Resolve of a missing tag: got %v, want not found", err)
	}
}

func contractTags(t *testing.T, open func() registry.Target) {
	target := open()
	one, two := pushArtifact(t, target, "one", nil), pushArtifact(t, target, "two", nil)
	for _, tag := range []string{"b", "a", "latest"} {
		if err := target.Tag(t.Context(), one, tag); err != nil {
			t.Fatal(err)
		}
	}
	if err := target.Tag(t.Context(), two, "latest"); err != nil {
		t.Fatal(err)
	}
	closeTarget(t, target)

	target = open()
	if got, want := listTags(t, target), []string{"a", "b", "latest"}; !slices.Equal(got, want) {
		t.Errorf("got tags %q, want %q", got, want)
	}
	if got, err := target.Resolve(t.Context(), "latest"); err != nil || got.Digest != two.Digest {
		t.Errorf("latest: got %v, %v, want %v", got.Digest, err, two.Digest)
	}
	if got, err := target.Resolve(t.Context(), "a"); err != nil || got.Digest != one.Digest {
		t.Errorf("a: got %v, %v, want %v", got.Digest, err, one.Digest)
	}
	if err := target.Untag(t.Context(), "a"); err != nil {
		t.Fatalf("Untag: %v", err)
	}
	if err := target.Untag(t.Context(), "none"); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("Untag of a missing tag: got %v, want not found", err)
	}
	closeTarget(t, target)

	target = open()
	defer closeTarget(t, target)
	if got, want := listTags(t, target), []string{"b", "latest"}; !slices.Equal(got, want) {
		t.Errorf("after Untag: got tags %q, want %q", got, want)
	}
	if got, err := target.Resolve(t.Context(), one.Digest.String()); err != nil || got.Digest != one.Digest {
		t.Errorf("untagged manifest: got %v, %v, want %v", got.Digest, err, one.Digest)
	}
}

func contractReferrers(t *testing.T, open func() registry.Target) {
	target := open()
	subject := pushArtifact(t, target, "subject", nil)
	var want []digest.Digest
	for i := range 3 {
		want = append(want, pushArtifact(t, target, fmt.Sprint("referrer ", i), &subject).Digest)
	}
	closeTarget(t, target)

	target = open()
	defer closeTarget(t, target)
	var got []digest.Digest
	list := func(artifactType string) {
		got = nil
		err := target.Referrers(t.Context(), subject, artifactType, func(page []ocispec.Descriptor) error {
			for _, d := range page {
				got = append(got, d.Digest)
				if d.ArtifactType != "application/vnd.test" || d.Annotations["layer"] == "" {
					t.Errorf("got referrer %+v, want the artifactType and the annotations of its manifest", d)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
	}
	slices.Sort(want)
	if list("application/vnd.test"); !slices.Equal(got, want) {
		t.Errorf("got referrers %v, want %v", got, want)
	}
	if list("application/vnd.other"); len(got) != 0 {
		t.Errorf("referrers of another artifactType: got %v, want none", got)
	}
}

func contractDelete(t *testing.T, open func() registry.Target) {
	target := open()
	one, two := pushArtifact(t, target, "one", nil), pushArtifact(t, target, "two", nil)
	for tag, desc := range map[string]ocispec.Descriptor{"one": one, "too": one, "two": two} {
		if err := target.Tag(t.Context(), desc, tag); err != nil {
			t.Fatal(err)
		}
	}
	closeTarget(t, target)

	target = open()
	if err := target.Delete(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	closeTarget(t, target)

	target = open()
	defer closeTarget(t, target)
	if got, want := listTags(t, target), []string{"two"}; !slices.Equal(got, want) {
		t.Errorf("got tags %q, want %q", got, want)
	}
	if _, err := target.Resolve(t.Context(), one.Digest.String()); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("Resolve of a deleted manifest: got %v, want not found", err)
	}
	if err := target.Delete(t.Context(), one); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("Delete of a deleted manifest: got %v, want not found", err)
	}
	for want, mediaType := range map[string]string{"two": "text/plain", "{}": ocispec.MediaTypeEmptyJSON} { // both manifests had this config
		blob := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString(want), Size: int64(len(want))}
		if data, err := content.FetchAll(t.Context(), target, blob); err != nil || string(data) != want {
			t.Errorf("blob of the other manifest: got %q, %v, want %q", data, err, want)
		}
	}
}

func contractRefuses(t *testing.T, open func() registry.Target) {
	target := open()
	defer closeTarget(t, target)
	good := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromString("good"), Size: 4}
	for name, data := range map[string]string{"other": "evil", "shorter": "goo", "longer": "evils", "empty": ""} {
		if err := target.Push(t.Context(), good, bytes.NewReader([]byte(data))); err == nil {
			t.Errorf("Push of %s content: got no error", name)
		}
	}
	bad := ocispec.Descriptor{MediaType: "text/plain", Digest: "sha256:../../../etc", Size: 4}
	if err := target.Push(t.Context(), bad, bytes.NewReader([]byte("good"))); err == nil {
		t.Error("Push of a digest that is a path: got no error")
	}
	if _, err := target.Fetch(t.Context(), bad); err == nil {
		t.Error("Fetch of a digest that is a path: got no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := target.Push(ctx, good, bytes.NewReader([]byte("good"))); err == nil {
		t.Error("Push with a canceled context: got no error")
	}
	if ok, err := target.Exists(t.Context(), good); ok || err != nil {
		t.Errorf("Exists after refused pushes = %v, %v, want false", ok, err)
	}
}

type blobPusher interface {
	PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error)
}

func contractPushBlob(t *testing.T, open func() registry.Target) {
	name := filepath.Join(t.TempDir(), "file")
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile := func(offset int64) (io.ReadCloser, error) {
		f, err := os.Open(name)
		if err == nil {
			_, err = f.Seek(offset, io.SeekStart)
		}
		return f, err
	}
	fromStream := func(offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[offset:])), nil
	}
	target := open()
	want := digest.FromBytes(data)
	for name, blob := range map[string]artifact.Blob{
		"file":   {MediaType: "text/plain", Size: int64(len(data)), Open: fromFile},
		"stream": {MediaType: "text/plain", Size: -1, Open: fromStream},
		"known":  {MediaType: "text/plain", Size: int64(len(data)), Digest: want, Open: fromFile},
	} {
		desc, _, err := target.(blobPusher).PushBlob(t.Context(), blob, nil)
		if err != nil || desc.Digest != want || desc.Size != int64(len(data)) {
			t.Errorf("%s: got %v, %v, want digest %s and size %d", name, desc, err, want, len(data))
		}
	}
	config, err := oras.PushBytes(t.Context(), target, ocispec.MediaTypeEmptyJSON, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	layer := ocispec.Descriptor{MediaType: "text/plain", Digest: want, Size: int64(len(data))}
	manifest := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{layer}}
	if _, err := oras.TagBytes(t.Context(), target, ocispec.MediaTypeImageManifest, marshal(t, manifest), "big"); err != nil {
		t.Fatal(err)
	}
	closeTarget(t, target)

	target = open()
	defer closeTarget(t, target)
	got, err := content.FetchAll(t.Context(), target, layer)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d bytes, %v, want the %d bytes pushed", len(got), err, len(data))
	}
}

// contractConcurrent writes to a target from several goroutines at once, and checks that no tag or referrer is lost.
func contractConcurrent(t *testing.T, open func() registry.Target) {
	target := open()
	subject := pushArtifact(t, target, "subject", nil)
	if err := target.Tag(t.Context(), subject, "subject"); err != nil {
		t.Fatal(err)
	}
	closeTarget(t, target)

	const users = 6
	var group sync.WaitGroup
	for i := range users {
		group.Go(func() {
			target := open()
			desc := pushArtifact(t, target, fmt.Sprint("referrer ", i), &subject)
			if err := target.Tag(t.Context(), desc, fmt.Sprint("user", i)); err != nil {
				t.Errorf("user %d: %v", i, err)
			}
			if err := target.Close(t.Context(), nil); err != nil {
				t.Errorf("user %d: %v", i, err)
			}
		})
	}
	group.Wait()

	target = open()
	defer closeTarget(t, target)
	got := slices.DeleteFunc(listTags(t, target), func(tag string) bool { return strings.HasPrefix(tag, "sha256-") })
	if len(got) != users+1 {
		t.Errorf("got tags %q, want subject and %d more", got, users)
	}
	referrers, err := target.Predecessors(t.Context(), subject)
	if err != nil || len(referrers) != users {
		t.Errorf("got %d referrers, %v, want %d", len(referrers), err, users)
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

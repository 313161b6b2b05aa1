package pack_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/memory"
)

var previewFiles = fstest.MapFS{
	"a.txt": {Data: []byte("first")}, "b.txt": {Data: []byte("second")}, "c.txt": {Data: []byte("third")},
	"d/x": {Data: []byte("x")}, "d/y": {Data: []byte("y")},
}

func previewPlan(layers ...artifact.Layer) *artifact.Plan {
	return &artifact.Plan{Kind: mediatypes.Kind{Name: "generic"}, ArtifactType: "application/vnd.example", Layers: layers}
}

func previewFile(name string) artifact.Layer {
	return artifact.Layer{Path: name, Title: name, MediaType: "text/plain", Packing: mediatypes.Raw}
}

// tagLister is a store that lists the given tags.
type tagLister struct {
	*memory.Store
	tags []string
}

func (s tagLister) Tags(_ context.Context, _ string, fn func([]string) error) error {
	return fn(s.tags)
}

// sent records the digests of the blobs that a push reports as sent.
type sent struct {
	mu      sync.Mutex
	digests map[digest.Digest]bool
}

func (s *sent) Report(e artifact.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Step == artifact.Done {
		s.digests[e.Descriptor.Digest] = true
	}
}

// TestPreviewMatchesPush checks that Push does what PreviewPush reports.
func TestPreviewMatchesPush(t *testing.T) {
	t.Parallel()
	image := func(name, arch string) *artifact.Plan {
		p := previewPlan(previewFile(name))
		p.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		return p
	}
	index := previewPlan()
	index.Platforms = []*artifact.Plan{image("a.txt", "amd64"), image("b.txt", "arm64")}
	index.Referrers = []*artifact.Plan{previewPlan(previewFile("c.txt"))}
	withReferrer := previewPlan(previewFile("a.txt"), previewFile("a.txt"))
	withReferrer.Referrers = []*artifact.Plan{previewPlan(previewFile("a.txt"))}
	cascading := previewPlan(previewFile("a.txt"))
	cascading.Cascade, cascading.Tags = "1.2.4", []string{"1", "1.2", "1.2.4", "latest"}
	tests := map[string]struct {
		plan     *artifact.Plan
		existing []string
		opts     pack.PushOptions
		tags     []string
	}{
		"files":               {plan: previewPlan(previewFile("a.txt"), previewFile("b.txt")), tags: []string{"v1"}},
		"no layers":           {plan: previewPlan(), tags: []string{"v1"}},
		"directory":           {plan: previewPlan(artifact.Layer{Path: "d", Dir: true, Title: "d", MediaType: mediatypes.LayerTarGzip, Packing: mediatypes.TarGzip, Size: -1, Entries: spec.Entries{Prefix: "d/", Unpack: true}}), tags: []string{"v1"}},
		"index":               {plan: index, tags: []string{"v1"}},
		"referrer":            {plan: withReferrer, tags: []string{"v1"}},
		"subject":             {plan: previewPlan(previewFile("a.txt")), opts: pack.PushOptions{Subject: &ocispec.DescriptorEmptyJSON}, tags: []string{"v1"}},
		"first version":       {plan: cascading, tags: []string{"v1", "1", "1.2", "1.2.4", "latest"}},
		"older minor version": {plan: cascading, existing: []string{"1.3.0", "latest"}, tags: []string{"v1", "1.2", "1.2.4"}},
		"older patch version": {plan: cascading, existing: []string{"1.2.5", "2.0.0"}, tags: []string{"v1", "1.2.4"}},
	}
	for name, test := range tests {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, blob exists %t", name, again), func(t *testing.T) {
				t.Parallel()
				dst := tagLister{memory.New(), test.existing}
				opts := test.opts
				opts.Tags = []string{"v1", "v1"}
				if again { // the blob of a.txt exists
					if _, err := pack.Push(t.Context(), previewFiles, previewPlan(previewFile("a.txt")), dst, pack.PushOptions{}); err != nil {
						t.Fatal(err)
					}
				}
				preview, err := pack.PreviewPush(t.Context(), previewFiles, test.plan, dst, opts)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := dst.Resolve(t.Context(), "v1"); err == nil {
					t.Fatal("the preview moved a tag")
				}
				record := &sent{digests: make(map[digest.Digest]bool)}
				opts.Progress = record
				pushed, err := pack.Push(t.Context(), previewFiles, test.plan, dst, opts)
				if err != nil {
					t.Fatal(err)
				}
				if preview.Digest != pushed.Digest {
					t.Errorf("digest: preview got %s, push %s, want the same", preview.Digest, pushed.Digest)
				}
				if !slices.Equal(preview.Tags, test.tags) || !slices.Equal(pushed.Tags, test.tags) {
					t.Errorf("tags: preview got %q, push %q, want %q", preview.Tags, pushed.Tags, test.tags)
				}
				seen := make(map[digest.Digest]bool)
				for _, b := range preview.Blobs {
					if seen[b.Digest] {
						t.Errorf("the preview lists %s twice", b.Digest)
					}
					seen[b.Digest] = true
					// The manifest is sent with its tag, not as a separate step.
					if b.Send != record.digests[b.Digest] && b.Digest != pushed.Digest {
						t.Errorf("%s %s: sent: preview got %t, push %t, want the same", b.MediaType, b.Digest, b.Send, record.digests[b.Digest])
					}
					if ok, err := dst.Exists(t.Context(), b.Descriptor); err != nil || !ok {
						t.Errorf("%s does not exist after the push: %v", b.Digest, err)
					}
				}
				if preview.Skipped != pushed.Skipped {
					t.Errorf("skipped: preview got %t, push %t, want the same", preview.Skipped, pushed.Skipped)
				}
				checkSecondPreview(t, test.plan, dst, opts)
				for d := range record.digests {
					if !seen[d] {
						t.Errorf("push sent %s, which the preview does not list", d)
					}
				}
			})
		}
	}
}

// checkSecondPreview checks that the preview of a second push matches that push, with the same tags and with one more.
func checkSecondPreview(t *testing.T, plan *artifact.Plan, dst tagLister, opts pack.PushOptions) {
	t.Helper()
	for _, more := range [][]string{nil, {"v2"}} {
		opts.Tags = append(slices.Clip(opts.Tags), more...)
		preview, err := pack.PreviewPush(t.Context(), previewFiles, plan, dst, opts)
		if err != nil {
			t.Fatal(err)
		}
		if want := more == nil; preview.Skipped != want {
			t.Errorf("second preview with tags %q: got skipped %t, want %t", opts.Tags, preview.Skipped, want)
		}
		for _, b := range preview.Blobs {
			if b.Send {
				t.Errorf("second preview with tags %q: sends %s, want nothing sent", opts.Tags, b.Digest)
			}
		}
		pushed, err := pack.Push(t.Context(), previewFiles, plan, dst, opts)
		if err != nil || pushed.Skipped != preview.Skipped {
			t.Errorf("second push with tags %q: got skipped %t, %v, want %t", opts.Tags, pushed.Skipped, err, preview.Skipped)
		}
	}
}

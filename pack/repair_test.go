package pack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/content/oci"
)

// TestPushRepairsLayout checks that a push restores a missing blob of a layout, and does not report that it was skipped.
func TestPushRepairsLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := plan(file("a.txt"), file("b.txt"))
	p.Referrers = []*artifact.Plan{plan(file("sbom.js"))}
	dst, err := oci.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	push := func() *Result {
		r, err := Push(t.Context(), files, p, dst, PushOptions{Tags: []string{"v1"}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	push()
	if !push().Skipped {
		t.Error("second push: got skipped false, want true")
	}
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil || len(blobs) < 5 {
		t.Fatalf("got blobs %v, %v, want at least five", blobs, err)
	}
	for _, name := range blobs {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if push().Skipped {
			t.Errorf("without %s: got skipped true, want false", filepath.Base(name))
		}
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

// TestAttachRepairsLayout checks that attaching the same artifact again restores a missing blob of a layout.
func TestAttachRepairsLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dst, err := oci.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := Push(t.Context(), files, plan(file("a.txt")), dst, PushOptions{Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	attach := func() *Result {
		r, err := Attach(t.Context(), files, plan(file("sbom.js")), Attachment{dst, subject.Descriptor()}, AttachOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r[0].Result
	}
	lost := attach().Layers[0].Digest
	if !attach().Skipped {
		t.Error("second attach: got skipped false, want true")
	}
	name := filepath.Join(dir, "blobs", "sha256", lost.Encoded())
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if attach().Skipped {
		t.Error("without a blob: got skipped true, want false")
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}

package pack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/content/oci"
)

// TestPushRepairsALayout checks that a push stores a missing blob of a layout again, and does not report that it sent nothing.
func TestPushRepairsALayout(t *testing.T) {
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
		t.Error("an existing blob was sent again")
	}
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil || len(blobs) < 5 {
		t.Fatalf("blobs are %v, %v", blobs, err)
	}
	for _, name := range blobs {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if push().Skipped {
			t.Errorf("the push was skipped, but %s is missing", filepath.Base(name))
		}
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

func TestAttachRepairsALayout(t *testing.T) {
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
		t.Error("an attachment was attached again")
	}
	name := filepath.Join(dir, "blobs", "sha256", lost.Encoded())
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if attach().Skipped {
		t.Error("the attachment was skipped, but a blob is missing")
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}

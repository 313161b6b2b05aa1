package pull_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/diff"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"oras.land/oras-go/v2/content/memory"
)

// pushed is a target that has an artifact under the tag v1.
func pushed() *memory.Store {
	store := memory.New()
	fsys := fstest.MapFS{"hello.txt": {Data: []byte("hello\n")}}
	plan := &artifact.Plan{
		ArtifactType: "application/vnd.example.greeting",
		Layers:       []artifact.Layer{{Path: "hello.txt", Title: "hello.txt", MediaType: "text/plain"}},
	}
	if _, err := pack.Push(context.Background(), fsys, plan, store, pack.PushOptions{Tags: []string{"v1"}}); err != nil {
		log.Fatal(err)
	}
	return store
}

// Artifact places the files of an artifact in a directory: all of them, verified, or none.
func ExampleArtifact() {
	src := pushed() // any oras target: a remote.Repository, an oci.Store, a memory.Store
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	dst, err := os.OpenRoot(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer dst.Close()
	result, err := pull.Artifact(context.Background(), src, "v1", dst, pull.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Files[0].Path, result.Files[0].Size)
	// Output: hello.txt 6
}

// Inspect says what an artifact is; no layer is fetched.
func ExampleInspect() {
	info, err := inspect.Inspect(context.Background(), pushed(), "v1", inspect.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Kind, info.ArtifactType, info.Layers[0].Name)
	// Output: generic application/vnd.example.greeting hello.txt
}

// Cat reads one file, also out of a packed directory.
func ExampleCat() {
	if _, err := read.Cat(context.Background(), pushed(), "v1", os.Stdout, read.CatOptions{Path: "hello.txt"}); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

// Verify reads everything that a reference leads to and compares it with its digests.
func ExampleVerify() {
	report, err := inspect.Verify(context.Background(), pushed(), "v1", inspect.VerifyOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Checked, len(report.Faults))
	// Output: 3 0
}

// Diff compares two artifacts.
func Example_diff() {
	a, b := diff.Side{Source: pushed(), Ref: "v1"}, diff.Side{Source: pushed(), Ref: "v1"}
	difference, err := diff.Artifacts(context.Background(), a, b, diff.Options{Text: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(difference.Same)
	// Output: true
}

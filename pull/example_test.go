package pull_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/read"
	"oras.land/oras-go/v2/content/memory"
)

// newTarget returns a target that has an artifact under the tag v1.
func newTarget() *memory.Store {
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
	src := newTarget() // any oras target: a remote.Repository, an oci.Store, a memory.Store
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

// Preview reports what Artifact would do, such as that a file is in the way.
func ExamplePreview() {
	src := newTarget()
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
	if err := dst.WriteFile("hello.txt", []byte("good-bye\n"), 0o666); err != nil {
		log.Fatal(err)
	}
	listed, err := read.List(context.Background(), src, "v1", read.ListOptions{Dirs: true})
	if err != nil {
		log.Fatal(err)
	}
	err = pull.Preview(context.Background(), src, dst, listed.Result, pull.Options{})
	fmt.Println(errors.Is(err, artifact.ErrKept))
	// Output: true
}

// PreviewReferrers lists the attachments that Artifact would place, too.
func ExamplePreviewReferrers() {
	ctx, src := context.Background(), newTarget()
	listed, err := read.List(ctx, src, "v1", read.ListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	root, err := src.Resolve(ctx, "v1")
	if err != nil {
		log.Fatal(err)
	}
	err = pull.PreviewReferrers(ctx, src, root, listed.Result, func(digest, dir string) (*pull.Result, error) {
		one, err := read.List(ctx, src, digest, read.ListOptions{})
		if err != nil {
			return nil, err
		}
		return one.Result, pull.Preview(ctx, src, nil, one.Result, pull.Options{})
	})
	fmt.Println(len(listed.Referrers), err)
	// Output: 0 <nil>
}

package pack_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"oras.land/oras-go/v2/content/memory"
)

// Push packs declared files and sends them to any oras target: a remote.Repository, an oci.Store, a memory.Store.
func ExamplePush() {
	ctx := context.Background()
	fsys := os.DirFS("testdata/greeting")
	declaration, err := os.ReadFile("testdata/greeting/davit.yaml")
	if err != nil {
		log.Fatal(err)
	}
	spec, err := artifact.Parse("davit.yaml", declaration)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := artifact.Compose(fsys, spec)
	if err != nil {
		log.Fatal(err)
	}
	result, err := pack.Push(ctx, fsys, plan, memory.New(), pack.PushOptions{Tags: []string{"v1"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Kind, result.Tags, len(result.Layers))
	// Output: generic [v1] 1
}

// Artifact says what would be pushed, without sending it.
func ExampleArtifact() {
	fsys := os.DirFS("testdata/greeting")
	plan := &artifact.Plan{
		ArtifactType: "application/vnd.example.greeting",
		Layers:       []artifact.Layer{{Path: "hello.txt", Title: "hello.txt", MediaType: "text/plain"}},
	}
	src, err := pack.Artifact(context.Background(), fsys, plan, nil, pack.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(src.Root().ArtifactType, src.Result().Layers[0].Digest)
	// Output: application/vnd.example.greeting sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
}

// Attach makes an artifact a referrer of another one. Attaching it again changes nothing.
func ExampleAttach() {
	ctx, fsys, dst := context.Background(), os.DirFS("testdata/greeting"), memory.New()
	plan := &artifact.Plan{
		ArtifactType: "application/vnd.example.greeting",
		Layers:       []artifact.Layer{{Path: "hello.txt", Title: "hello.txt", MediaType: "text/plain"}},
	}
	subject, err := pack.Push(ctx, fsys, plan, dst, pack.PushOptions{Tags: []string{"v1"}})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		results, err := pack.Attach(ctx, fsys, plan, pack.Attachment{dst, subject.Descriptor()}, pack.AttachOptions{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("there already:", results[0].Skipped)
	}
	// Output:
	// there already: false
	// there already: true
}

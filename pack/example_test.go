package pack_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
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

// Artifact packs without sending anything.
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
		fmt.Println("already attached:", results[0].Skipped)
	}
	// Output:
	// already attached: false
	// already attached: true
}

// PreviewPush reads the files and sends nothing.
func ExamplePreviewPush() {
	fsys, dst := os.DirFS("testdata/greeting"), memory.New()
	plan := &artifact.Plan{
		ArtifactType: "application/vnd.example.greeting",
		Layers:       []artifact.Layer{{Path: "hello.txt", Title: "hello.txt", MediaType: "text/plain"}},
	}
	preview, err := pack.PreviewPush(context.Background(), fsys, plan, dst, pack.PushOptions{Tags: []string{"v1"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(preview.Tags, len(preview.Blobs))
	// Output: [v1] 3
}

// Index puts manifests for several platforms under one tag.
func ExampleIndex() {
	ctx, fsys, dst := context.Background(), os.DirFS("testdata/greeting"), memory.New()
	var members []pack.Member
	for _, arch := range []string{"amd64", "arm64"} {
		plan := &artifact.Plan{
			ArtifactType: "application/vnd.example.greeting", Annotations: map[string]string{"com.example.arch": arch},
			Layers: []artifact.Layer{{Path: "hello.txt", Title: "hello.txt", MediaType: "text/plain"}},
		}
		result, err := pack.Push(ctx, fsys, plan, dst, pack.PushOptions{})
		if err != nil {
			log.Fatal(err)
		}
		members = append(members, pack.Member{Descriptor: result.Descriptor(), Platform: &ocispec.Platform{OS: "linux", Architecture: arch}})
	}
	index, err := pack.Index(ctx, dst, members, pack.IndexOptions{Tags: []string{"v1"}})
	if err != nil {
		log.Fatal(err)
	}
	platforms, err := pack.Platforms(ctx, dst, index.Descriptor())
	fmt.Println(index.Tags, len(platforms), err)
	// Output: [v1] 2 <nil>
}

// With a cache, a second push does not read unchanged files again. Several processes can share the cache.
func ExampleNewCache() {
	cache := pack.NewCache("") // a directory below os.UserCacheDir, or "" for a cache in memory
	defer cache.Close()
	fsys := os.DirFS("testdata/greeting")
	plan, err := artifact.Compose(fsys, &artifact.Spec{Kind: "generic", Layers: []artifact.LayerSpec{{Path: "*"}}})
	if err != nil {
		log.Fatal(err)
	}
	store := memory.New()
	for range 2 {
		opts := pack.PushOptions{Options: pack.Options{Cache: cache}}
		result, err := pack.Push(context.Background(), fsys, plan, store, opts)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Skipped)
	}
	// Output:
	// false
	// true
}

package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/davit-oci/davit/artifact/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
)

func ExampleParse() {
	ref, err := registry.Parse("registry.example.com/models/tiny:1.0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ref.Registry, ref.Repository, ref.Tag, ref.IsPath())
	// Output: registry.example.com models/tiny 1.0 false
}

func ExampleClient_Open() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ref, err := registry.Parse(dir + "/app.tar:1.0")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	client := registry.New(registry.FromEnvironment())
	target, err := client.Open(ctx, ref, registry.Write)
	if err != nil {
		log.Fatal(err)
	}
	note := []byte("hello\n")
	desc := content.NewDescriptorFromBytes("text/plain", note)
	err = target.Push(ctx, desc, bytes.NewReader(note))
	if err == nil {
		_, err = oras.PackManifest(ctx, target, oras.PackManifestVersion1_1, "application/x-note",
			oras.PackManifestOptions{Layers: []ocispec.Descriptor{desc}})
	}
	// Close writes the archive, unless something failed before.
	if err := target.Close(ctx, err); err != nil {
		log.Fatal(err)
	}
	info, err := os.Stat(ref.Path)
	fmt.Println(info.Name(), err)
	// Output: app.tar <nil>
}

func ExampleCopy() {
	ctx := context.Background()
	client := registry.New(registry.FromEnvironment())
	from, err := registry.Parse("registry.example.com/models/tiny:1.0")
	if err != nil {
		log.Fatal(err)
	}
	to, err := registry.Parse("./tiny.tar:1.0")
	if err != nil {
		log.Fatal(err)
	}
	src, err := client.Open(ctx, from, registry.Read)
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close(ctx, nil)
	dst, err := client.Open(ctx, to, registry.Write)
	if err != nil {
		log.Fatal(err)
	}
	result, err := registry.Copy(ctx, src, dst, registry.CopyOptions{
		Reference: from.Tag, Tags: []string{to.Tag}, Referrers: true,
	})
	if err := dst.Close(ctx, err); err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Artifacts[0].Descriptor.Digest)
}

func ExampleReferrers() {
	ctx := context.Background()
	ref, err := registry.Parse("registry.example.com/models/tiny:1.0")
	if err != nil {
		log.Fatal(err)
	}
	target, err := registry.New(registry.FromEnvironment()).Open(ctx, ref, registry.Read)
	if err != nil {
		log.Fatal(err)
	}
	defer target.Close(ctx, nil)
	subject, err := target.Resolve(ctx, ref.Reference())
	if err != nil {
		log.Fatal(err)
	}
	attached, err := registry.Referrers(ctx, target, subject, "application/spdx+json")
	if err != nil {
		log.Fatal(err)
	}
	signed, err := registry.CosignManifests(ctx, target, subject)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(attached), len(signed))
}

func ExampleClient_Login() {
	client := registry.New(registry.FromEnvironment())
	file, err := client.Login(context.Background(), "registry.example.com", "me", os.Getenv("TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored in", file)
}

func ExampleClient_Logout() {
	client := registry.New(registry.FromEnvironment())
	err := client.Logout(context.Background(), "registry.example.com")
	if err != nil && !errors.Is(err, errdef.ErrNotFound) { // not logged in
		log.Fatal(err)
	}
}

func ExampleValidateTag() {
	fmt.Println(registry.ValidateTag("1.0"))
	// Output: <nil>
}

func ExampleTags() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	target, err := registry.New(registry.Options{}).Open(ctx, registry.Reference{Path: dir}, registry.Write)
	if err != nil {
		log.Fatal(err)
	}
	defer target.Close(ctx, nil)
	desc, err := oras.PackManifest(ctx, target, oras.PackManifestVersion1_1, "application/x-note", oras.PackManifestOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, tag := range []string{"1.9.0", "1.10.0", "2.0.0", "latest"} {
		if err := target.Tag(ctx, desc, tag); err != nil {
			log.Fatal(err)
		}
	}
	tags, err := registry.Tags(ctx, target, registry.TagOptions{Match: "1.*", ByVersion: true})
	fmt.Println(tags, err)
	// Output: [1.10.0 1.9.0] <nil>
}

func ExampleParseSource() {
	ref, err := registry.ParseSource("nginx@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1")
	fmt.Println(ref.Registry, ref.Repository, err)
	// Output: docker.io library/nginx <nil>
}

// Signatures that cosign stores under tags have no subject, so Referrers does not list them.
func ExampleCosignManifests() {
	ctx, store := context.Background(), memory.New()
	desc, err := oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, "application/x-note", oras.PackManifestOptions{})
	if err != nil {
		log.Fatal(err)
	}
	found, err := registry.CosignManifests(ctx, store, desc)
	fmt.Println(len(found), err)
	// Output: 0 <nil>
}

func ExampleClient_Repositories() {
	client := registry.New(registry.FromEnvironment())
	err := client.Repositories(context.Background(), "registry.example.com", func(names []string) error {
		for _, name := range names {
			fmt.Println(name)
		}
		return nil
	})
	if errors.Is(err, errdef.ErrNotFound) {
		fmt.Println("the registry has no catalog")
	}
}

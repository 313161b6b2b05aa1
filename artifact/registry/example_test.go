package registry_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/davit-oci/davit/artifact/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
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
	// The archive is written now, unless something failed.
	if err := registry.Close(ctx, target, err); err != nil {
		log.Fatal(err)
	}
	info, err := os.Stat(ref.Path)
	fmt.Println(info.Name(), err)
	// Output: app.tar <nil>
}

package sign_test

import (
	"context"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/sign"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/memory"
)

// newTargetWithSBOM returns a target with an artifact tagged v1 and its SBOM, and the descriptor of the artifact.
func newTargetWithSBOM() (*memory.Store, ocispec.Descriptor) {
	ctx, store := context.Background(), memory.New()
	fsys := fstest.MapFS{
		"hello.txt": {Data: []byte("hello\n")},
		"bom.json":  {Data: []byte(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"name": "hello"}}}`)},
	}
	compose := func(kind, file string) *artifact.Plan {
		plan, err := artifact.Compose(fsys, &artifact.Spec{Kind: kind, Layers: []artifact.LayerSpec{{Path: file}}})
		if err != nil {
			log.Fatal(err)
		}
		return plan
	}
	result, err := pack.Push(ctx, fsys, compose("generic", "hello.txt"), store, pack.PushOptions{Tags: []string{"v1"}})
	if err != nil {
		log.Fatal(err)
	}
	to := pack.Attachment{Target: store, Subject: result.Descriptor()}
	if _, err := pack.Attach(ctx, fsys, compose("sbom", "bom.json"), to, pack.AttachOptions{}); err != nil {
		log.Fatal(err)
	}
	return store, result.Descriptor()
}

func ExampleSign() {
	dst, subject := newTargetWithSBOM()
	password := []byte("secret")
	private, _, err := sign.GenerateKey(password)
	if err != nil {
		log.Fatal(err)
	}
	key, err := sign.ParseKey(private, func() ([]byte, error) { return password, nil })
	if err != nil {
		log.Fatal(err)
	}
	for range 2 { // the second time, nothing is stored
		signatures, err := sign.Sign(context.Background(), dst, subject, sign.Options{Key: key})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(signatures[0].Format, signatures[0].Skipped)
	}
	// Output:
	// bundle false
	// bundle true
}

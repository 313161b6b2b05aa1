package trust_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/davit-oci/davit/pull/trust"
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

func ExampleVerify() {
	ctx := context.Background()
	src, subject := newTargetWithSBOM()
	private, public, err := sign.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	own, err := sign.ParseKey(private, func() ([]byte, error) { return nil, nil })
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sign.Sign(ctx, src, subject, sign.Options{Key: own}); err != nil {
		log.Fatal(err)
	}
	key, err := trust.ParseKey(public, "release.pub")
	if err != nil {
		log.Fatal(err)
	}
	manifests := []ocispec.Descriptor{subject}
	report, err := trust.Verify(ctx, src, manifests, trust.Options{Keys: []trust.Key{key}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed by", report.Verified().Key)

	_, err = trust.Verify(ctx, src, manifests, trust.Options{Keys: []trust.Key{key}, Require: []string{"sbom"}})
	var notSigned *trust.NotSignedError
	fmt.Println("the SBOM is not signed:", errors.As(err, &notSigned))
	// Output:
	// signed by release.pub
	// the SBOM is not signed: true
}

func ExampleList() {
	src, subject := newTargetWithSBOM()
	signatures, err := trust.List(context.Background(), src, subject, trust.Options{})
	fmt.Println(len(signatures), err)
	// Output: 0 <nil>
}

func ExampleCheckRequirement() {
	fmt.Println(trust.CheckRequirement("sbom"))
	fmt.Println(errors.Is(trust.CheckRequirement("sboms"), artifact.ErrInvalid))
	// Output:
	// <nil>
	// true
}

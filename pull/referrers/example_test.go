package referrers_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/referrers"
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

func ExampleList() {
	src, subject := newTargetWithSBOM()
	list, err := referrers.List(context.Background(), src, subject, referrers.Options{Kind: "sbom"})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range list {
		fmt.Println(r.Kind, r.Annotations[ocispec.AnnotationTitle])
	}
	// Output: sbom hello
}

func ExampleFind() {
	src, subject := newTargetWithSBOM()
	_, err := referrers.Find(context.Background(), src, subject, referrers.AttachedOptions{Kind: "runbook"})
	var none *referrers.NoneAttachedError
	fmt.Println(errors.As(err, &none))
	// Output: true
}

// newTargetWithIndex returns the target of newTargetWithSBOM with an index tagged "all" that lists its artifact, and the index.
func newTargetWithIndex() (*memory.Store, ocispec.Descriptor) {
	store, member := newTargetWithSBOM()
	members := []pack.Member{{Descriptor: member, Platform: &ocispec.Platform{OS: "linux", Architecture: "arm64"}}}
	index, err := pack.Index(context.Background(), store, members, pack.IndexOptions{Tags: []string{"all"}})
	if err != nil {
		log.Fatal(err)
	}
	return store, index.Descriptor()
}

func ExampleListPlatforms() {
	src, index := newTargetWithIndex()
	list, err := referrers.ListPlatforms(context.Background(), src, index, referrers.Options{Kind: "sbom"})
	if err != nil {
		log.Fatal(err)
	}
	for _, manifest := range list {
		fmt.Println(manifest.Platform.Architecture, len(manifest.Referrers))
	}
	// Output: arm64 1
}

// tagged is a store that lists the tag "all".
type tagged struct{ *memory.Store }

func (tagged) Tags(_ context.Context, _ string, fn func([]string) error) error {
	return fn([]string{"all"})
}

// An orchestrator shows the digest of a manifest, but the runbook is attached to the index that lists the manifest.
func ExampleListIndex() {
	ctx := context.Background()
	src, index := newTargetWithIndex()
	members, err := referrers.ListPlatforms(ctx, src, index, referrers.Options{})
	if err != nil {
		log.Fatal(err)
	}
	page := fstest.MapFS{"page.md": {Data: []byte("# Down\n")}}
	plan, err := artifact.Compose(page, &artifact.Spec{Kind: "runbook", Layers: []artifact.LayerSpec{{Path: "page.md"}}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pack.Attach(ctx, page, plan, pack.Attachment{Target: src, Subject: index}, pack.AttachOptions{}); err != nil {
		log.Fatal(err)
	}
	found, err := referrers.ListIndex(ctx, tagged{src}, members[0].Digest, referrers.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Tag, found.Digest == index.Digest, found.Referrers[0].Kind)
	// Output: all true runbook
}

// FindStatement finds only statements that BuildKit stored in the index. This SBOM is a referrer of the manifest.
func ExampleFindStatement() {
	src, _ := newTargetWithIndex()
	arm := &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	_, err := referrers.FindStatement(context.Background(), src, "all", arm, referrers.AttachedOptions{Kind: "sbom"})
	var none *referrers.NoneAttachedError
	fmt.Println(errors.As(err, &none))
	// Output: true
}

// A Lister requests the referrers of several subjects at once, and lists each referrer only once.
func ExampleLister() {
	src, subject := newTargetWithSBOM()
	lister := referrers.NewLister(src, referrers.Options{Recursive: true})
	lists, err := lister.Each(context.Background(), []ocispec.Descriptor{subject})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range lists[subject.Digest] {
		fmt.Println(r.Kind, len(r.Referrers))
	}
	// Output: sbom 0
}

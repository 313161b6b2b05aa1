package prune_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/prune"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
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

func ExampleChoose() {
	src, subject := newTargetWithSBOM()
	chosen, err := prune.Choose(context.Background(), src, subject, prune.Selection{Kind: "sbom"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(chosen.Referrers))
	// Output: 1
}

// The zero Selection removes nothing.
func ExampleDetach() {
	dst, subject := newTargetWithSBOM()
	_, err := prune.Detach(context.Background(), dst, subject, prune.Selection{})
	fmt.Println(errors.Is(err, artifact.ErrInvalid))
	// Output: true
}

// listing is a store that lists its tags.
type listing struct{ *memory.Store }

func (listing) Tags(_ context.Context, _ string, fn func([]string) error) error {
	return fn([]string{"v1"})
}

// Without a list of the tags, nothing would go.
func ExampleOwn() {
	store, subject := newTargetWithSBOM()
	for _, src := range []oras.ReadOnlyGraphTarget{listing{store}, store} {
		own, err := prune.Own(context.Background(), src, subject)
		fmt.Println(len(own), err)
	}
	// Output:
	// 1 <nil>
	// 0 <nil>
}

func ExampleReferrers() {
	ctx := context.Background()
	dst, subject := newTargetWithSBOM()
	old, err := prune.Choose(ctx, dst, subject, prune.Selection{Kind: "sbom"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = prune.Referrers(ctx, dst, subject, old.Referrers)
	fmt.Println("memory.Store can't delete:", errors.Is(err, errdef.ErrUnsupported))
	// Output: memory.Store can't delete: true
}

// undeletable is a store that refuses deletion, as some registries do.
type undeletable struct{ *memory.Store }

func (undeletable) Detach(context.Context, ocispec.Descriptor, ocispec.Descriptor) error {
	return errdef.ErrUnsupported
}

func ExampleStillAttachedError() {
	dst, subject := newTargetWithSBOM()
	_, err := prune.Detach(context.Background(), undeletable{dst}, subject, prune.Selection{Kind: "sbom"})
	var still *prune.StillAttachedError
	fmt.Println(errors.As(err, &still), len(still.Referrers))
	// Output: true 1
}

// newUntagged returns a layout with an untagged artifact, and the descriptor of the artifact.
func newUntagged(dir string) (registry.Target, ocispec.Descriptor) {
	ref, err := registry.Parse(dir)
	if err != nil {
		log.Fatal(err)
	}
	target, err := registry.New(registry.FromEnvironment()).Open(context.Background(), ref, registry.Write)
	if err != nil {
		log.Fatal(err)
	}
	fsys := fstest.MapFS{"hello.txt": {Data: []byte("hello\n")}}
	plan, err := artifact.Compose(fsys, &artifact.Spec{Kind: "generic", Layers: []artifact.LayerSpec{{Path: "hello.txt"}}})
	if err != nil {
		log.Fatal(err)
	}
	result, err := pack.Push(context.Background(), fsys, plan, target, pack.PushOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return target, result.Descriptor()
}

// The zero Policy keeps all tags, so a plan removes only manifests without a tag.
func ExampleNewPlan() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	target, _ := newUntagged(dir + "/oci")
	tags := func(ctx context.Context) ([]string, error) { return registry.Tags(ctx, target, registry.TagOptions{}) }
	repo := prune.Repository{Target: target, Tags: tags, AllTags: tags}
	plan, err := prune.NewPlan(ctx, repo, prune.Policy{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("manifests to remove:", len(plan.Manifests))
	if err := target.Close(ctx, plan.Apply(ctx, repo)); err != nil {
		log.Fatal(err)
	}
	// Output: manifests to remove: 1
}

func ExampleRemove() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	target, desc := newUntagged(dir + "/oci")
	err = prune.Remove(ctx, target, []ocispec.Descriptor{desc, desc}) // twice: a manifest that no longer exists is skipped
	if err := target.Close(ctx, err); err != nil {
		log.Fatal(err)
	}
	_, err = target.Resolve(ctx, desc.Digest.String())
	fmt.Println("removed:", errors.Is(err, errdef.ErrNotFound))
	// Output: removed: true
}

package inspect_test

import (
	"context"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/inspect"
	"oras.land/oras-go/v2/content/memory"
)

// newTarget returns a target that has an artifact under the tag v1. It could be a repository, a layout, or any other oras target.
func newTarget(files map[string]string) *memory.Store {
	ctx, store, fsys := context.Background(), memory.New(), fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	plan, err := artifact.Compose(fsys, &artifact.Spec{Kind: "generic", Layers: []artifact.LayerSpec{{Path: "*"}}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pack.Push(ctx, fsys, plan, store, pack.PushOptions{Tags: []string{"v1"}}); err != nil {
		log.Fatal(err)
	}
	return store
}

func ExampleInspect() {
	src := newTarget(map[string]string{"hello.txt": "hello\n"})
	info, err := inspect.Inspect(context.Background(), src, "v1", inspect.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Kind, info.Layers[0].Name, info.Layers[0].Size)
	// Output: generic hello.txt 6
}

// The report lists damaged and missing content, which is not an error.
func ExampleVerify() {
	src := newTarget(map[string]string{"hello.txt": "hello\n"})
	report, err := inspect.Verify(context.Background(), src, "v1", inspect.VerifyOptions{Referrers: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Checked, report.Size > 0, report.Faults)
	// Output: 3 true []
}

package read_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/read"
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

func ExampleCat() {
	src := newTarget(map[string]string{"hello.txt": "hello\n"})
	printed, err := read.Cat(context.Background(), src, "v1", os.Stdout, read.CatOptions{Path: "hello.txt"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(printed.Size, printed.Verified)
	// Output:
	// hello
	// 6 true
}

func ExampleList() {
	src := newTarget(map[string]string{"hello.txt": "hello\n", "bye.txt": "bye\n"})
	listing, err := read.List(context.Background(), src, "v1", read.ListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range listing.Files {
		fmt.Println(f.Path, f.Size)
	}
	// Output:
	// bye.txt 4
	// hello.txt 6
}

func ExampleReadable() {
	src := newTarget(map[string]string{"README.md": "# Greetings\n", "hello.txt": "hello\n"})
	doc, err := read.Readable(context.Background(), src, "v1", read.ReadableOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(doc.Path, ": ", doc.Text)
	// Output: README.md: # Greetings
}

func ExampleMainFile() {
	src := newTarget(map[string]string{"README.md": "# Greetings\n", "hello.txt": "hello\n"})
	name, err := read.MainFile(context.Background(), src, "v1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(name)
	// Output: README.md
}

func ExampleAlerts() {
	ctx, store := context.Background(), memory.New()
	fsys := fstest.MapFS{"down.md": {Data: []byte("---\nalerts: [GreetingDown]\nseverity: critical\n---\n\n# Restart it\n")}}
	plan, err := artifact.Compose(fsys, &artifact.Spec{Kind: "runbook", Layers: []artifact.LayerSpec{{Path: "down.md"}}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pack.Push(ctx, fsys, plan, store, pack.PushOptions{Tags: []string{"v1"}}); err != nil {
		log.Fatal(err)
	}
	alerts, err := read.Alerts(ctx, store, "v1")
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range alerts {
		fmt.Println(a.Name, a.Severity)
	}
	// Output: GreetingDown critical
}

func ExampleIsPage() {
	fmt.Println(read.IsPage("docs/index.md"), read.IsPage("weights.gguf"))
	// Output: true false
}

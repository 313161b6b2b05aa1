package diff_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/diff"
	"github.com/opencontainers/go-digest"
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

// newDirectory returns a directory with the files.
func newDirectory(files map[string]string) *os.Root {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			log.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		log.Fatal(err)
	}
	return root
}

func ExampleArtifacts() {
	a := diff.Side{Source: newTarget(map[string]string{"hello.txt": "hello\n"}), Ref: "v1"}
	b := diff.Side{Source: newTarget(map[string]string{"hello.txt": "good morning\n"}), Ref: "v1"}
	found, err := diff.Artifacts(context.Background(), a, b, diff.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found.Files {
		fmt.Println(f.Change, f.Path)
	}
	// Output: content hello.txt
}

func ExampleDirectory() {
	dir := newDirectory(map[string]string{"hello.txt": "hello\n", "mine.txt": "mine\n"})
	defer os.RemoveAll(dir.Name())
	src := newTarget(map[string]string{"hello.txt": "hello\n"})
	found, err := diff.Directory(context.Background(), dir, diff.Side{Source: src, Ref: "v1"}, diff.DirectoryOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found.Files {
		fmt.Println(f.Change, f.Path)
	}
	// Output: removed mine.txt
}

// Verify ignores files that only the directory has.
func ExampleVerify() {
	dir := newDirectory(map[string]string{"hello.txt": "HELLO\n", "mine.txt": "mine\n"})
	defer os.RemoveAll(dir.Name())
	src := newTarget(map[string]string{"hello.txt": "hello\n"})
	found, err := diff.Verify(context.Background(), dir, diff.Side{Source: src, Ref: "v1"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found.Faults {
		fmt.Printf("%s: %.15s\n", f.Path, f.Problem)
	}
	// Output: hello.txt: digest mismatch
}

// The files may be those of an earlier pull.Result.
func ExampleVerifyFiles() {
	dir := newDirectory(map[string]string{"hello.txt": "HELLO\n", "mine.txt": "mine\n"})
	defer os.RemoveAll(dir.Name())
	pulled := []pull.File{{Path: "hello.txt", Size: 6, Digest: digest.FromString("hello\n")}, {Path: "lost.txt", Size: 5}}
	found, err := diff.VerifyFiles(context.Background(), dir, pulled)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found.Faults {
		fmt.Printf("%s: %.15s\n", f.Path, f.Problem)
	}
	// Output:
	// hello.txt: digest mismatch
	// lost.txt: missing
}

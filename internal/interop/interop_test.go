// Package interop tests that davit and the native clients of each kind read each other's artifacts. It has only tests: a file for
// each kind or client, and the helpers in this file. Tests of clients that are not installed are skipped.
package interop

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// example returns the directory of a kind's example.
func example(kind string) string { return filepath.Join("..", "..", "examples", kind) }

// repo returns a repository HOST/NAME that only this test uses, in the shared registry or, without clients, in a new registry.
func repo(t *testing.T, name string) string {
	t.Helper()
	unique := strings.ToLower(strings.NewReplacer("/", "-", "_", "-", "#", "-").Replace(t.Name()))
	host := ""
	if clients.Enabled {
		host = clients.SharedDistribution(t).Host
	} else {
		host = registrytest.Start(t, registrytest.Options{}).Host
	}
	return host + "/" + unique + "/" + name
}

// open opens a reference as davit does.
func open(t *testing.T, ref string, mode registry.Mode) (registry.Target, registry.Reference) {
	t.Helper()
	parsed, err := registry.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	target, err := registry.New(registry.Options{}).Open(t.Context(), parsed, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(context.Background(), nil) })
	return target, parsed
}

// compose composes a declaration in a directory, or the davit.yaml of the directory if declaration is empty.
func compose(t *testing.T, dir, declaration string) (*artifact.Plan, fs.FS) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	data := []byte(declaration)
	if declaration == "" {
		if data, err = root.ReadFile("davit.yaml"); err != nil {
			t.Fatal(err)
		}
	}
	spec, err := artifact.Parse("davit.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := artifact.Compose(root.FS(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return plan, root.FS()
}

// push packs a directory and pushes it to HOST/REPO:TAG.
func push(t *testing.T, dir, declaration, ref string) *pack.Result {
	t.Helper()
	plan, fsys := compose(t, dir, declaration)
	return pushPlan(t, plan, fsys, ref, pack.Options{})
}

func pushPlan(t *testing.T, plan *artifact.Plan, fsys fs.FS, ref string, opts pack.Options) *pack.Result {
	t.Helper()
	target, parsed := open(t, ref, registry.Write)
	tag := ref[strings.LastIndex(ref, ":")+1:]
	result, err := pack.Push(t.Context(), fsys, plan, target, pack.PushOptions{Options: opts, Tags: []string{tag}})
	if err != nil {
		t.Fatalf("pushing to %v: %v", parsed, err)
	}
	return result
}

// pullArtifact pulls the artifact of a reference HOST/REPO:TAG into a new directory and returns the directory.
func pullArtifact(t *testing.T, ref string, opts pull.Options) (string, *pull.Result) {
	t.Helper()
	target, _ := open(t, ref, registry.Read)
	dir := filepath.Join(t.TempDir(), "pulled")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	result, err := pull.Artifact(t.Context(), target, ref[strings.LastIndex(ref, ":")+1:], root, opts)
	if err != nil {
		t.Fatalf("pulling %s: %v", ref, err)
	}
	return dir, result
}

// manifestOf returns a manifest, parsed and raw.
func manifestOf(t *testing.T, ref string) (ocispec.Manifest, []byte) {
	t.Helper()
	target, _ := open(t, ref, registry.Read)
	desc, err := target.Resolve(t.Context(), ref[strings.LastIndex(ref, ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	data, err := content.FetchAll(t.Context(), target, desc)
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m, data
}

// blobOf returns a blob of the repository of ref.
func blobOf(t *testing.T, ref string, desc ocispec.Descriptor) []byte {
	t.Helper()
	target, _ := open(t, ref, registry.Read)
	data, err := content.FetchAll(t.Context(), target, desc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantKind checks the kind that davit recognizes in an artifact.
func wantKind(t *testing.T, ref, kind string) {
	t.Helper()
	m, _ := manifestOf(t, ref)
	if got, ok := kinds.KindOf(m); got.Name != kind || !ok {
		t.Errorf("%s: got the kind %s, want %s", ref, got.Name, kind)
	}
}

// readFiles returns the content of the files below a directory, by slash path.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		all[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantFiles compares files by path and content.
func wantFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, data := range want {
		if other, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		} else if other != data {
			t.Errorf("%s: got %.80q, want %.80q", name, other, data)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is unexpected", name)
		}
	}
}

// without returns the files without the given ones. A name that ends in a slash is a directory.
func without(all map[string]string, names ...string) map[string]string {
	kept := map[string]string{}
	for name, data := range all {
		if !slices.ContainsFunc(names, func(n string) bool { return n == name || strings.HasSuffix(n, "/") && strings.HasPrefix(name, n) }) {
			kept[name] = data
		}
	}
	return kept
}

// expectation describes the files that a pull of an example writes.
type expectation struct {
	below   string   // the subdirectory of the example that has the files
	without []string // files that are not pulled: the kind reads them, the declaration leaves them out, or they are for other platforms
	made    []string // the names of the files if the kind generates them from those of the example
}

// expectations has the kinds whose pulled files differ from those in the directory of the example.
var expectations = map[string]expectation{
	"agent":      {made: []string{"agent.yaml"}},
	"binary":     {without: []string{"greeting-darwin-arm64", "greeting-linux-arm64", "greeting-windows-amd64.bat"}},
	"bottle":     {without: []string{"greeting--1.2.3.arm64_sonoma.bottle.tar.gz"}},
	"collection": {made: []string{"devcontainer-collection.json"}},
	"compose": {made: []string{"20b4b6908742b7029e7ed3ac70d6db47f9b9420aaf337aee712da093d1f8d129.yaml",
		"424d5eac33d870ff8238ced7b1d3b845d1d9ad56749b834c2154139b37c66bd8.env", "compose.yaml"}},
	"cue":               {made: []string{"module.cue", "module.zip"}},
	"feature":           {below: "greeting"},
	"flux":              {below: "manifests"},
	"generic":           {without: []string{"settings/greeting.yaml.bak"}},
	"helm":              {made: []string{"greeting-1.2.3.tgz"}},
	"helm-plugin":       {made: []string{"greeting-1.2.3.tgz"}},
	"image":             {below: "rootfs"},
	"manifests":         {below: "manifests"},
	"modelcar":          {below: "model"},
	"modelkit":          {without: []string{"Kitfile"}},
	"modelpack":         {without: []string{"model/Modelfile"}},
	"ollama":            {made: []string{"LICENSE", "model.gguf", "params.json", "system.txt", "template.tmpl"}},
	"opa":               {below: "policy"},
	"opentofu-module":   {made: []string{"greeting.zip"}},
	"opentofu-provider": {without: []string{"terraform-provider-greeting_1.2.3_darwin_arm64.zip"}},
	"tekton-bundle":     {made: []string{"greeting", "greetings"}},
	"template":          {below: "greeting-app"},
	"volume":            {below: "_data"},
}

// TestEveryExample pushes each example to a registry, pulls it back, and compares the files.
func TestEveryExample(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds.Data() {
		if _, err := os.Stat(filepath.Join(example(kind.Name), "davit.yaml")); kind.ReadOnly || err != nil {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			ref := repo(t, "example") + ":v1"
			result := push(t, example(kind.Name), "", ref)
			again := push(t, example(kind.Name), "", ref)
			if again.Digest != result.Digest || !again.Skipped {
				t.Errorf("second push: got the digest %s, skipped %v, want %s, skipped", again.Digest, again.Skipped, result.Digest)
			}
			if result.MediaType == ocispec.MediaTypeImageManifest {
				wantKind(t, ref, kind.Name)
			}
			options := pull.Options{NoSync: true}
			if kind.Shape != mediatypes.Collection {
				options.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
			}
			dir, _ := pullArtifact(t, ref, options)
			got, want := readFiles(t, dir), expectations[kind.Name]
			if want.made == nil {
				wantFiles(t, got, without(readFiles(t, filepath.Join(example(kind.Name), want.below)), append(want.without, "davit.yaml")...))
			} else if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want.made) {
				t.Errorf("got %q, want %q", names, want.made)
			}
		})
	}
}

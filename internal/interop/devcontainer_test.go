//go:build clients

package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
)

// withHostName replaces a loopback address in a reference with localhost: the devcontainer CLI requires a host name.
func withHostName(ref string) string { return strings.Replace(ref, "127.0.0.1:", "localhost:", 1) }

// TestDevContainerReadsFeature pushes a feature with davit, and reads its manifest, tags, and dependencies with the devcontainer CLI.
func TestDevContainerReadsFeature(t *testing.T) {
	t.Parallel()
	cli := clients.New(t, "devcontainer")
	ref := repo(t, "greeting")
	result := push(t, example("feature"), "", ref+":1.2.3")
	out, _ := cli.Run("features", "info", "manifest", withHostName(ref)+":1", "--output-format", "json")
	if !strings.Contains(out, result.Layers[0].Digest.String()) {
		t.Errorf("features info manifest: got %s, want the layer %s", out, result.Layers[0].Digest)
	}
	out, _ = cli.Run("features", "info", "tags", withHostName(ref), "--output-format", "json")
	for _, tag := range []string{`"1"`, `"1.2"`, `"1.2.3"`, `"latest"`} {
		if !strings.Contains(out, tag) {
			t.Errorf("features info tags: no %s in %s", tag, out)
		}
	}
	// The CLI reads the metadata of a feature to find its dependencies.
	config := filepath.Join(cli.Home, ".devcontainer", "devcontainer.json")
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(`{"image":"debian","features":{"`+withHostName(ref)+`:1":{}}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	out, stderr := cli.Run("features", "resolve-dependencies", "--workspace-folder", cli.Home)
	if !strings.Contains(out, "greeting@"+result.Digest.String()) && !strings.Contains(out, "greeting:1") {
		t.Errorf("features resolve-dependencies: got %s\n%s", out, stderr)
	}
}

// TestDevContainerAppliesTemplate pushes a template with davit, and applies it with the devcontainer CLI.
func TestDevContainerAppliesTemplate(t *testing.T) {
	t.Parallel()
	cli := clients.New(t, "devcontainer")
	ref := repo(t, "greeting-app")
	push(t, example("template"), "", ref+":1.0.0")
	workspace := t.TempDir()
	cli.Run("templates", "apply", "-w", workspace, "-t", withHostName(ref)+":1.0.0", "-a", `{"message":"good day"}`)
	got := readFiles(t, workspace)
	if len(got) != 1 || !strings.Contains(got[".devcontainer/devcontainer.json"], `"GREETING": "good day"`) {
		t.Errorf("got the files %v, want one with the message", got)
	}
}

// TestDavitReadsDevContainer pulls artifacts that the devcontainer CLI published, and checks that davit packs the same files to
// the same metadata.
func TestDavitReadsDevContainer(t *testing.T) {
	t.Parallel()
	for kind, dir := range map[string]string{"feature": "greeting", "template": "greeting-app"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			cli := clients.New(t, "devcontainer")
			cli.Env = append(cli.Env, "TMPDIR="+t.TempDir()) // the CLI names a temporary directory after the millisecond
			ref := repo(t, dir)
			host, namespace, _ := strings.Cut(strings.TrimSuffix(withHostName(ref), "/"+dir), "/")
			source, err := filepath.Abs(filepath.Join(example(kind), dir))
			if err != nil {
				t.Fatal(err)
			}
			cli.Run(kind+"s", "publish", "-r", host, "-n", namespace, source)
			wantKind(t, ref+":latest", kind)
			got, _ := pullArtifact(t, ref+":latest", pull.Options{NoSync: true})
			want := readFiles(t, source)
			if kind == "template" { // the CLI adds fields to the file
				delete(want, "devcontainer-template.json")
			}
			wantFiles(t, without(readFiles(t, got), "devcontainer-template.json"), want)

			theirs, _ := manifestOf(t, ref+":latest")
			ours := push(t, example(kind), "", ref+":ours")
			if !sameJSON(decodeMetadata(t, ours.Annotations), decodeMetadata(t, theirs.Annotations)) {
				t.Errorf("got the metadata %s\nwant that of the CLI, %s", ours.Annotations[mediatypes.DevContainerMetadata], theirs.Annotations[mediatypes.DevContainerMetadata])
			}
			wantKind(t, strings.TrimSuffix(ref, "/"+dir)+":latest", "collection")
		})
	}
}

// TestCollectionMatchesCLI compares the collection that davit packs with the one that the devcontainer CLI publishes. Indexes of dev
// containers pull the only file of a collection by name, as oras does here.
func TestCollectionMatchesCLI(t *testing.T) {
	t.Parallel()
	cli, oras := clients.New(t, "devcontainer"), clients.New(t, "oras")
	ours, theirs := repo(t, "ours")+":latest", repo(t, "theirs")+":latest"
	push(t, example("collection"), "", ours)
	source, err := filepath.Abs(filepath.Join(example("collection"), "src"))
	if err != nil {
		t.Fatal(err)
	}
	host, namespace, _ := strings.Cut(withHostName(strings.TrimSuffix(theirs, ":latest")), "/")
	cli.Run("features", "publish", "-r", host, "-n", namespace, source)

	lists := map[string]map[string]any{}
	for _, ref := range []string{ours, theirs} {
		out := t.TempDir()
		oras.Run("pull", "--plain-http", "-o", out, ref)
		var list map[string]any
		if err := json.Unmarshal([]byte(readFiles(t, out)["devcontainer-collection.json"]), &list); err != nil {
			t.Fatal(err)
		}
		if _, ok := list["sourceInformation"].(map[string]any)["source"]; !ok {
			t.Errorf("%s does not name its source", ref)
		}
		delete(list, "sourceInformation")
		lists[ref] = list
	}
	if !sameJSON(lists[ours], lists[theirs]) {
		t.Errorf("got the list %v\nwant that of the CLI, %v", lists[ours], lists[theirs])
	}
}

// decodeMetadata decodes the annotation with the metadata. It turns the files of a template into a set: their order differs
// between machines.
func decodeMetadata(t *testing.T, annotations map[string]string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(annotations[mediatypes.DevContainerMetadata]), &m); err != nil {
		t.Fatal(err)
	}
	if listed, ok := m["files"].([]any); ok {
		set := map[string]bool{}
		for _, f := range listed {
			set[f.(string)] = true
		}
		m["files"] = set
	}
	return m
}

// TestFeatureVersionsMoveTagsForward checks that a push of an older version does not take a tag from a newer one, as with the
// devcontainer CLI.
func TestFeatureVersionsMoveTagsForward(t *testing.T) {
	t.Parallel()
	ref := repo(t, "greeting")
	for _, version := range []string{"1.3.0", "1.2.3"} {
		dir := filepath.Join(t.TempDir(), "greeting")
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(example("feature"), "greeting"))); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "devcontainer-feature.json")
		text := strings.Replace(readFiles(t, dir)["devcontainer-feature.json"], "1.2.3", version, 1)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		push(t, filepath.Dir(dir), "kind: feature\nlayers: [greeting/]\n", ref+":v"+version)
	}
	for tag, version := range map[string]string{"1": "1.3.0", "1.2": "1.2.3", "1.3": "1.3.0", "1.2.3": "1.2.3", "latest": "1.3.0"} {
		m, _ := manifestOf(t, ref+":"+tag)
		if got := decodeMetadata(t, m.Annotations)["version"]; got != version {
			t.Errorf("tag %s: got the version %v, want %s", tag, got, version)
		}
	}
}

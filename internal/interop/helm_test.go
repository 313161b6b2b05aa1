//go:build clients

package interop

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestHelmReadsDavit packs a chart from a directory with davit, and pulls, shows, and renders it with helm.
func TestHelmReadsDavit(t *testing.T) {
	t.Parallel()
	helm := clients.New(t, "helm")
	ref := repo(t, "greeting")
	push(t, example("helm"), "", ref+":1.2.3")
	helm.Run("pull", "oci://"+ref, "--version", "1.2.3", "--plain-http", "--untar")
	chart := without(readFiles(t, filepath.Join(example("helm"), "greeting")), "notes/", ".helmignore")
	chart[".helmignore"] = readFiles(t, filepath.Join(example("helm"), "greeting"))[".helmignore"]
	wantFiles(t, readFiles(t, filepath.Join(helm.Home, "greeting")), chart)
	if out, _ := helm.Run("show", "chart", "oci://"+ref, "--version", "1.2.3", "--plain-http"); !strings.Contains(out, "version: 1.2.3") {
		t.Errorf("helm show chart: got %s, want version 1.2.3", out)
	}
	if out, _ := helm.Run("template", "x", "oci://"+ref, "--version", "1.2.3", "--plain-http"); !strings.Contains(out, `message: "hello"`) {
		t.Errorf("helm template: got %s, want the message hello", out)
	}
}

// TestDavitReadsHelm pulls a chart that helm pushed, and checks that davit packs the chart to the same config and annotations.
func TestDavitReadsHelm(t *testing.T) {
	t.Parallel()
	helm := clients.New(t, "helm")
	chart, err := filepath.Abs(filepath.Join(example("helm"), "greeting"))
	if err != nil {
		t.Fatal(err)
	}
	helm.Run("package", chart)
	archive := filepath.Join(helm.Home, "greeting-1.2.3.tgz")
	ref := repo(t, "greeting")
	helm.Run("push", archive, "oci://"+strings.TrimSuffix(ref, "/greeting"), "--plain-http")
	wantKind(t, ref+":1.2.3", "helm")
	dir, _ := pullArtifact(t, ref+":1.2.3", pull.Options{NoSync: true})
	want, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, readFiles(t, dir), map[string]string{"greeting-1.2.3.tgz": string(want)})

	theirs, _ := manifestOf(t, ref+":1.2.3")
	ours := push(t, helm.Home, "kind: helm\nlayers: [greeting-1.2.3.tgz]\n", ref+":ours")
	if ours.Config.Digest != theirs.Config.Digest {
		t.Errorf("got the config %s, want that of helm, %s", blobOf(t, ref+":ours", *ours.Config), blobOf(t, ref+":1.2.3", theirs.Config))
	}
	delete(theirs.Annotations, ocispec.AnnotationCreated)
	if !maps.Equal(ours.Annotations, theirs.Annotations) {
		t.Errorf("got the annotations %v, want those of helm, %v", ours.Annotations, theirs.Annotations)
	}
	if ours.Layers[0].Digest != theirs.Layers[0].Digest || ours.Layers[0].MediaType != mediatypes.HelmChart {
		t.Errorf("got the layer %v, want that of helm, %v", ours.Layers[0], theirs.Layers[0])
	}
}

// TestHelmPullsProvenance checks that helm and davit pull the provenance of a chart that davit packed with it.
func TestHelmPullsProvenance(t *testing.T) {
	t.Parallel()
	helm := clients.New(t, "helm")
	chart, err := filepath.Abs(filepath.Join(example("helm"), "greeting"))
	if err != nil {
		t.Fatal(err)
	}
	helm.Run("package", chart)
	ref := repo(t, "greeting")
	plain := push(t, helm.Home, "kind: helm\nlayers: [greeting-1.2.3.tgz]\n", ref+":plain")
	signed := "-----BEGIN PGP SIGNED MESSAGE-----\n\nfiles:\n  greeting-1.2.3.tgz: " + plain.Layers[0].Digest.String() + "\n"
	if err := os.WriteFile(filepath.Join(helm.Home, "greeting-1.2.3.tgz.prov"), []byte(signed), 0o644); err != nil {
		t.Fatal(err)
	}
	push(t, helm.Home, "kind: helm\nlayers: [greeting-1.2.3.tgz, greeting-1.2.3.tgz.prov]\n", ref+":1.2.3")
	got := t.TempDir()
	helm.Run("pull", "oci://"+ref, "--version", "1.2.3", "--plain-http", "--prov", "--destination", got)
	if readFiles(t, got)["greeting-1.2.3.tgz.prov"] != signed {
		t.Errorf("helm pulled %v, want the provenance file", readFiles(t, got))
	}
	dir, _ := pullArtifact(t, ref+":1.2.3", pull.Options{NoSync: true})
	if readFiles(t, dir)["greeting-1.2.3.tgz.prov"] != signed {
		t.Error("davit did not pull the provenance")
	}
	var config map[string]any
	if err := json.Unmarshal(blobOf(t, ref+":1.2.3", *plain.Config), &config); err != nil || config["name"] != "greeting" {
		t.Errorf("got the config %v, %v", config, err)
	}
}

// TestHelmInstallsPlugin packs a plugin from a directory with davit, and installs and runs it with helm.
func TestHelmInstallsPlugin(t *testing.T) {
	t.Parallel()
	helm := clients.New(t, "helm")
	ref := repo(t, "greeting") + ":1.2.3"
	push(t, example("helm-plugin"), "", ref)
	helm.Run("plugin", "install", "oci://"+ref, "--plain-http", "--verify=false")
	if out, _ := helm.Run("greeting"); out != "hello\n" {
		t.Errorf("got the output %q of the plugin, want hello", out)
	}
	wantKind(t, ref, "helm-plugin")
}

// TestHelmInAnotherRepository pushes a chart and a plugin to repositories that do not end in their names. helm pulls the chart, but
// refuses it as a dependency, and does not install the plugin.
func TestHelmInAnotherRepository(t *testing.T) {
	t.Parallel()
	helm := clients.New(t, "helm")
	ref := repo(t, "other")
	push(t, example("helm"), "", ref+":1.2.3")
	if out, _ := helm.Run("template", "x", "oci://"+ref, "--plain-http"); !strings.Contains(out, `message: "hello"`) {
		t.Errorf("helm template: got %s, want the message hello", out)
	}
	parent := filepath.Join(helm.Home, "parent")
	if err := os.Mkdir(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, repository := range map[string]string{"greeting": ref, "other": strings.TrimSuffix(ref, "/other")} {
		chart := "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n  - {name: " + name + ", version: 1.2.3, repository: 'oci://" + repository + "'}\n"
		if err := os.WriteFile(filepath.Join(parent, "Chart.yaml"), []byte(chart), 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, updated := helm.Try("dependency", "update", parent, "--plain-http")
		if _, _, err := helm.Try("template", "x", parent); updated == nil && err == nil {
			t.Errorf("helm accepts the chart as the dependency %s in %s", name, repository)
		}
	}
	push(t, example("helm-plugin"), "", ref+"/plugin:1.2.3")
	if _, stderr, err := helm.Try("plugin", "install", "oci://"+ref+"/plugin:1.2.3", "--plain-http", "--verify=false"); err == nil {
		t.Errorf("helm installs the plugin, want an error: %s", stderr)
	}
}

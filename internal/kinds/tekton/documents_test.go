package tekton_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

const task = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: a\n"

// TestBundleRefuses checks that documents other than Kubernetes objects, and too many objects, are refused.
func TestBundleRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, want string }{
		"object without a name": {"apiVersion: tekton.dev/v1\nkind: Task\n", "a.yaml:1:1: document 1: it lacks an apiVersion, a kind, or a valid metadata.name"},
		"not YAML":              {task + "---\n{\n", "a.yaml:7:1: document 2: not YAML: "},
		"several": {"---\nkind: Task\n---\n" + task + "---\n# none\n---\nmetadata: [a]\n---\napiVersion: v1\nkind: X\nmetadata: {name: A B}\n",
			"a.yaml:2:1: document 2: it lacks an apiVersion, a kind, or a valid metadata.name\na.yaml:11:1: document 5: a list is not possible here\na.yaml:13:1: document 6: it lacks"},
		"no objects":       {"# a comment\n---\n", "has no object"},
		"too many objects": {strings.Repeat(task+"---\n", 21), `too many objects for kind "tekton-bundle": limit is 20`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, map[string]string{"a.yaml": tc.content}, "kind: tekton-bundle\nlayers: [a.yaml]\n")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestDocumentsInKindFile checks a kind file that makes a layer from each document.
func TestDocumentsInKindFile(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{
		"p/a.yaml": "---\n" + task + "---\n# nothing\n---\n" + strings.Replace(task, "name: a", "name: b", 1),
		"p.kind.yaml": `name: objects
artifactType: application/vnd.example.objects.v1
config: {mediaType: application/vnd.example.objects.config.v1+json, derive: documents}
layers: [{role: object, mediaType: application/yaml, match: ["*.yaml"], annotations: {com.example.is: "{kind} {name} {version}"}}]
`,
	}, "kind: p.kind.yaml\nlayers: [p/a.yaml]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), "object application/yaml raw p/a.yaml\nobject application/yaml raw p/b.yaml")
	if l := plan.Layers[1]; string(l.Content) != strings.Replace(task, "name: a", "name: b", 1) || l.Annotations["com.example.is"] != "task b v1" {
		t.Errorf("got layer %+v, want the second document and annotation \"task b v1\"", l)
	}
}

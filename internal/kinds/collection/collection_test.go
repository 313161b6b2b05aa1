package collection_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

func TestCollection(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "collection")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `collection application/vnd.devcontainers.collection.layer.v1+json raw devcontainer-collection.json`)
	kindtest.WantJSON(t, plan.Layers[0].Content, `{"sourceInformation":{"source":"davit"},"features":[
  {"id":"farewell","version":"1.0.0","name":"Farewell"},{"id":"greeting","version":"1.2.3","name":"Greeting"}]}`)
	if !slices.Equal(plan.Tags, []string{"latest"}) {
		t.Errorf("tags: got %q, want latest", plan.Tags)
	}
	list := string(plan.Layers[0].Content)
	if _, err := kindtest.Compose(t, map[string]string{"devcontainer-collection.json": list}, "kind: collection\nlayers: [devcontainer-collection.json]\n"); err != nil {
		t.Errorf("an existing list: %v", err)
	}
	for name, files := range map[string]map[string]string{
		"empty list":                 {"devcontainer-collection.json": "{}"},
		"features and templates":     {"f/devcontainer-feature.json": `{"id":"f","version":"1.0.0","name":"F"}`, "f/install.sh": "", "t/devcontainer-template.json": `{"id":"t","version":"1.0.0","name":"T"}`, "t/.devcontainer.json": `{"image":"x"}`},
		"feature without id":         {"f/devcontainer-feature.json": `{"version":"1.0.0","name":"F"}`, "f/install.sh": ""},
		"template without an image":  {"t/devcontainer-template.json": `{"id":"t","version":"1.0.0","name":"T"}`, "t/.devcontainer.json": `{}`},
		"build without a Dockerfile": {"t/devcontainer-template.json": `{"id":"t","version":"1.0.0","name":"T"}`, "t/.devcontainer.json": `{"build":{"context":"."}}`},
	} {
		layer := "./"
		if len(files) == 1 && files["devcontainer-collection.json"] != "" {
			layer = "devcontainer-collection.json"
		}
		if _, err := kindtest.Compose(t, files, "kind: collection\nlayers: ["+layer+"]\n"); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}

// TestAllFaults checks that the faults of all members are reported at once, with their lines.
func TestAllFaults(t *testing.T) {
	t.Parallel()
	_, err := kindtest.Compose(t, map[string]string{
		"src/a/devcontainer-feature.json": `{"id":"x","version":"1","name":"A"}`, "src/a/install.sh": "",
		"src/b/devcontainer-feature.json": "{\n\"id\":\"b\",\n}", "src/c/devcontainer-feature.json": `{"id":"c","version":"1.0.0","name":"C"}`,
		"src/d/devcontainer-feature.json": `{`,
	}, "kind: collection\nlayers: [src]\n")
	const want = `src/a/devcontainer-feature.json:1:7: it has the id "x", and the folder is named "a"; the devcontainer CLI requires them to be equal
src/a/devcontainer-feature.json:1:21: version "1" is not a semantic version, which the devcontainer CLI requires
src/b: it has no install.sh, which installs a Dev Container Feature
src/b/devcontainer-feature.json:1:1: it has no version, which the devcontainer CLI requires
src/b/devcontainer-feature.json:1:1: it has no name, which the devcontainer CLI requires
src/c: it has no install.sh, which installs a Dev Container Feature
src/d/devcontainer-feature.json:1:1: the devcontainer CLI can't read it: unexpected end of JSON input`
	if fmt.Sprint(err) != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestParts checks that each feature becomes an artifact of its own, and is also pushed under its legacy IDs.
func TestParts(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{
		"src/go/devcontainer-feature.json": `{"id":"go","version":"1.2.3","name":"Go","legacyIds":["golang","gopher"]}`, "src/go/install.sh": "",
		"src/sh/devcontainer-feature.json": `{"id":"sh","version":"0.1.0","name":"Sh"}`, "src/sh/install.sh": "",
		"src/README.md": "",
	}, "kind: collection\nlayers: [src]\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range plan.Parts {
		got = append(got, fmt.Sprintf("%v %s %s %d", p.Repositories, p.Plan.Kind.Name, p.Plan.Cascade, len(p.Plan.Layers)))
	}
	if want := []string{"[go golang gopher] feature 1.2.3 1", "[sh] feature 0.1.0 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

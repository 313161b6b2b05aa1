package devcontainer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

func TestFeature(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "feature")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `feature application/vnd.devcontainers.layer.v1+tar tar devcontainer-feature-greeting.tgz`)
	if plan.Layers[0].Prefix != "./" || plan.ConfigType != mediatypes.DevContainer || string(kindtest.Finished(t, plan).Config) != "{}" {
		t.Errorf("prefix %q, config %s", plan.Layers[0].Prefix, plan.ConfigType)
	}
	const metadata = `{"id":"greeting","version":"1.2.3","name":"Greeting","description":"Installs a command that greets",` +
		`"options":{"message":{"type":"string","default":"hello","description":"what it says"}}}`
	if got := plan.Annotations[mediatypes.DevContainerMetadata]; got != metadata {
		t.Errorf("metadata is %s\nwant        %s", got, metadata)
	}
	if want := []string{"1", "1.2", "1.2.3", "latest"}; !slices.Equal(plan.Tags, want) {
		t.Errorf("tags are %q, want %q", plan.Tags, want)
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "template")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `template application/vnd.devcontainers.layer.v1+tar tar devcontainer-template-greeting-app.tgz`)
	kindtest.WantJSON(t, []byte(plan.Annotations[mediatypes.DevContainerMetadata]), `{"id":"greeting-app","version":"1.0.0","name":"Greeting app",
  "description":"A dev container that greets","options":{"message":{"type":"string","default":"hello","description":"what it says"}},
  "type":"image","files":[".devcontainer/devcontainer.json","README.md","devcontainer-template.json"],"fileCount":3,
  "featureIds":["ghcr.io/devcontainers/features/common-utils"]}`)
}

// A template that was pulled, and has a file less and another more now. That a lone file is named was seen with the
// devcontainer CLI 0.89.
func TestTemplateSaysWhatItIsNow(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{
		"go/devcontainer-template.json": `{"id":"go","version":"1.0.0","type":"image","files":["gone"],"fileCount":1,"name":"Go \u003c",
		  "optionalPaths":["docs/*",".github/*","x.txt"]}`,
		"go/.devcontainer.json": `{"build":{"dockerfile":"Dockerfile"}}`,
		"go/.github/bot.yml":    "", "go/docs/a.md": "", "go/docs/b.md": "",
	}, "kind: template\nlayers: [go/]\n")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"go","version":"1.0.0","type":"dockerfile",` +
		`"files":[".devcontainer.json",".github/bot.yml","devcontainer-template.json","docs/a.md","docs/b.md"],"fileCount":5,"name":"Go \u003c",` +
		`"optionalPaths":["docs/*",".github/bot.yml","x.txt"],"featureIds":[]}`
	if got := plan.Annotations[mediatypes.DevContainerMetadata]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCollection(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "collection")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `collection application/vnd.devcontainers.collection.layer.v1+json raw devcontainer-collection.json`)
	kindtest.WantJSON(t, plan.Layers[0].Content, `{"sourceInformation":{"source":"davit"},"features":[
  {"id":"farewell","version":"1.0.0","name":"Farewell"},{"id":"greeting","version":"1.2.3","name":"Greeting"}]}`)
	if !slices.Equal(plan.Tags, []string{"latest"}) {
		t.Errorf("tags are %q", plan.Tags)
	}
	list := string(plan.Layers[0].Content)
	if _, err := kindtest.Compose(t, map[string]string{"devcontainer-collection.json": list}, "kind: collection\nlayers: [devcontainer-collection.json]\n"); err != nil {
		t.Errorf("a list that is there: %v", err)
	}
	for name, files := range map[string]map[string]string{
		"empty list":           {"devcontainer-collection.json": "{}"},
		"features, templates":  {"f/devcontainer-feature.json": `{"id":"f","version":"1.0.0","name":"F"}`, "f/install.sh": "", "t/devcontainer-template.json": `{"id":"t","version":"1.0.0","name":"T"}`, "t/.devcontainer.json": `{"image":"x"}`},
		"feature without id":   {"f/devcontainer-feature.json": `{"version":"1.0.0","name":"F"}`, "f/install.sh": ""},
		"template of no image": {"t/devcontainer-template.json": `{"id":"t","version":"1.0.0","name":"T"}`, "t/.devcontainer.json": `{}`},
		"build of no file":     {"t/devcontainer-template.json": `{"id":"t","version":"1.0.0","name":"T"}`, "t/.devcontainer.json": `{"build":{"context":"."}}`},
	} {
		layer := "./"
		if len(files) == 1 && files["devcontainer-collection.json"] != "" {
			layer = "devcontainer-collection.json"
		}
		if _, err := kindtest.Compose(t, files, "kind: collection\nlayers: ["+layer+"]\n"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFeatureRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ json, want string }{
		"folder":     {`{"id":"other","version":"1.0.0","name":"F"}`, `has the id "other", and the folder is named "f"`},
		"no version": {`{"id":"f","name":"F"}`, "has no version, which the devcontainer CLI requires"},
		"version":    {`{"id":"f","version":"1.0","name":"F"}`, `version "1.0" is not a semantic version`},
		"id":         {`{"id":1,"version":"1.0.0","name":"F"}`, "has no id"},
		"not JSON":   {`{"id":`, "unexpected end of JSON"},
		"a list":     {`[]`, "cannot unmarshal array"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, map[string]string{"f/devcontainer-feature.json": tt.json, "f/install.sh": ""}, "kind: feature\nlayers: [f/]\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
	_, err := kindtest.Compose(t, map[string]string{"f/devcontainer-feature.json": `{"id":"f","version":"1.0.0","name":"F"}`}, "kind: feature\nlayers: [f/]\n")
	if err == nil || !strings.Contains(err.Error(), "it has no install.sh") {
		t.Errorf("without install.sh: %v", err)
	}
}

func TestFeatureInAnotherFolderIsRefused(t *testing.T) {
	t.Parallel()
	fsys := kindtest.Tree(t, map[string]string{"devcontainer-feature.json": `{"id":"hello","version":"1.0.0","name":"Hello"}`, "install.sh": "true\n"}).FS()
	for dir, want := range map[string]string{"hello": "<nil>", "bye": `the folder is named "bye"`} {
		_, err := artifact.Compose(fsys, &spec.Spec{Kind: "feature", Settings: spec.Settings{Dir: dir}, Layers: []spec.LayerSpec{{Path: "."}}})
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("in %s: got %v, want %s", dir, err, want)
		}
	}
}

func TestFeatureWithLegacyIDs(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"f/devcontainer-feature.json": `{"id":"f","version":"1.0.0-rc.1+x","name":"F","legacyIds":["e"]}`, "f/install.sh": ""},
		"kind: feature\ntags: [mine]\nlayers: [f/]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantJSON(t, []byte(plan.Annotations[mediatypes.DevContainerMetadata]), `{"id":"f","version":"1.0.0-rc.1+x","name":"F","legacyIds":["e"],"currentId":"f"}`)
	if want := []string{"mine", "1.0.0-rc.1_x"}; !slices.Equal(plan.Tags, want) {
		t.Errorf("tags are %q, want %q", plan.Tags, want)
	}
}

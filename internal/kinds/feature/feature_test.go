package feature_test

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
		t.Errorf("got prefix %q, config type %s, want ./ and an empty Dev Container config", plan.Layers[0].Prefix, plan.ConfigType)
	}
	const metadata = `{"id":"greeting","version":"1.2.3","name":"Greeting","description":"Installs a command that greets",` +
		`"options":{"message":{"type":"string","default":"hello","description":"what it says"}}}`
	if got := plan.Annotations[mediatypes.DevContainerMetadata]; got != metadata {
		t.Errorf("metadata: got %s\nwant %s", got, metadata)
	}
	if want := []string{"1", "1.2", "1.2.3", "latest"}; !slices.Equal(plan.Tags, want) {
		t.Errorf("tags: got %q, want %q", plan.Tags, want)
	}
}

func TestFeatureRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ json, want string }{
		"another folder name": {`{"id":"other","version":"1.0.0","name":"F"}`, `has the id "other", and the folder is named "f"`},
		"no version":          {`{"id":"f","name":"F"}`, "has no version, which the devcontainer CLI requires"},
		"invalid version":     {`{"id":"f","version":"1.0","name":"F"}`, `version "1.0" is not a semantic version`},
		"id of another type":  {`{"id":1,"version":"1.0.0","name":"F"}`, "f/devcontainer-feature.json:1:7: id is not a string"},
		"not JSON":            {`{"id":`, "unexpected end of JSON"},
		"several faults": {"{\n\t// comment\n\t\"id\": \"other\",\n\t\"verison\": \"1\",\n\t\"options\": {\"a\": {\"type\": \"int\"}, \"b/c\": {}},\n}", `
f/devcontainer-feature.json:1:1: it has no name, which the devcontainer CLI requires
f/devcontainer-feature.json:3:8: it has the id "other", and the folder is named "f"; the devcontainer CLI requires them to be equal
f/devcontainer-feature.json:4:2: it has no version, which the devcontainer CLI requires (rename "verison" to "version")
f/devcontainer-feature.json:5:19: option "a": its type "int" is neither string nor boolean
f/devcontainer-feature.json:5:43: option "b/c": it has no type, which is string or boolean`[1:]},
		"a syntax error":     {"{\n  \"id\": }", `f/devcontainer-feature.json:2:9: the devcontainer CLI can't read it: invalid character '}'`},
		"a list as metadata": {`[]`, "it is not a JSON object"},
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
		t.Errorf("without install.sh: got %v, want \"it has no install.sh\"", err)
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
		t.Errorf("tags: got %q, want %q", plan.Tags, want)
	}
}

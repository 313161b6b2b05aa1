package template_test

import (
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

func TestTemplate(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "template")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `template application/vnd.devcontainers.layer.v1+tar tar devcontainer-template-greeting-app.tgz`)
	kindtest.WantJSON(t, []byte(plan.Annotations[mediatypes.DevContainerMetadata]), `{"id":"greeting-app","version":"1.0.0","name":"Greeting app",
  "description":"A dev container that greets","options":{"message":{"type":"string","default":"hello","description":"what it says"}},
  "type":"image","files":[".devcontainer/devcontainer.json","README.md","devcontainer-template.json"],"fileCount":3,
  "featureIds":["ghcr.io/devcontainers/features/common-utils"]}`)
}

// TestTemplateOfPulledFiles checks that a pulled template whose files changed gets the same metadata as from devcontainer CLI 0.89.
func TestTemplateOfPulledFiles(t *testing.T) {
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

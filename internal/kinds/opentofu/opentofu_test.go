package opentofu_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestProviders checks that an index has the archives of one provider version, with the platforms in their names.
func TestProviders(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "opentofu-provider")
	if len(plan.Platforms) != 2 || plan.Platforms[0].Platform.OS != "darwin" || plan.Platforms[0].ArtifactType == plan.ArtifactType {
		t.Errorf("got %+v, want two platforms, darwin first, with an artifactType of their own", plan)
	}
	archive := string(kindtest.GreetingProvider("linux/amd64"))
	for name, tc := range map[string]struct {
		files []string
		want  string
	}{
		"two versions": {[]string{"terraform-provider-a_1.0.0_linux_amd64.zip", "terraform-provider-a_1.1.0_linux_arm64.zip"}, "must have the same name and version"},
		"another name": {[]string{"provider.zip"}, "has no role in kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for _, f := range tc.files {
				files[f] = archive
			}
			_, err := kindtest.Compose(t, files, "kind: opentofu-provider\nlayers: ['*.zip']\n")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestModule checks that a module is packed as a zip without the files that tofu writes.
func TestModule(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"m/main.tf": "", "m/.terraform/x": "", "m/terraform.tfstate": ""}, "kind: opentofu-module\nlayers: [m/]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `module archive/zip zip m.zip`)
	if l := plan.Layers[0]; !l.Exclude(".terraform", true) || !l.Exclude("terraform.tfstate", false) || l.Exclude("main.tf", false) {
		t.Error("got the state packed or the configuration left out, want the reverse")
	}
}

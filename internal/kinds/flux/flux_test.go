package flux_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
	digest "github.com/opencontainers/go-digest"
)

// TestFluxDefaultIgnoreRules checks the default ignore rules of "flux push artifact", which leave out pictures and Git's own files. An
// exclude list in davit.yaml replaces them. Symbolic links that are packed cause a warning.
func TestFluxDefaultIgnoreRules(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		exclude         string
		out             []string
		notes, warnings []string
	}{
		"defaults": {"", []string{".git", "apps/b.png"},
			[]string{"flux: files that flux leaves out are not packed; an exclude of your own, even [], replaces these"},
			[]string{"flux does not unpack links: l.yaml"}},
		"own exclude": {", exclude: [l.yaml, .git]", []string{".git", "l.yaml"}, nil, nil},
		"empty exclude": {", exclude: []", nil, nil,
			[]string{"m/.git is packed too; name it in .davitignore if it should not be", "flux does not unpack links: l.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := kindtest.Tree(t, map[string]string{"m/a.yaml": "apiVersion: v1\nkind: ConfigMap\n", "m/apps/b.png": "", "m/.git/HEAD": ""})
			if err := os.Symlink("a.yaml", filepath.Join(root.Name(), "m", "l.yaml")); err != nil {
				t.Fatal(err)
			}
			spec, err := artifact.Parse("davit.yaml", []byte("kind: flux\nlayers: [{path: m/"+tc.exclude+"}]\n"))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := artifact.Compose(root.FS(), spec)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{".git", "l.yaml", "apps/b.png", "a.yaml"} {
				if got, want := plan.Layers[0].Exclude(name, name == ".git"), slices.Contains(tc.out, name); got != want {
					t.Errorf("%s left out: got %t, want %t", name, got, want)
				}
			}
			var left []string
			for _, name := range tc.out {
				if left = append(left, "m/"+name); name == ".git" {
					left[len(left)-1] += "/"
				}
			}
			slices.Sort(left)
			if got := slices.Sorted(slices.Values(plan.LeftOut)); !slices.Equal(got, left) {
				t.Errorf("left out: got %q, want %q", got, left)
			}
			if !slices.Equal(plan.Notes, tc.notes) || !slices.Equal(plan.Warnings, tc.warnings) {
				t.Errorf("got notes %q, warnings %q, want %q, %q", plan.Notes, plan.Warnings, tc.notes, tc.warnings)
			}
		})
	}
}

// TestFluxSingleFile checks that a single manifest is packed under its file name, as flux does.
func TestFluxSingleFile(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"m/a.yaml": "apiVersion: v1\nkind: ConfigMap\n"}, "kind: flux\nlayers: [m/a.yaml]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), "manifests "+mediatypes.FluxContent+" tar+gzip ")
	if l := plan.Layers[0]; l.Path != "m" || !slices.Equal(l.Files, []string{"m/a.yaml"}) {
		t.Errorf("got %+v, want only m/a.yaml of the directory m", l)
	}
}

func TestFlux(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "flux")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `manifests application/vnd.cncf.flux.content.v1.tar+gzip tar+gzip`)
	config := `{"architecture":"","config":{},"created":"0001-01-01T00:00:00Z","os":"","rootfs":{"diff_ids":["` + digest.FromString("manifests").String() + `"],"type":"layers"}}`
	if got := string(kindtest.Finished(t, plan).Config); got != config || plan.ConfigType != mediatypes.FluxConfig {
		t.Errorf("got config %s of type %s, want %s of type %s", got, plan.ConfigType, config, mediatypes.FluxConfig)
	}
	_, err := kindtest.Compose(t, map[string]string{"m/a.yaml": "kind: X\napiVersion: v1\n"}, "kind: flux\nconfig: {revision: x}\nlayers: [m/]\n")
	if err == nil || !strings.Contains(err.Error(), "revision") {
		t.Errorf("an unknown config field: got %v, want an error about revision", err)
	}
}

package helmplugin_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

const plugin = "apiVersion: v1\ntype: cli/v1\nname: greeting\nversion: 1.2.3\nruntime: subprocess\n"

// TestHelmPlugin checks that a plugin directory and a packaged plugin get the titles that helm expects.
func TestHelmPlugin(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "helm-plugin")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `plugin application/vnd.oci.image.layer.v1.tar+gzip tar+gzip greeting-1.2.3.tgz`)
	if l := plan.Layers[0]; l.Prefix != "greeting/" || !l.File {
		t.Errorf("got layer %+v, want prefix greeting/ and File set", l)
	}
	files := map[string]string{"p.tgz": kindtest.Tgz(t, "greeting/plugin.yaml", plugin), "p.tgz.prov": "signed"}
	plan, err := kindtest.Compose(t, files, "kind: helm-plugin\nlayers: [p.tgz, p.tgz.prov]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
plugin application/vnd.oci.image.layer.v1.tar+gzip raw greeting-1.2.3.tgz
provenance application/vnd.cncf.helm.chart.provenance.v1.prov raw greeting-1.2.3.tgz.prov`)
}

// TestHelmPluginRefuses checks that plugins are refused if helm would not install them.
func TestHelmPluginRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ path, content, want string }{
		"no metadata":                   {"p/README.md", "x", "its plugin.yaml: no such file or directory"},
		"no version":                    {"p/plugin.yaml", "name: a\n", "p/plugin.yaml:1:1: it has no version, which helm requires"},
		"several faults":                {"p/plugin.yaml", "nme: a\ntype: cli/v1\nversion: one\n", "p/plugin.yaml:1:1: it has no name, which helm requires (rename \"nme\" to \"name\")\np/plugin.yaml:3:10: version \"one\""},
		"not YAML":                      {"p/plugin.yaml", "name: [\n", "p/plugin.yaml:2:1: helm can't read it: not YAML: "},
		"invalid packaged plugin":       {"p", kindtest.Tgz(t, "a/plugin.yaml", "name: a\nversion: one\n"), "p.tgz/plugin.yaml:2:10: version"},
		"invalid name":                  {"p/plugin.yaml", "name: a b\nversion: 1.0.0\n", `invalid name "a b": helm accepts letters`},
		"package not gzip":              {"p", "hello, world", "its plugin.yaml: gzip: invalid header"},
		"plugin.yaml in a subdirectory": {"p", kindtest.Tgz(t, "a/b/plugin.yaml", plugin), "is not in the package"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := tc.path
			if !strings.Contains(file, "/") {
				file = "p.tgz"
			}
			layer, _, _ := strings.Cut(file, "/")
			_, err := kindtest.Compose(t, map[string]string{file: tc.content}, "kind: helm-plugin\nlayers: ["+layer+"]\n")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

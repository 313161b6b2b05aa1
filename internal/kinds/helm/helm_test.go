package helm_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestHelmOfDirectory(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "helm")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `chart application/vnd.cncf.helm.chart.content.v1.tar+gzip tar+gzip greeting-1.2.3.tgz`)
	l := plan.Layers[0]
	if l.Prefix != "greeting/" || plan.ConfigType != mediatypes.HelmConfig || plan.ArtifactType != "" {
		t.Errorf("prefix %q, config %s, artifactType %q", l.Prefix, plan.ConfigType, plan.ArtifactType)
	}
	for name, want := range map[string]bool{"notes": true, "x.bak": true, "templates/.hidden": true, "values.yaml": false} {
		if got := l.Exclude(name, name == "notes"); got != want {
			t.Errorf("%s is left out: %v, want %v", name, got, want)
		}
	}
	const config = `{"name":"greeting","home":"https://example.com/greeting","sources":["https://example.com/greeting.git"],"version":"1.2.3",` +
		`"description":"A web page that says hello","keywords":["hello"],"maintainers":[{"name":"Ann","email":"ann@example.com"},{"name":"Bob"}],` +
		`"apiVersion":"v2","appVersion":"1.0","annotations":{"category":"tools"},"type":"application"}`
	if got := string(kindtest.Finished(t, plan).Config); got != config {
		t.Errorf("config is %s\nwant      %s", got, config)
	}
	want := map[string]string{
		"category":                    "tools",
		ocispec.AnnotationTitle:       "greeting",
		ocispec.AnnotationVersion:     "1.2.3",
		ocispec.AnnotationDescription: "A web page that says hello",
		ocispec.AnnotationURL:         "https://example.com/greeting",
		ocispec.AnnotationSource:      "https://example.com/greeting.git",
		ocispec.AnnotationAuthors:     "Ann (ann@example.com), Bob",
	}
	if !maps.Equal(plan.Annotations, want) {
		t.Errorf("annotations are %v, want %v", plan.Annotations, want)
	}
}

func TestHelmOfArchive(t *testing.T) {
	t.Parallel()
	archive := kindtest.Tgz(t, "demo/values.yaml", "a: 1", "demo/charts/sub/Chart.yaml", "name: sub", "demo/Chart.yaml", kindtest.SmallChart)
	signed := "files:\n  demo-1.0.0+a.tgz: " + digest.FromString("demo-1.0.0+a.tgzd.tgz").String() + "\n"
	plan, err := kindtest.Compose(t, map[string]string{"d.tgz": archive, "d.tgz.prov": signed}, "kind: helm\nlayers: [d.tgz, d.tgz.prov]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
chart application/vnd.cncf.helm.chart.content.v1.tar+gzip raw demo-1.0.0+a.tgz
provenance application/vnd.cncf.helm.chart.provenance.v1.prov raw demo-1.0.0+a.tgz.prov`)
	kindtest.Finished(t, plan)
	plan.Layers[0].Path = "another.tgz"
	packed := []spec.Packed{{Layer: plan.Layers[0], Descriptor: ocispec.Descriptor{Digest: digest.FromString("x")}}}
	if _, err := plan.Finish(packed); err == nil || !strings.Contains(err.Error(), "helm verify would refuse it") {
		t.Errorf("a provenance of another chart: %v", err)
	}
}

// What helm makes of such a Chart.yaml was seen with helm 4.3.1.
func TestHelmReadsOddTexts(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"demo/Chart.yaml": `apiVersion: v2
name: demo
version: 1.10
appVersion: 2024-01-02
kubeVersion: ">=1.22"
description: |
  Says "hello"
  to all` + "\u200b" + `.
annotations: {a: true, b: 7}
deprecated: yes
keywords: [1, 0x10, on]
dependencies: [{name: sub, repository: "", import-values: [{child: n}], enabled: on}]
`, "demo/charts/sub/Chart.yaml": "name: sub"}, "kind: helm\nlayers: [demo/]\n")
	if err != nil {
		t.Fatal(err)
	}
	const config = `{"name":"demo","version":"1.1","description":"Says \"hello\" to all. ","keywords":["1","16","true"],"apiVersion":"v2",` +
		`"appVersion":"2024-01-02","deprecated":true,"annotations":{"a":"true","b":"7"},"kubeVersion":"\u003e=1.22",` +
		`"dependencies":[{"name":"sub","repository":"","enabled":true,"import-values":[{"child":false}]}]}`
	if got := string(kindtest.Finished(t, plan).Config); got != config {
		t.Errorf("config is %s\nwant      %s", got, config)
	}
	want := []string{"Chart.yaml: helm reads the 1.10 of version as 1.1; put quotes around it",
		"Chart.yaml: helm reads the 0x10 of keywords as 16; put quotes around it",
		"Chart.yaml: helm reads the on of keywords as true; put quotes around it"}
	if !slices.Equal(plan.Warnings, want) {
		t.Errorf("warnings %q, want %q", plan.Warnings, want)
	}
}

// TestHelmRequirements: charts of the first API version have their dependencies in a file of their own.
func TestHelmRequirements(t *testing.T) {
	t.Parallel()
	const own, requirements = "apiVersion: v1\nname: demo\nversion: 1.0.0\n", "dependencies: [{name: sub, version: 1.0.0, repository: ''}]\n"
	const want = `{"name":"demo","version":"1.0.0","apiVersion":"v1","dependencies":[{"name":"sub","version":"1.0.0","repository":""}]}`
	files := map[string]string{"demo/Chart.yaml": own, "demo/values.yaml": "a: 1\na: 2\n", "demo/Chart.lock": "# nothing\n", "demo/requirements.yaml": requirements, "demo/charts/sub/Chart.yaml": "name: sub",
		"demo.tgz": kindtest.Tgz(t, "demo/Chart.yaml", own, "demo/requirements.yaml", requirements, "demo/charts/sub/requirements.yaml", "dependencies: []\n")}
	for _, layer := range []string{"demo/", "demo.tgz"} {
		plan, err := kindtest.Compose(t, files, "kind: helm\nlayers: ["+layer+"]\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(kindtest.Finished(t, plan).Config); got != want {
			t.Errorf("%s: config is %s\nwant      %s", layer, got, want)
		}
	}
	delete(files, "demo/charts/sub/Chart.yaml")
	if _, err := kindtest.Compose(t, files, "kind: helm\nlayers: [demo/]\n"); !strings.Contains(fmt.Sprint(err), "it depends on sub, which charts/ does not hold") {
		t.Errorf("without the dependency: %v", err)
	}
}

func TestHelmRefuses(t *testing.T) {
	t.Parallel()
	chart := func(yaml string) map[string]string { return map[string]string{"demo/Chart.yaml": yaml} }
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no version":       {chart("apiVersion: v2\nname: demo\n"), "has no version, which helm requires"},
		"no apiVersion":    {chart("name: demo\nversion: 1.0.0\n"), "has no apiVersion"},
		"no name":          {chart("apiVersion: v2\nversion: 1.0.0\n"), "has no name"},
		"path for a name":  {chart("apiVersion: v2\nname: ../demo\nversion: 1.0.0\n"), `name "../demo" is not a plain name`},
		"odd version":      {chart("apiVersion: v2\nname: demo\nversion: one\n"), `version "one" is not a semantic version`},
		"list for a text":  {chart(kindtest.SmallChart + "icon: [a]\n"), "its Chart.yaml: icon is an array, but helm requires a string"},
		"one dependency":   {chart(kindtest.SmallChart + "dependencies: {}\n"), "dependencies is an object, but helm requires a list"},
		"text for a flag":  {chart(kindtest.SmallChart + "deprecated: often\n"), "deprecated is a string, but helm requires a boolean"},
		"odd alias":        {chart(kindtest.SmallChart + "dependencies: [{name: a, alias: a.b}]\n"), `the alias "a.b" of the dependency "a"`},
		"same alias":       {chart(kindtest.SmallChart + "dependencies: [{name: a}, {name: b, alias: a}]\n"), `two dependencies with the name or alias "a"`},
		"odd type":         {chart(kindtest.SmallChart + "type: app\n"), `type "app" is neither`},
		"not YAML":         {chart("a: [\n"), "helm can't read"},
		"empty":            {chart(""), "has no apiVersion"},
		"empty list":       {map[string]string{"demo/Chart.yaml": "name: demo\n", "demo/requirements.yaml": "# none\n"}, "has no apiVersion"},
		"dependency":       {chart(kindtest.SmallChart + "dependencies: [{name: redis, version: 1.x.x, repository: ''}]\n"), "depends on redis"},
		"double star":      {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/.helmignore": "**/x\n"}, "helm does not know **"},
		"broken values":    {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/values.yaml": "a: [\n"}, "helm can't read its values.yaml: yaml: line 1: "},
		"values of a list": {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/values.yaml": "- a\n"}, "helm can't read its values.yaml: it is not a mapping"},
		"ignores itself":   {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/.helmignore": "*.yaml\n"}, "leaves out Chart.yaml"},
		"ignores the rest": {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/.helmignore": "!values.yaml\n"}, "leaves out Chart.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, tt.files, "kind: helm\nlayers: [demo/]\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
	_, err := kindtest.Compose(t, chart(kindtest.SmallChart), "kind: helm\nname: other\nversion: 2.0.0\nlayers: [demo/]\n")
	if err == nil || !strings.Contains(err.Error(), `name "other" contradicts Chart.yaml, which says "demo"`) ||
		!strings.Contains(err.Error(), `version "2.0.0" contradicts`) {
		t.Errorf("another name and version: %v", err)
	}
}

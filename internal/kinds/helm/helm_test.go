package helm_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestHelmDirectory(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "helm")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `chart application/vnd.cncf.helm.chart.content.v1.tar+gzip tar+gzip greeting-1.2.3.tgz`)
	l := plan.Layers[0]
	if l.Prefix != "greeting/" || plan.ConfigType != mediatypes.HelmConfig || plan.ArtifactType != "" {
		t.Errorf("got prefix %q, config type %s, artifactType %q, want greeting/, that of helm, and none", l.Prefix, plan.ConfigType, plan.ArtifactType)
	}
	for name, want := range map[string]bool{"notes": true, "x.bak": true, "templates/.hidden": true, "values.yaml": false} {
		if got := l.Exclude(name, name == "notes"); got != want {
			t.Errorf("%s left out: got %t, want %t", name, got, want)
		}
	}
	const config = `{"name":"greeting","home":"https://example.com/greeting","sources":["https://example.com/greeting.git"],"version":"1.2.3",` +
		`"description":"A web page that says hello","keywords":["hello"],"maintainers":[{"name":"Ann","email":"ann@example.com"},{"name":"Bob"}],` +
		`"apiVersion":"v2","appVersion":"1.0","annotations":{"category":"tools"},"type":"application"}`
	if got := string(kindtest.Finished(t, plan).Config); got != config {
		t.Errorf("config: got %s\nwant %s", got, config)
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
		t.Errorf("annotations: got %v, want %v", plan.Annotations, want)
	}
}

func TestHelmArchive(t *testing.T) {
	t.Parallel()
	archive := kindtest.Tgz(t, "demo/values.yaml", "a: 1", "demo/charts/sub/Chart.yaml", "name: sub\nversion: 1.0.0\n", "demo/Chart.yaml", kindtest.SmallChart)
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
		t.Errorf("the provenance of another chart: got %v, want \"helm verify would refuse it\"", err)
	}
}

// TestHelmOddValues checks that a Chart.yaml with unusual values is read as by helm 4.3.1.
func TestHelmOddValues(t *testing.T) {
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
`, "demo/charts/sub/Chart.yaml": "name: sub\nversion: 0.1.0\n"}, "kind: helm\nlayers: [demo/]\n")
	if err != nil {
		t.Fatal(err)
	}
	const config = `{"name":"demo","version":"1.1","description":"Says \"hello\" to all. ","keywords":["1","16","true"],"apiVersion":"v2",` +
		`"appVersion":"2024-01-02","deprecated":true,"annotations":{"a":"true","b":"7"},"kubeVersion":"\u003e=1.22",` +
		`"dependencies":[{"name":"sub","repository":"","enabled":true,"import-values":[{"child":false}]}]}`
	if got := string(kindtest.Finished(t, plan).Config); got != config {
		t.Errorf("config: got %s\nwant %s", got, config)
	}
	want := []string{"demo/Chart.yaml: helm reads the 1.10 of version as 1.1; put quotes around it",
		"demo/Chart.yaml: helm reads the 0x10 of keywords as 16; put quotes around it",
		"demo/Chart.yaml: helm reads the on of keywords as true; put quotes around it",
		`demo/Chart.yaml: version "1.1" is not a full semantic version, so helm finds it in a registry only with --version 1.1; 1.1.0 is one`}
	if !slices.Equal(plan.Warnings, want) {
		t.Errorf("got warnings %q, want %q", plan.Warnings, want)
	}
}

// TestHelmRequirements checks charts of API version v1, which list their dependencies in requirements.yaml.
func TestHelmRequirements(t *testing.T) {
	t.Parallel()
	const own, requirements = "apiVersion: v1\nname: demo\nversion: 1.0.0\n", "dependencies: [{name: sub, version: 1.0.0, repository: ''}]\n"
	const want = `{"name":"demo","version":"1.0.0","apiVersion":"v1","dependencies":[{"name":"sub","version":"1.0.0","repository":""}]}`
	files := map[string]string{"demo/Chart.yaml": own, "demo/values.yaml": "a: 1\na: 2\n", "demo/Chart.lock": "# nothing\n", "demo/requirements.yaml": requirements, "demo/charts/sub/Chart.yaml": "name: sub\nversion: 1.0.0\n",
		"demo.tgz": kindtest.Tgz(t, "demo/Chart.yaml", own, "demo/requirements.yaml", requirements, "demo/charts/sub/requirements.yaml", "dependencies: []\n", "demo/charts/sub/Chart.yaml", "name: sub\nversion: 1.0.0\n")}
	for _, layer := range []string{"demo/", "demo.tgz"} {
		plan, err := kindtest.Compose(t, files, "kind: helm\nlayers: ["+layer+"]\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(kindtest.Finished(t, plan).Config); got != want {
			t.Errorf("%s: config: got %s\nwant %s", layer, got, want)
		}
	}
	delete(files, "demo/charts/sub/Chart.yaml")
	if _, err := kindtest.Compose(t, files, "kind: helm\nlayers: [demo/]\n"); !strings.Contains(fmt.Sprint(err), "it depends on sub, and no chart of that name in charts/ is packed") {
		t.Errorf("without the dependency: got %v, want an error about sub", err)
	}
}

// subChart returns the Chart.yaml of a dependency.
func subChart(name string) string { return "name: " + name + "\nversion: 1.0.0\n" }

// TestHelmAccepts checks that charts that helm 4.3.1 packages and loads are accepted.
func TestHelmAccepts(t *testing.T) {
	t.Parallel()
	const own = kindtest.SmallChart + "dependencies: [{name: redis, version: 1.x.x, repository: ''}]\n"
	for name, files := range map[string]map[string]string{
		"no apiVersion": {"demo/Chart.yaml": "name: demo\nversion: 1.0.0\n"},
		"duplicate key": {"demo/Chart.yaml": kindtest.SmallChart + "deprecated: false\ndeprecated: true\n"},
		"dependency in a directory of another name": {"demo/Chart.yaml": own, "demo/charts/redis-local/Chart.yaml": subChart("redis")},
		"dependency in an archive of another name":  {"demo/Chart.yaml": own, "demo/charts/vendored.tgz": kindtest.Tgz(t, "x/Chart.yaml", subChart("redis"))},
		"hidden files in charts":                    {"demo/Chart.yaml": own, "demo/charts/redis/Chart.yaml": subChart("redis"), "demo/charts/_notes": "x", "demo/charts/.keep": "", "demo/charts/a.prov": "x"},
		"two YAML documents":                        {"demo/Chart.yaml": kindtest.SmallChart, "demo/values.yaml": "a: 1\n---\na: 2\n"},
		"ignored file in charts":                    {"demo/Chart.yaml": kindtest.SmallChart, "demo/charts/README.md": "x", "demo/.helmignore": "charts/README.md\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := kindtest.Compose(t, files, "kind: helm\nlayers: [demo/]\n"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHelmTemplates checks that a template that helm 4.3 does not parse causes a warning: helm package accepts it.
func TestHelmTemplates(t *testing.T) {
	t.Parallel()
	const library = kindtest.SmallChart + "type: library\n"
	for name, tt := range map[string]struct{ chart, file, text, want string }{
		"no condition":            {"", "templates/a.yaml", "x\n{{ if }}\n", "demo/templates/a.yaml:2: helm can't render the template: missing value for if"},
		"unclosed action":         {"", "templates/NOTES.txt", "{{ .Release.Name ", "demo/templates/NOTES.txt:1: helm can't render the template: unclosed action"},
		"action of two lines":     {"", "templates/%s.yaml", "a: 1\n{{ .Release.Name\n", "demo/templates/%s.yaml:3: helm can't render the template: unclosed action started at line 2"},
		"unclosed block":          {"", "templates/sub/_help.tpl", "{{ define \"x\" }}\n\n", "demo/templates/sub/_help.tpl:3: helm can't render the template: unexpected EOF"},
		"end without a beginning": {"", "templates/a.json", "{{ end }}", "demo/templates/a.json:1: helm can't render the template: unexpected {{end}}"},
		"undefined variable":      {"", "templates/%d:s.yaml", "{{ $x }}", `demo/templates/%d:s.yaml:1: helm can't render the template: undefined variable "$x"`},
		"subchart":                {"", "charts/sub/templates/a.yaml", "{{ if }}", "demo/charts/sub/templates/a.yaml:1: helm can't render the template: missing value for if"},
		"part of a library":       {library, "templates/_a.yaml", "{{ if }}", "demo/templates/_a.yaml:1: helm can't render the template: missing value for if"},
		"page in a library":       {library, "templates/a.yaml", "{{ if }}", ""},
		"no template":             {"", "files/a.yaml", "{{ if }}", ""},
		"ignored by helm":         {"", "templates/.a.yaml", "{{ if }}", ""},
		"functions of helm":       {"", "templates/a.yaml", "{{- include \"x\" . | nindent 2 }}{{ range $i, $e := .a }}{{ toYaml $e | newFunction $i }}{{ end }}", ""},
		"large":                   {"", "templates/a.yaml", "{{ if }}" + strings.Repeat(" ", 256<<10), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"demo/Chart.yaml": cmp.Or(tt.chart, kindtest.SmallChart), "demo/charts/sub/Chart.yaml": subChart("sub"), "demo/" + tt.file: tt.text}
			plan, err := kindtest.Compose(t, files, "kind: helm\nlayers: [demo/]\n")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(plan.Warnings, "\n"); got != tt.want {
				t.Errorf("got warnings %q, want %q", got, tt.want)
			}
		})
	}
	entries := []string{"demo/Chart.yaml", kindtest.SmallChart}
	for i := range 12 {
		entries = append(entries, fmt.Sprintf("demo/templates/%02d.yaml", i), "{{")
	}
	plan, err := kindtest.Compose(t, map[string]string{"demo.tgz": kindtest.Tgz(t, entries...)}, "kind: helm\nlayers: [demo.tgz]\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Warnings) != 10 || plan.Warnings[9] != "demo.tgz: templates/09.yaml:1: helm can't render the template: unclosed action" {
		t.Errorf("got warnings %q, want those of ten templates", plan.Warnings)
	}
}

// TestHelmVersions checks the warning of a version that helm 4.3 packages and pushes, but does not find without --version.
func TestHelmVersions(t *testing.T) {
	t.Parallel()
	for version, full := range map[string]string{
		"1": "1.0.0", "0.4": "0.4.0", "v1.2.3": "1.2.3", "v1.2": "1.2.0", "01.2.003": "1.2.3", "1-rc.1": "1.0.0-rc.1", "1.2+b.1-x": "1.2.0+b.1-x", "v0-a+b": "0.0.0-a+b",
		"1.2.3": "", "0.4.0": "", "1.2.3-rc.1": "", "1.2.3+b1": "", "10.20.30": "",
	} {
		own := fmt.Sprintf("apiVersion: v2\nname: demo\nversion: %q\n", version)
		files := map[string]string{"demo/Chart.yaml": own, "demo.tgz": kindtest.Tgz(t, "demo/Chart.yaml", own), "x/Chart.yaml": kindtest.SmallChart}
		text := fmt.Sprintf("version %q is not a full semantic version, so helm finds it in a registry only with --version %[1]s; %s is one", version, full)
		for declaration, at := range map[string]string{"[demo/]": "demo/Chart.yaml: ", "[demo.tgz]": "demo.tgz: Chart.yaml: ", "[x/]\nversion: '" + version + "'": ""} {
			plan, err := kindtest.Compose(t, files, "kind: helm\nlayers: "+declaration+"\n")
			if err != nil {
				t.Errorf("%s, %s: %v", version, declaration, err)
				continue
			}
			want := at + text
			if full == "" {
				want = ""
			}
			if got := strings.Join(plan.Warnings, "\n"); got != want {
				t.Errorf("%s, %s: got warnings %q, want %q", version, declaration, got, want)
			}
		}
	}
}

// TestHelmVersionSyntax checks versions against helm 4.3.1, which packages only those that it accepts.
func TestHelmVersionSyntax(t *testing.T) {
	t.Parallel()
	for version, isAccepted := range map[string]bool{
		"1.2.3-0": true, "1.2.3-01a": true, "1.2.3-a.0.b-c": true, "1.2.3--": true, "1.2.3+01": true, "1-rc.1+b.02": true, "v01.2": true,
		"1.2.3-01": false, "1.2.3-00": false, "1-01": false, "1.2.3-a.01": false, "1.2.3-a..b": false, "1.2.3-a.": false, "1.2.3-": false,
		"1.2.3+a..b": false, "1.2.3+a.": false, "1.2.3+.a": false, "1.2.3+": false, "1.2.3.4": false, "vv1": false, "1.2.3-a_b": false,
	} {
		files := map[string]string{"demo/Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: demo\nversion: %q\n", version)}
		_, err := kindtest.Compose(t, files, "kind: helm\nlayers: [demo/]\n")
		if want := fmt.Sprintf("version %q is not a semantic version", version); isAccepted != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want accepted: %v", version, err, isAccepted)
		}
	}
}

// TestHelmIgnore checks that files that helm ignores are not packed or checked, and that Plan.LeftOut lists them.
func TestHelmIgnore(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"demo/Chart.yaml": kindtest.SmallChart, "demo/.helmignore": "# no tests\n.git/\nci/\n*.orig\n/notes.txt\n", "demo/.git/HEAD": "x",
		"demo/ci/link": "->../../../outside", "demo/ci/b": "x", "demo/values.yaml.orig": "x", "demo/notes.txt": "x", "demo/docs/notes.txt": "x", "demo/templates/.swp": "x",
		"demo/charts/.gitkeep": "x", "demo/charts/_old/Chart.yaml": "x", "demo/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n", "demo/charts/sub/charts/.gitkeep": "x",
	}
	plan, err := kindtest.Compose(t, files, "kind: helm\nlayers: [demo/]\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(plan.LeftOut, " "), "demo/.git/ demo/charts/.gitkeep demo/charts/_old/ demo/charts/sub/charts/.gitkeep demo/ci/ demo/notes.txt demo/templates/.swp demo/values.yaml.orig"; got != want {
		t.Errorf("left out: got %q, want %q", got, want)
	}
	if len(plan.Warnings) > 0 {
		t.Errorf("got warnings %q, want none", plan.Warnings)
	}
	packed, err := tree.PackedFiles(kindtest.Tree(t, files).FS(), &plan.Layers[0])
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range packed {
		names = append(names, f.Title)
	}
	if got, want := strings.Join(names, " "), "demo/.helmignore demo/Chart.yaml demo/charts/sub/Chart.yaml demo/docs/notes.txt"; got != want {
		t.Errorf("packed: got %q, want %q", got, want)
	}
}

// TestHelmOverrides checks that davit.yaml can replace the version and appVersion of a chart directory, as the flags of helm package
// do, but not those of a packaged chart.
func TestHelmOverrides(t *testing.T) {
	t.Parallel()
	files := map[string]string{"demo/Chart.yaml": "# a chart\napiVersion: v2\nname: demo\nversion: 1.0.0 # of today\nappVersion: 1\n", "demo.tgz": kindtest.Tgz(t, "demo/Chart.yaml", kindtest.SmallChart)}
	plan, err := kindtest.Compose(t, files, "kind: helm\nversion: 2.0.0-rc.1\nconfig: {appVersion: '3'}\nlayers: [demo/]\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(kindtest.Finished(t, plan).Config), `{"name":"demo","version":"2.0.0-rc.1","apiVersion":"v2","appVersion":"3"}`; got != want {
		t.Errorf("config: got %s, want %s", got, want)
	}
	written := string(plan.Layers[0].Replaced["demo/Chart.yaml"])
	for _, want := range []string{"# a chart\n", "version: 2.0.0-rc.1 # of today\nappVersion: \"3\"\n", "name: demo\n"} {
		if !strings.Contains(written, want) {
			t.Errorf("Chart.yaml: got\n%swant %q in it", written, want)
		}
	}
	if plan.Layers[0].Title != "demo-2.0.0-rc.1.tgz" || plan.Annotations[ocispec.AnnotationVersion] != "2.0.0-rc.1" {
		t.Errorf("got title %s, annotations %v, want version 2.0.0-rc.1 in both", plan.Layers[0].Title, plan.Annotations)
	}
	same, err := kindtest.Compose(t, files, "kind: helm\nversion: 1.0.0\nlayers: [demo/]\n")
	if err != nil || same.Layers[0].Replaced != nil {
		t.Errorf("the same version: got %v, %v, want an unchanged Chart.yaml", same, err)
	}
	for declared, want := range map[string]string{"version: 2.0.0": `version "2.0.0" contradicts Chart.yaml`, "config: {appVersion: '3'}": "a packaged chart is pushed as it is"} {
		if _, err := kindtest.Compose(t, files, "kind: helm\n"+declared+"\nlayers: [demo.tgz]\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s of a packaged chart: got %v, want %q", declared, err, want)
		}
	}
	if _, err := kindtest.Compose(t, files, "kind: helm\nversion: two\nlayers: [demo/]\n"); err == nil || !strings.Contains(err.Error(), `version "two" is not a semantic version`) {
		t.Errorf("an invalid version: got %v, want \"is not a semantic version\"", err)
	}
}

func TestHelmRefuses(t *testing.T) {
	t.Parallel()
	chart := func(yaml string) map[string]string { return map[string]string{"demo/Chart.yaml": yaml} }
	with := func(files ...string) map[string]string {
		all := chart(kindtest.SmallChart + "dependencies: [{name: redis, version: 1.x.x, repository: ''}]\n")
		for i := 0; i < len(files); i += 2 {
			all["demo/"+files[i]] = files[i+1]
		}
		return all
	}
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no version":                        {chart("apiVersion: v2\nname: demo\n"), "has no version, which helm requires"},
		"unknown apiVersion":                {chart("apiVersion: v3\nname: demo\nversion: 1.0.0\n"), `apiVersion "v3" is neither v1 nor v2`},
		"no name":                           {chart("apiVersion: v2\nversion: 1.0.0\n"), "has no name"},
		"path as name":                      {chart("apiVersion: v2\nname: ../demo\nversion: 1.0.0\n"), `name "../demo" is not a plain name`},
		"invalid version":                   {chart("apiVersion: v2\nname: demo\nversion: one\n"), `version "one" is not a semantic version`},
		"list for a string":                 {chart(kindtest.SmallChart + "icon: [a]\n"), "demo/Chart.yaml:4:7: icon is an array, but helm requires a string"},
		"list for the name of a dependency": {chart(kindtest.SmallChart + "dependencies:\n- name: a\n- name: [b]\n- alias: c\n"), "dependencies.name is an array, but helm requires a string"},
		"mapping for a list":                {chart(kindtest.SmallChart + "dependencies: {}\n"), "dependencies is an object, but helm requires a list"},
		"string for a bool":                 {chart(kindtest.SmallChart + "deprecated: often\n"), "deprecated is a string, but helm requires a boolean"},
		"invalid alias":                     {chart(kindtest.SmallChart + "dependencies: [{name: a, alias: a.b}]\n"), `the alias "a.b" of the dependency "a"`},
		"same alias":                        {chart(kindtest.SmallChart + "dependencies: [{name: a}, {name: b, alias: a}]\n"), `two dependencies with the name or alias "a"`},
		"unknown type":                      {chart(kindtest.SmallChart + "type: app\n"), `type "app" is neither`},
		"several faults": {chart("apiVersion: v3\nname: a/b\nverison: 1\ntype: app\nicon: [a]\nkeywords: x\nmaintainers: [null]\ndependencies:\n- name: x\n- alias: y\n- name: z\n  alias: a.b\n"), `
demo/Chart.yaml:1:13: apiVersion "v3" is neither v1 nor v2, and helm loads no other
demo/Chart.yaml:2:7: name "a/b" is not a plain name; helm makes a directory of it
demo/Chart.yaml:3:1: it has no version, which helm requires (rename "verison" to "version")
demo/Chart.yaml:4:7: type "app" is neither application nor library
demo/Chart.yaml:5:7: icon is an array, but helm requires a string
demo/Chart.yaml:6:11: keywords is a string, but helm requires a list
demo/Chart.yaml:7:15: it has an empty maintainer, which helm refuses
demo/Chart.yaml:10:3: it has a dependency without a name
demo/Chart.yaml:12:10: the alias "a.b" of the dependency "z" has characters`[1:]},
		"not YAML":                            {chart("a: [\n"), "helm can't read"},
		"empty Chart.yaml":                    {chart(""), "has no name"},
		"no version, empty requirements":      {map[string]string{"demo/Chart.yaml": "name: demo\n", "demo/requirements.yaml": "# none\n"}, "has no version"},
		"null as dependency":                  {chart(kindtest.SmallChart + "dependencies: [null]\n"), "a dependency without a name"},
		"archive of another dependency":       {with("charts/redis-ha-1.0.0.tgz", kindtest.Tgz(t, "redis-ha/Chart.yaml", subChart("redis-ha"))), "depends on redis"},
		"directory of another dependency":     {with("charts/redis/Chart.yaml", subChart("other")), "depends on redis"},
		"ignored dependency":                  {with("charts/redis-1.0.0.tgz", kindtest.Tgz(t, "redis/Chart.yaml", subChart("redis")), ".helmignore", "*.tgz\n"), "depends on redis"},
		"ignored charts directory":            {with("charts/redis/Chart.yaml", subChart("redis"), ".helmignore", "charts/\n"), "depends on redis"},
		"readme in charts":                    {with("charts/redis/Chart.yaml", subChart("redis"), "charts/README.md", "x"), "charts/README.md, which helm treats as a chart: it has no Chart.yaml"},
		"directory in charts without a chart": {with("charts/redis/Chart.yaml", subChart("redis"), "charts/junk/x", "x"), "charts/junk, which helm treats as a chart"},
		"broken archive in charts":            {with("charts/redis/Chart.yaml", subChart("redis"), "charts/x.tgz", "x"), "charts/x.tgz: not a packaged chart"},
		"invalid version of a subchart":       {with("charts/redis/Chart.yaml", "name: redis\nversion: latest\n"), `demo/charts/redis/Chart.yaml:2:10: version "latest" is not a semantic version`},
		"chart in a subchart":                 {with("charts/redis/Chart.yaml", subChart("redis"), "charts/redis/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nverson: 1.0.0\n"), `demo/charts/redis/charts/sub/Chart.yaml:3:1: it has no version, which helm requires (rename "verson" to "version")`},
		"syntax of the second subchart":       {with("charts/redis/Chart.yaml", subChart("redis"), "charts/sub/Chart.yaml", "apiVersion: v2\nname: [\n"), `demo/charts/sub/Chart.yaml:3:1: helm can't read it`},
		"schema not JSON":                     {with("charts/redis/Chart.yaml", subChart("redis"), "values.schema.json", "a: 1"), "demo/values.schema.json: helm can't read it: it is not JSON"},
		"template in values":                  {with("charts/redis/Chart.yaml", subChart("redis"), "values.yaml", "a: {{ .x }}\n"), "demo/values.yaml: helm can't read it: a key must be a string, not a mapping or a list: put {{ ... }} in quotes"},
		"list as values of a subchart":        {with("charts/redis/Chart.yaml", subChart("redis"), "charts/redis/values.yaml", "- a\n"), "demo/charts/redis/values.yaml: helm can't read it: it is not a mapping"},
		"empty maintainer":                    {chart(kindtest.SmallChart + "maintainers: [{name: a}, null]\n"), "has an empty maintainer"},
		"invalid date in Chart.lock":          {with("charts/redis/Chart.yaml", subChart("redis"), "Chart.lock", "generated: yesterday\n"), "demo/Chart.lock: helm can't read it: parsing time"},
		"missing dependency":                  {chart(kindtest.SmallChart + "dependencies: [{name: redis, version: 1.x.x, repository: ''}]\n"), "depends on redis"},
		"double star in .helmignore":          {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/.helmignore": "**/x\n"}, "helm does not know **"},
		"values not YAML":                     {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/values.yaml": "a: [\n"}, "demo/values.yaml:2:1: helm can't read it: not YAML: "},
		"list as values":                      {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/values.yaml": "- a\n"}, "demo/values.yaml: helm can't read it: it is not a mapping"},
		"infinity in Chart.yaml":              {chart(kindtest.SmallChart + "appVersion: .inf\n"), "demo/Chart.yaml: helm can't read it: .inf and .nan are not allowed"},
		"not-a-number in values":              {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/values.yaml": "a: [{b: .nan}]\n"}, "demo/values.yaml: helm can't read it: .inf and .nan are not allowed"},
		".helmignore that matches Chart.yaml": {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/.helmignore": "*.yaml\n"}, "leaves out Chart.yaml"},
		".helmignore with a negated pattern":  {map[string]string{"demo/Chart.yaml": kindtest.SmallChart, "demo/.helmignore": "!values.yaml\n"}, "leaves out Chart.yaml"},
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
	if err == nil || !strings.Contains(err.Error(), `name "other" contradicts Chart.yaml, which says "demo"`) {
		t.Errorf("another name: got %v, want \"contradicts Chart.yaml\"", err)
	}
}

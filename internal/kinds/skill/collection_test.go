package skill_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// skillFile returns a SKILL.md with a name, a description, and more front matter.
func skillFile(name, more string) string {
	return "---\nname: " + name + "\ndescription: Does " + name + ".\n" + more + "---\n# " + name + "\n"
}

// TestCollection checks that each skill in a collection has the same manifest as alone, and an index entry with its name and reference.
func TestCollection(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"all/README.md": "# All\n", "all/bb/SKILL.md": skillFile("bb", "version: 2.0.0+a\n"), "all/aa/SKILL.md": skillFile("aa", "version: 1.0.0\nlicense: MIT\n"),
	}
	plan, err := kindtest.Compose(t, files, "kind: skills\nname: tools\nversion: 3.0.0\nconfig: {ref: \"r.example.com/s/{name}:{version}\"}\nlayers: [all/*/]\n")
	if err != nil {
		t.Fatal(err)
	}
	if plan.Annotations["io.agentskills.collection.name"] != "tools" || plan.Annotations["org.opencontainers.image.version"] != "3.0.0" || plan.ArtifactType != "application/vnd.agentskills.collection.v1" {
		t.Errorf("index: got artifactType %q, annotations %q, want a collection named tools, version 3.0.0", plan.ArtifactType, plan.Annotations)
	}
	var entries []string
	for _, p := range plan.Platforms {
		finished, err := p.Finish(nil)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, finished.Entry["io.agentskills.skill.name"]+" "+finished.Entry["io.agentskills.skill.ref"]+" "+finished.Entry["org.opencontainers.image.ref.name"])
		compareAlone(t, files, p)
	}
	if want := []string{"aa r.example.com/s/aa:1.0.0 r.example.com/s/aa:1.0.0", "bb r.example.com/s/bb:2.0.0_a r.example.com/s/bb:2.0.0_a"}; !slices.Equal(entries, want) {
		t.Errorf("got %q, want %q", entries, want)
	}
}

// compareAlone checks that a member of a collection is the same as the plan of its directory as a single skill.
func compareAlone(t *testing.T, files map[string]string, member *spec.Plan) {
	t.Helper()
	alone, err := kindtest.Compose(t, files, "kind: skill\nlayers: ["+member.Layers[0].Path+"/]\n")
	if err != nil {
		t.Fatal(err)
	}
	if member.ArtifactType != alone.ArtifactType || !maps.Equal(member.Annotations, alone.Annotations) || kindtest.ConfigOf(t, member) != kindtest.ConfigOf(t, alone) {
		t.Errorf("%s: got annotations %q, want those of the single skill, %q, and the same artifactType and config", member.Layers[0].Path, member.Annotations, alone.Annotations)
	}
	if a, b := member.Layers[0], alone.Layers[0]; a.Prefix != b.Prefix || a.MediaType != b.MediaType || a.Title != b.Title || a.Image != b.Image {
		t.Errorf("got layer %+v, want %+v as in the single skill", a, b)
	}
}

// TestCollectionRefuses checks that invalid collections are refused.
func TestCollectionRefuses(t *testing.T) {
	t.Parallel()
	const head = "kind: skills\nname: tools\n"
	for name, tc := range map[string]struct{ declared, want string }{
		"collection without a name":         {"kind: skills\nlayers: [a/*/]\n", `kind "skills" needs a name`},
		"collection with platforms":         {head + "platforms: [{platform: linux/amd64, layers: [a/one/]}]\n", `kind "skills" has no platforms`},
		"two skills with one name":          {head + "layers: [a/one/, b/one/]\n", "b/one and a/one are both called one; a collection holds one artifact per name"},
		"directory without a skill":         {head + "layers: [c/]\n", "SKILL.md"},
		"pattern without a match":           {head + "layers: [x/*/]\n", "x/*/"},
		"ref without {name}":                {head + "config: {ref: r.example.com/s}\nlayers: [a/*/]\n", "ref"},
		"ref with {version}, skill without": {head + "config: {ref: \"r.example.com/{name}:{version}\"}\nlayers: [a/*/]\n", "a/one has no version, and ref contains {version}"},
		"config of a single skill":          {head + "config: {license: MIT}\nlayers: [a/*/]\n", "license"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"a/one/SKILL.md": skillFile("one", ""), "b/one/SKILL.md": skillFile("one", ""), "c/README.md": "# C\n"}
			if _, err := kindtest.Compose(t, files, tc.declared); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

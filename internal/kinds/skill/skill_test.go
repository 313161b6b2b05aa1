package skill_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestSkill checks that the config and the annotations are derived from the front matter.
func TestSkill(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "skill")
	kindtest.WantJSON(t, []byte(kindtest.ConfigOf(t, plan)), `{"schemaVersion":"1","name":"greeting","version":"1.0.0","description":"Greets people. Use it to say hello.",
  "license":"MIT","compatibility":"needs a shell","allowedTools":["Bash","Read"],"metadata":{"author":"Ann"}}`)
	if plan.Layers[0].Prefix != "greeting/" || plan.Annotations["io.agentskills.skill.name"] != "greeting" || plan.Annotations[ocispec.AnnotationLicenses] != "MIT" {
		t.Errorf("got prefix %q, annotations %v, want the name greeting and license MIT", plan.Layers[0].Prefix, plan.Annotations)
	}
}

// TestSkillRefuses checks that a SKILL.md is refused if clients would reject it, or if it contradicts davit.yaml.
func TestSkillRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ front, want string }{
		"invalid name":              {"name: Says Hello\ndescription: x\n", `greeting/SKILL.md:2:7: name "Says Hello" is not 2 to 64 lower-case letters`},
		"name of another directory": {"name: other\ndescription: x\n", `name "other" is not that of the directory, "greeting"`},
		"another version":           {"name: greeting\ndescription: x\nversion: 2.0.0\n", `version "1.0.0" contradicts the front matter, which says "2.0.0"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, map[string]string{"greeting/SKILL.md": "---\n" + tc.front + "---\nHello\n"}, "kind: skill\nversion: 1.0.0\nlayers: [greeting/]\n")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestFrontMatterInKindFile checks a kind file whose config is derived from front matter.
func TestFrontMatterInKindFile(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{
		"note.md": "---\ntitle: Hello\nread-by: ann, bob\nsecret: x\n---\nHello\n",
		"note.kind.yaml": `name: note
artifactType: application/vnd.example.note.v1
config:
  mediaType: application/vnd.example.note.config.v1+json
  derive: front-matter
  schema: {type: object, properties: {title: {type: string}, readBy: {type: array}}}
layers: [{role: note, mediaType: text/markdown, match: ["*.md"]}]
`,
	}, "kind: note.kind.yaml\nlayers: [note.md]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantJSON(t, []byte(kindtest.ConfigOf(t, plan)), `{"title":"Hello","readBy":["ann","bob"]}`)
}

// TestFaultySkillsAreDetected checks that a directory whose SKILL.md lacks a field is taken for a skill, so that check names the fault.
func TestFaultySkillsAreDetected(t *testing.T) {
	t.Parallel()
	for front, want := range map[string]string{
		"name: s\ndescription: d": "",
		"name: s\ndescripton: d":  `SKILL.md:3:1: it has no description, which a client requires (rename "descripton" to "description")`,
		"nmae: s\ndescription: d": `it has no name, which a client requires`,
		"title: s":                "generic",
	} {
		fsys := kindtest.Tree(t, map[string]string{"ss/SKILL.md": "---\n" + strings.ReplaceAll(front, " s", " ss") + "\n---\n# S\n"}).FS()
		declared, _, err := artifact.Detect(fsys, []string{"ss"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = artifact.Compose(fsys, declared); declared.Kind == "generic" {
			err = errors.New(declared.Kind)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", front, err, want)
		}
	}
}

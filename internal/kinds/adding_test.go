package kinds_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

func Policy() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:     "policy",
			Summary:  "rules of an admission controller",
			Identity: mediatypes.Identity{ArtifactType: "application/vnd.example.policy.v1"},
			Config:   mediatypes.Config{MediaType: "application/vnd.example.policy.config.v1+json", Derive: "policy"},
			Layers: []mediatypes.LayerType{{
				Role: "rules", MediaType: "application/vnd.example.rules.v1+rego", Match: []string{"*.rego"}, Content: "rego", Min: 1, Tells: true,
			}},
		},
		Derive: derive,
		Tests:  map[string]roles.Test{"rego": {Expects: "a Rego module", Find: isRego}},
	}
}

func isRego(s *tree.Sample) (evidence string, ok bool) {
	return "names its package", bytes.Contains(s.Head(), []byte("package "))
}

func derive(d *compose.Draft) (configblob.Finish, error) {
	rules := 0
	for _, l := range d.WithRole("rules") {
		data, err := tree.ReadFile(d.FS, l.Path, tree.MaxSmallFile)
		if err != nil {
			return nil, &spec.Error{Item: l.Path, Err: err}
		}
		rules += strings.Count(string(data), "\ndeny")
	}
	return configblob.Constant(d.Overlay(map[string]any{"rules": rules}))
}

// TestAddingAKind composes an artifact of the kind in docs/adding-a-kind.md, and checks that the code of the page is in this file.
func TestAddingAKind(t *testing.T) {
	t.Parallel()
	policy := Policy()
	table := &compose.Table{
		Table:  roles.Table{Kinds: []mediatypes.Kind{policy.Kind}, Tests: policy.Tests},
		Derive: map[string]compose.DeriveFunc{policy.Config.Derive: policy.Derive},
	}
	fsys := fstest.MapFS{"admit.rego": {Data: []byte("package admit\ndeny[x] { x := 1 }\ndeny[y] { y := 2 }\n")}}
	plan, err := table.Compose(fsys, &spec.Spec{Kind: "policy", Layers: []spec.LayerSpec{{Path: "admit.rego"}}})
	if err != nil {
		t.Fatal(err)
	}
	finished, err := plan.Finish(nil)
	if got := fmt.Sprint(plan.Layers[0].Role, " ", string(finished.Config)); err != nil || got != `rules {"rules":2}` {
		t.Errorf("got %s, %v, want rules with a config of 2 rules", got, err)
	}

	page, err := os.ReadFile("../../docs/adding-a-kind.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("adding_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Error("docs/adding-a-kind.md: got no Go code, want some")
	}
	for _, block := range blocks {
		if !bytes.Contains(source, block[1]) {
			t.Errorf("docs/adding-a-kind.md has code that is not in adding_test.go:\n%s", block[1])
		}
	}
}

package artifact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

const policyKind = `name: policy
summary: rules for the gate
artifactType: application/vnd.example.policy.v1
config:
  mediaType: application/vnd.example.policy.config.v1+json
  schema:
    type: object
    required: [level]
    properties:
      level: {type: string, enum: [low, high]}
      owner: {type: string}
  defaults: {owner: team, weight: 2.50, small: 1e-7}
layers:
  - {role: rules, mediaType: application/vnd.example.rules, match: ["*.rego"], min: 1, annotations: {com.example.path: "{path}"}}
  - {role: data, mediaType: application/json, match: ["*.json"], max: 1}
annotations: {com.example.team: gate}
`

func TestKindFile(t *testing.T) {
	t.Parallel()
	files := map[string]string{"policy.kind.yaml": policyKind, "r/a.rego": "x", "d.json": "{}"}
	plan, err := kindtest.Compose(t, files, "kind: ./policy.kind.yaml\nlayers: [d.json, 'r/*']\nconfig: {level: high}\nartifactType: application/x\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.Describe(plan), `
	d.json d.json raw application/json as=data
	r/a.rego r/a.rego raw application/vnd.example.rules as=rules map[com.example.path:r/a.rego]`)
	if got, want := kindtest.ConfigOf(t, plan), `{"level":"high","owner":"team","small":1e-7,"weight":2.50}`; got != want || plan.ArtifactType != "application/x" ||
		plan.ConfigType != "application/vnd.example.policy.config.v1+json" || plan.Annotations["com.example.team"] != "gate" {
		t.Errorf("got config %s, want %s; plan %+v", got, want, plan)
	}
}

func TestKindFileProblems(t *testing.T) {
	t.Parallel()
	files := map[string]string{"policy.kind.yaml": policyKind, "a.rego": "x", "shape.kind.yaml": "name: s\nlayers: [{role: a, mediaType: text/plain, match: ['*']}]\nshape: cube\norder: random\nartifactType: a/b\n", "bad.kind.yaml": `nme: x
name: Bad Name
config: {mediaType: x, schema: {type: thing}, derive: magic}
layers:
  - {role: a, mediaType: y, match: ["["], content: spdx-jsn, min: 2, max: 1, packing: rar}
`}
	for _, tc := range []struct{ name, davitYAML, want string }{
		{"invalid config", "kind: ./policy.kind.yaml\nlayers: [a.rego]\nconfig: {owner: 3}\n", `
	davit.yaml:3:9: "level" is missing
	davit.yaml:3:17: "owner": must be a string, not a number (put it in quotes)`},
		{"missing config", "kind: ./policy.kind.yaml\nlayers: [a.rego]\n", `
	davit.yaml:1:1: "level" is missing`},
		{"missing kind file and layer", "kind: ./none.kind.yaml\nlayers: [nothing]\n", `
	davit.yaml:1:7: kind file "./none.kind.yaml" does not exist
	davit.yaml:2:10: "nothing" does not exist`},
		{"kind file outside the directory", "kind: ../x.kind.yaml\nlayers: [a.rego]\n", `
	davit.yaml:1:7: kind file "../x.kind.yaml" leaves the directory of the declaration (move the file below it, or the declaration above)`},
		{"invalid kind file", "kind: bad.kind.yaml\nlayers: [a.rego]\n", `
	bad.kind.yaml:1:1: unknown key "nme" (did you mean "name"?)
	bad.kind.yaml:2:7: "name": "Bad Name" does not match ^[a-z0-9][a-z0-9.-]*$
	bad.kind.yaml:3:21: "x" is not a media type (as in application/vnd.example.thing.v1)
	bad.kind.yaml:3:39: not JSON Schema: "type": must be a type or a list of types: null, boolean, object, array, number, integer, string
	bad.kind.yaml:3:55: unknown derive function "magic"
	bad.kind.yaml:5:26: "y" is not a media type
	bad.kind.yaml:5:37: "[" is not a pattern
	bad.kind.yaml:5:52: unknown content test "spdx-jsn" (did you mean "spdx-json"?)
	bad.kind.yaml:5:75: is less than min, 2
	bad.kind.yaml:5:87: "packing": must not be rar (did you mean "raw"?)`},
		{"value that is not in a list with an empty one", "kind: shape.kind.yaml\nlayers: [a.rego]\n", `
	shape.kind.yaml:3:8: "shape": must not be cube (one of image, index, collection)
	shape.kind.yaml:4:8: "order": must not be random (one of digest, title, role)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, files, tc.davitYAML)
			if !errors.Is(err, spec.ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			kindtest.WantLines(t, fmt.Sprint(err), tc.want)
		})
	}
}

func FuzzParseKind(f *testing.F) {
	f.Add([]byte(policyKind))
	for _, kind := range kinds.Data() {
		printed, err := declare.KindFile(kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(printed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, err := artifact.ParseKind("f", data)
		if err != nil {
			if !errors.Is(err, spec.ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			return
		}
		printed, err := declare.KindFile(kind)
		if err != nil {
			t.Fatal(err)
		}
		again, err := artifact.ParseKind("f", printed)
		if err != nil {
			t.Fatalf("parsing the printed kind file: %v\n%s", err, printed)
		}
		first, _ := json.Marshal(kind)
		second, _ := json.Marshal(again)
		if !bytes.Equal(first, second) {
			t.Errorf("got %s, want %s", second, first)
		}
	})
}

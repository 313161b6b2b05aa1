package artifact_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
)

// A davit.yaml and the files beside it become a plan. The file system of an os.Root keeps links from escaping.
func ExampleCompose() {
	root, err := os.OpenRoot("../examples/runbook")
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	data, err := root.ReadFile("davit.yaml")
	if err != nil {
		log.Fatal(err)
	}
	spec, err := artifact.Parse("davit.yaml", data)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := artifact.Compose(root.FS(), spec)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.ArtifactType)
	for _, layer := range plan.Layers {
		fmt.Println(layer.Role, layer.Title, layer.MediaType)
	}
	fmt.Println(plan.Annotations["dev.davit.runbook.alerts"])
	// Output:
	// application/vnd.davit.runbook.v1
	// runbook greeting-down.md text/markdown
	// GreetingDown,GreetingSlow
}

// All problems are reported at once, each with its position in the file.
func ExampleParse() {
	_, err := artifact.Parse("davit.yaml", []byte("kind: modle\nversion: 1.0\nlyers: [x]\nlayers: [../x]\n"))
	var problems artifact.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Printf("%d:%d %s\n", p.Line, p.Column, p.Message)
		}
	}
	// Output:
	// 1:7 unknown kind "modle"
	// 2:10 "version": must be a string, not a number
	// 3:1 unknown key "lyers"
	// 4:10 path "../x" leaves the directory of the declaration
}

// The contents of plain files show their kind; the notes state the evidence.
func ExampleDetect() {
	files := fstest.MapFS{"bom.txt": {Data: []byte(`{"bomFormat": "CycloneDX", "specVersion": "1.6"}`)}}
	spec, notes, err := artifact.Detect(files, []string{"bom.txt"}, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.Kind, notes)
	// Output: sbom [detected kind sbom: bom.txt has bomFormat CycloneDX 1.6]
}

// A declaration can also be made in Go.
func ExampleSpec() {
	files := fstest.MapFS{"rules.rego": {Data: []byte("package gate\n")}}
	plan, err := artifact.Compose(files, &artifact.Spec{
		Kind:         "generic",
		ArtifactType: "application/vnd.example.rules.v1",
		Layers:       []artifact.LayerSpec{{Path: "rules.rego", MediaType: "application/vnd.example.rego"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.ArtifactType, plan.Layers[0].MediaType)
	// Output: application/vnd.example.rules.v1 application/vnd.example.rego
}

// The command "davit init" writes the result of Starter.
func ExampleStarter() {
	fsys := fstest.MapFS{"notes/hello.txt": {Data: []byte("hello\n")}}
	text, err := artifact.Starter(fsys, "notes", "")
	if err != nil {
		log.Fatal(err)
	}
	spec, err := artifact.Parse("davit.yaml", text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.Kind, spec.Name, spec.Layers[0].Path)
	// Output: generic notes hello.txt
}

// A kind that is not built in comes from a file.
func ExampleParseKind() {
	kind, err := artifact.ParseKind("policy.kind.yaml", []byte(`
name: policy
summary: rules of an admission controller
artifactType: application/vnd.example.policy.v1
layers: [{role: rules, mediaType: application/vnd.example.rules.v1, match: ["*.rego"], packing: raw}]
`))
	if err != nil {
		log.Fatal(err)
	}
	fsys := fstest.MapFS{"a.rego": {Data: []byte("package a\n")}}
	spec, err := artifact.InKind(fsys, []string{"a.rego"}, kind)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := artifact.Compose(fsys, spec)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.ArtifactType, plan.Layers[0].Role)
	// Output: application/vnd.example.policy.v1 rules
}

// Editors can use the JSON Schemas of davit.yaml and of the config of a kind.
func ExampleSchema() {
	for _, kind := range []string{"", "model"} {
		data, err := artifact.Schema(kind)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(json.Valid(data))
	}
	_, err := artifact.Schema("modle")
	fmt.Println(errors.Is(err, artifact.ErrInvalid))
	// Output:
	// true
	// true
	// true
}

func ExampleKindFile() {
	for _, kind := range artifact.Kinds() {
		if kind.Name != "sbom" {
			continue
		}
		data, err := artifact.KindFile(kind)
		if err != nil {
			log.Fatal(err)
		}
		schema, err := artifact.ConfigSchema(kind)
		if err != nil {
			log.Fatal(err)
		}
		again, err := artifact.ParseKind("sbom.kind.yaml", data)
		fmt.Println(again.Name, json.Valid(schema), err)
	}
	// Output: sbom true <nil>
}

func ExampleReadConfig() {
	spec, err := artifact.Parse("davit.yaml", []byte("{kind: runbook, layers: [down.md]}"))
	if err != nil {
		log.Fatal(err)
	}
	if err := artifact.ReadConfig(spec, "config.yaml", []byte("severity: critical\n")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.Config["severity"])
	// Output: critical
}

func ExampleRefused() {
	err := artifact.Refused("app.tar", "manifest too large: limit is %d MiB", 4)
	fmt.Println(err, errors.Is(err, artifact.ErrRefused))
	// Output: "app.tar": manifest too large: limit is 4 MiB true
}

func ExampleIsKindFile() {
	fmt.Println(artifact.IsKindFile("model"), artifact.IsKindFile("./thing.kind.yaml"))
	// Output: false true
}

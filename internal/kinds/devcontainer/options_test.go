package devcontainer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/devcontainer"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestDevContainerOptions checks that invalid options of Features and templates are refused.
func TestDevContainerOptions(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{
		`{}`:                        "",
		`{"a": {"type": "string"}}`: "",
		`{"a": {"type": "boolean", "default": false, "description": "x"}}`:  "",
		`{"a": {"type": "string", "enum": ["x", "y"], "default": "y"}}`:     "",
		`{"a": {"type": "string", "proposals": ["x"], "default": "other"}}`: "",
		`["a"]`:                                                        `options is not an object`,
		`{"a": "string"}`:                                              `option "a": it is not an object with a type`,
		`{"a": {"default": "x"}}`:                                      `option "a": it has no type, which is string or boolean`,
		`{"a": {"type": "int"}}`:                                       `option "a": its type "int" is neither string nor boolean`,
		`{"a": {"type": ["string"]}}`:                                  `option "a": type: want a string, got array`,
		`{"a": {"type": "string", "enum": "x"}}`:                       `option "a": enum: want a list of strings, got string`,
		`{"a": {"type": "string", "default": true}}`:                   `option "a": its default true is not of type string`,
		`{"b": {"type": "boolean", "default": "true"}}`:                "",
		`{"b": {"type": "boolean", "default": "yes"}}`:                 `option "b": its default "yes" is not of type boolean`,
		`{"b": {"type": "boolean", "default": 1}}`:                     `option "b": its default 1 is not of type boolean`,
		`{"b": {"type": "boolean", "enum": ["x"]}}`:                    `option "b": it is boolean and lists values`,
		`{"a": {"type": "string", "enum": ["x"], "proposals": ["x"]}}`: `option "a": it has both enum and proposals`,
		`{"a": {"type": "string", "enum": ["x"], "default": "z"}}`:     `option "a": its default "z" is not in its enum`,
	} {
		for _, kind := range []string{"feature", "template"} {
			files := map[string]string{
				"f/" + devcontainer.File(kind): `{"id":"f","version":"1.0.0","name":"F","options":` + options + `}`,
				"f/install.sh":                 "", "f/.devcontainer.json": `{"image":"x"}`,
			}
			_, err := kindtest.Compose(t, files, "kind: "+kind+"\nlayers: [f/]\n")
			if (want == "") != (err == nil) || !strings.Contains(fmt.Sprint(err), want) && want != "" {
				t.Errorf("%s with options %s: got %v, want %q", kind, options, err, want)
			}
		}
	}
}

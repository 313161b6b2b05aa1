package declare

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/jsonschema"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/mediatypes"
)

// Dialect is the $schema of all of davit's schemas.
const Dialect = jsonschema.Dialect

const tagPattern = `^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`

// SpecSchemaJSON returns the JSON Schema of davit.yaml. Parse checks with it, so editors and davit agree.
func SpecSchemaJSON() ([]byte, error) { return indentJSON(specSchema()) }

// ConfigSchema returns the JSON Schema of config in a davit.yaml of a kind.
func ConfigSchema(k mediatypes.Kind) ([]byte, error) {
	schema := map[string]any{
		"$schema": Dialect,
		"title":   "config of kind " + k.Name,
		"type":    "object",
	}
	for key, value := range k.Config.Schema {
		schema[key] = value
	}
	return indentJSON(schema)
}

func indentJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// text returns the schema of a string that is not empty. Inlined, it would add 7 KB to the program.
//
//go:noinline
func text(description string) map[string]any {
	return map[string]any{"type": "string", "minLength": 1, "description": description}
}

// flag returns the schema of a boolean. Inlined, it would add 3 KB to the program.
//
//go:noinline
func flag(description string) map[string]any {
	return map[string]any{"type": "boolean", "description": description}
}

// list returns the schema of a list. Inlined, it would add 2 KB to the program.
//
//go:noinline
func list(description string, items any) map[string]any {
	return map[string]any{"type": "array", "items": items, "description": description}
}

func atLeastOne(list map[string]any) map[string]any {
	list["minItems"] = 1
	return list
}

func object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func define(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

// pick returns some of the properties of a davit.yaml.
func pick(properties map[string]any, keys ...string) map[string]any {
	picked := map[string]any{}
	for _, key := range keys {
		picked[key] = properties[key]
	}
	return picked
}

// specSchema returns the schema of davit.yaml. Its keys are those of Spec and LayerSpec.
func specSchema() map[string]any {
	all := specProperties()
	referrer := object(pick(all, "kind", "name", "version", "artifactType", "annotations", "config", "layers", "referrers"))
	referrer["required"] = []any{"kind", "layers"}
	platform := object(pick(all, "annotations", "config", "layers"))
	platform["properties"].(map[string]any)["platform"] = map[string]any{
		"type": "string", "description": "OS/ARCH[/VARIANT][:OS_VERSION], as in linux/arm64/v8", "examples": []any{"linux/amd64"}}
	platform["required"] = []any{"platform", "layers"}
	root := object(all)
	root["$schema"], root["title"] = Dialect, "davit.yaml"
	root["required"] = []any{"kind"}
	root["$defs"] = map[string]any{
		"annotations": withExample(map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
			map[string]any{"com.example.team": "hello"}),
		"layer":    layerSchema(),
		"referrer": withExample(referrer, referrerExample),
		"platform": withExample(platform, platformExamples[0]),
	}
	return root
}

// Examples of shapes that are hard to guess.
var (
	referrerExample  = map[string]any{"kind": "sbom", "layers": []any{"sbom.spdx.json"}}
	platformExamples = []any{
		map[string]any{"platform": "linux/amd64", "layers": []any{"amd64/"}},
		map[string]any{"platform": "linux/arm64", "layers": []any{"arm64/"}},
	}
)

func specProperties() map[string]any {
	annotations := define("annotations")
	annotations["description"] = "annotations of the manifest"
	return map[string]any{
		"kind":         text("a built-in kind (davit kinds), or the path of a kind file: ./policy.kind.yaml"),
		"name":         text("org.opencontainers.image.title of the manifest"),
		"version":      text("org.opencontainers.image.version of the manifest"),
		"artifactType": text("another artifactType than the kind's"),
		"tags":         withExample(list("pushed besides the tag of the target", map[string]any{"type": "string", "pattern": tagPattern}), []any{"latest", "1.0"}),
		"immutable":    flag("never move the tag of the target, and that of the version, to other content"),
		"annotations":  annotations,
		"config": withExample(map[string]any{"type": "object", "description": "fields of the kind's config; they override the values read from the files"},
			map[string]any{"quantization": "Q4_K_M"}),
		"layers":    withExample(atLeastOne(list("the files", define("layer"))), []any{"README.md", "docs/"}),
		"platforms": withExample(atLeastOne(list("one artifact per platform under one index, instead of layers", define("platform"))), platformExamples),
		"referrers": withExample(list("packed, pushed and attached together with this artifact", define("referrer")), []any{referrerExample}),
		"subject":   text("a target that this artifact refers to"),
		"base":      text("a target whose layers and config an image or volume builds on"),
	}
}

func layerSchema() map[string]any {
	annotations := define("annotations")
	annotations["description"] = "annotations of the layer"
	schema := object(map[string]any{
		"path": text("a file, a directory or a glob (with ** for any depth), relative to davit.yaml"),
		"as":   text("the role in the kind; found by pattern and content when left out"),
		"packing": map[string]any{"description": "how the files are packed into the layer; each kind has a default",
			"enum": []any{string(mediatypes.Raw), string(mediatypes.Tar), string(mediatypes.TarGzip), string(mediatypes.TarZstd), string(mediatypes.Zip)}},
		"title":       text("name on pull; the path when left out"),
		"mediaType":   text("overrides that of the kind"),
		"annotations": annotations,
		"exclude":     withExample(list("what to leave out of a directory or glob, in the syntax of .dockerignore", map[string]any{"type": "string"}), []any{"**/*.tmp"}),
		"preserve":    flag("keep mode, owner, times and xattrs"),
		"split":       flag("cut a directory into several layers by content, so that a small change moves little"),
	})
	schema["type"] = []any{"string", "object"}
	schema["minLength"] = 1
	schema["required"] = []any{"path"}
	return withExample(schema, map[string]any{"path": "docs/", "title": "docs"})
}

// Checker validates JSON values against a schema, and describes the faults in the terms of davit.yaml.
type Checker struct{ schema *jsonschema.Schema }

// NewChecker compiles a schema given as Go values. It loads no other schemas.
func NewChecker(schema map[string]any) (*Checker, error) {
	var document any
	if err := decodeValue(schema, &document); err != nil {
		return nil, err
	}
	compiled, err := jsonschema.Compile(document)
	if err != nil {
		return nil, err
	}
	return &Checker{compiled}, nil
}

// Fault is one way in which a value does not fit its schema.
type Fault struct {
	Pointer string // of the value, or of the key when key is set
	key     bool
	missing bool // a required key is missing
	Message string
	Hint    string
}

// Check lists the faults of a value, which must have the types that ReadDocument returns.
func (s *Checker) Check(value any) (faults []Fault) {
	for _, f := range s.schema.Check(value) {
		at := pointerTo(f.At)
		switch f.Keyword {
		case "additionalProperties", "unevaluatedProperties":
			for _, key := range f.Names {
				faults = append(faults, Fault{Pointer: at + "/" + EscapePointer(key), key: true,
					Message: fmt.Sprintf("unknown key %q", key), Hint: textdist.Suggest(key, f.Known)})
			}
		case "required":
			for _, key := range f.Names {
				faults = append(faults, Fault{Pointer: at, missing: true, Message: subject(f.At) + fmt.Sprintf("%q is missing", key)})
			}
		default:
			message, hint := explain(f)
			faults = append(faults, Fault{Pointer: at, Message: subject(f.At) + message, Hint: hint})
		}
	}
	return faults
}

// schemaFaults returns the faults of an invalid schema, with their locations if the error of NewChecker has them.
func schemaFaults(err error) (faults []Fault) {
	var invalid jsonschema.InvalidError
	if !errors.As(err, &invalid) {
		return []Fault{{Message: fmt.Sprintf("is not a JSON Schema: %v", err)}}
	}
	for _, m := range invalid {
		faults = append(faults, Fault{Pointer: pointerTo(m.At), Message: "not JSON Schema: " + subject(m.At) + m.Message})
	}
	return faults
}

// explain describes in a few words what a value should be.
func explain(f jsonschema.Fault) (message, hint string) {
	switch f.Keyword {
	case "":
		return "is not allowed here", ""
	case "type":
		want := typesOf(f.Want)
		if f.Got == "number" && slices.Equal(want, []string{"string"}) {
			hint = "put it in quotes"
		} else {
			hint = hintAtShape(f.At, f.Examples)
		}
		return fmt.Sprintf("must be %s, not %s", describeTypes(want), describeTypes(typesOf(f.Got))), hint
	case "enum":
		allowed, _ := f.Want.([]any)
		var words []string
		for _, w := range allowed {
			if w != "" { // the same as leaving the field out
				words = append(words, fmt.Sprint(w))
			}
		}
		typed := fmt.Sprint(f.Got)
		hint, near := textdist.Suggest(typed, words), textdist.Closest(typed, words)
		if near != "" && slices.ContainsFunc(words, func(w string) bool { return w != near && (strings.HasPrefix(w, near) || strings.Contains(w, typed)) }) {
			hint = "one of " + strings.Join(words, ", ") // tar+gzip may be meant as well as tar or zip
		}
		return "must not be " + cmp.Or(typed, "empty"), hint
	case "const":
		return fmt.Sprintf("must be %v", f.Want), ""
	case "pattern":
		if f.Want == tagPattern {
			return fmt.Sprintf("%q is not a tag", f.Got), tagHint
		}
		return fmt.Sprintf("%q does not match %s", f.Got, f.Want), ""
	case "minLength", "minItems", "minProperties":
		if fmt.Sprint(f.Want) == "1" {
			return "must not be empty", ""
		}
	case "anyOf":
		return "fits none of the forms that the schema allows", ""
	case "oneOf":
		return "does not fit exactly one of the forms that the schema allows", ""
	case "not":
		return "is ruled out by the schema", ""
	}
	return explainBound(f), ""
}

// explainBound explains a fault of a keyword that compares or counts.
func explainBound(f jsonschema.Fault) string {
	format := map[string]string{
		"minimum": "must be at least %v", "maximum": "must be at most %v",
		"exclusiveMinimum": "must be more than %v", "exclusiveMaximum": "must be less than %v", "multipleOf": "must be a multiple of %v",
		"minLength": "must have at least %v characters", "maxLength": "must have at most %v characters",
		"minItems": "must have at least %v items", "maxItems": "must have at most %v items",
		"minContains": "must have at least %v such items", "maxContains": "must have at most %v such items",
		"minProperties": "must have at least %v keys", "maxProperties": "must have at most %v keys",
	}[f.Keyword]
	switch {
	case format != "":
		return fmt.Sprintf(format, f.Want)
	case f.Keyword == "uniqueItems":
		return "must not have the same item twice"
	case f.Keyword == "contains":
		return "lacks an item that the schema requires"
	}
	return "is a key that the schema does not allow" // propertyNames
}

// typesOf returns the type names in a value of the keyword type, which is a string or a list.
func typesOf(value any) (names []string) {
	if name, ok := value.(string); ok {
		return []string{name}
	}
	list, _ := value.([]any)
	for _, item := range list {
		names = append(names, fmt.Sprint(item))
	}
	return names
}

// describeTypes returns the names of JSON types in the terms of davit.yaml, such as "a mapping or a list".
func describeTypes(types []string) string {
	words := map[string]string{"object": "a mapping", "array": "a list", "string": "a string", "number": "a number",
		"integer": "an integer", "boolean": "true or false", "null": "nothing"}
	named := make([]string, len(types))
	for i, t := range types {
		named[i] = words[t]
	}
	return strings.Join(named, " or ")
}

func pointerTo(location []string) string {
	var b strings.Builder
	for _, token := range location {
		b.WriteString("/" + EscapePointer(token))
	}
	return b.String()
}

// subject returns the beginning of a message about a value, with the last key in its location: `"config": `.
func subject(location []string) string {
	if key := lastKey(location); key != "" {
		return fmt.Sprintf("%q: ", key)
	}
	return ""
}

// lastKey returns the last token of a location that is not an index, or "".
func lastKey(location []string) string {
	for i := len(location) - 1; i >= 0; i-- {
		if _, err := strconv.Atoi(location[i]); err != nil {
			return location[i]
		}
	}
	return ""
}

// CheckValue validates a value of any Go types that can be encoded as JSON. It fails if the schema is invalid.
func CheckValue(schema map[string]any, value any) ([]Fault, error) {
	checker, err := NewChecker(schema)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := decodeValue(value, &plain); err != nil {
		return nil, err
	}
	return checker.Check(plain), nil
}

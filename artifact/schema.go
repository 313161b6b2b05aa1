package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

const (
	dialect    = "https://json-schema.org/draft/2020-12/schema"
	tagPattern = `^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`
)

// Schema returns a JSON Schema (2020-12): of davit.yaml when kind is empty, else of the config of that built-in kind.
// Parse checks davit.yaml with the same schema, so editors and davit agree.
func Schema(kind string) ([]byte, error) {
	if kind == "" {
		return indentJSON(specSchema())
	}
	k, ok := mediatypes.Lookup(kind)
	if !ok {
		return nil, unknownKind(kind)
	}
	schema := map[string]any{
		"$schema": dialect,
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

func text(description string) map[string]any {
	return map[string]any{"type": "string", "minLength": 1, "description": description}
}

func flag(description string) map[string]any {
	return map[string]any{"type": "boolean", "description": description}
}

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

// pick takes some of the properties of a davit.yaml.
func pick(properties map[string]any, keys ...string) map[string]any {
	picked := map[string]any{}
	for _, key := range keys {
		picked[key] = properties[key]
	}
	return picked
}

// specSchema is what davit.yaml may say. Its keys are those of Spec and LayerSpec.
func specSchema() map[string]any {
	all := specProperties()
	referrer := object(pick(all, "kind", "name", "version", "artifactType", "annotations", "config", "layers", "referrers"))
	referrer["required"] = []any{"kind", "layers"}
	platform := object(pick(all, "annotations", "config", "layers", "base"))
	platform["properties"].(map[string]any)["platform"] = map[string]any{
		"type": "string", "description": "OS/ARCH[/VARIANT][:OS_VERSION], as in linux/arm64/v8", "examples": []any{"linux/amd64"}}
	platform["required"] = []any{"platform", "layers"}
	root := object(all)
	root["$schema"], root["title"] = dialect, "davit.yaml"
	root["required"] = []any{"kind"}
	root["$defs"] = map[string]any{
		"annotations": map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
		"layer":       layerSchema(),
		"referrer":    referrer,
		"platform":    platform,
	}
	return root
}

func specProperties() map[string]any {
	annotations := define("annotations")
	annotations["description"] = "annotations of the manifest"
	return map[string]any{
		"kind":         text("a built-in kind (davit kinds), or the path of a kind file: ./policy.kind.yaml"),
		"name":         text("org.opencontainers.image.title of the manifest"),
		"version":      text("org.opencontainers.image.version of the manifest"),
		"artifactType": text("another artifactType than the kind's"),
		"tags":         list("pushed besides the tag of the target", map[string]any{"type": "string", "pattern": tagPattern}),
		"annotations":  annotations,
		"config":       map[string]any{"type": "object", "description": "fields of the kind's config; they win over what is read out of the files"},
		"layers":       atLeastOne(list("the files", define("layer"))),
		"platforms":    atLeastOne(list("one artifact per platform under one index, instead of layers", define("platform"))),
		"referrers":    list("packed, pushed and attached together with this artifact", define("referrer")),
		"subject":      text("a target that this artifact refers to"),
		"base":         text("a target whose layers and config an image or volume builds on"),
	}
}

func layerSchema() map[string]any {
	annotations := define("annotations")
	annotations["description"] = "annotations of the layer"
	schema := object(map[string]any{
		"path": text("a file, a directory or a glob (with ** for any depth), relative to davit.yaml"),
		"as":   text("the role in the kind; found by pattern and content when left out"),
		"packing": map[string]any{"description": "how files become the layer; the kind has a default",
			"enum": []any{string(mediatypes.Raw), string(mediatypes.Tar), string(mediatypes.TarGzip), string(mediatypes.TarZstd)}},
		"title":       text("name on pull; the path when left out"),
		"mediaType":   text("wins over the kind's"),
		"annotations": annotations,
		"exclude":     list("what to leave out of a directory or glob, in the syntax of .dockerignore", map[string]any{"type": "string"}),
		"preserve":    flag("keep mode, owner, times and xattrs"),
		"split":       flag("cut a directory into several layers by content, so that a small change moves little"),
	})
	schema["type"] = []any{"string", "object"}
	schema["minLength"] = 1
	schema["required"] = []any{"path"}
	return schema
}

// schemaChecker validates JSON values against a schema and tells what is wrong in davit's words.
type schemaChecker struct {
	schema   *jsonschema.Schema
	document any // the schema itself, to look up what it allows
}

// schemaURL names a schema while it is compiled. Nothing can be relative to it.
const schemaURL = "urn:davit:schema"

// newSchemaChecker compiles a schema given as Go values. It loads nothing from anywhere.
func newSchemaChecker(schema map[string]any) (*schemaChecker, error) {
	encoded, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	compiled, err := compiler.Compile(schemaURL)
	if err != nil {
		return nil, err
	}
	return &schemaChecker{compiled, document}, nil
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a schema may refer only to itself", url)
}

// fault is one way in which a value does not fit its schema.
type fault struct {
	pointer string // of the value, or of the key when key is set
	key     bool
	missing bool // a required key is not there
	message string
	hint    string
}

// check lists what is wrong with a value, which must consist of what readDocument makes.
func (s *schemaChecker) check(value any) []fault {
	var invalid *jsonschema.ValidationError
	if !errors.As(s.schema.Validate(value), &invalid) {
		return nil
	}
	return s.faults(invalid, nil)
}

// schemaFaults are what keeps a schema from being one, where the error of newSchemaChecker says it by place.
func schemaFaults(err error) []fault {
	var broken *jsonschema.SchemaValidationError
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &broken) || !errors.As(broken.Err, &invalid) {
		return []fault{{message: fmt.Sprintf("is not a JSON Schema: %v", err)}}
	}
	faults := (&schemaChecker{}).faults(invalid, nil)
	for i := range faults {
		faults[i].message = "not JSON Schema: " + faults[i].message
	}
	return faults
}

func (s *schemaChecker) faults(e *jsonschema.ValidationError, faults []fault) []fault {
	at := pointerTo(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range e.Causes {
			faults = s.faults(cause, faults)
		}
		return faults
	case *kind.AdditionalProperties:
		for _, key := range slices.Sorted(slices.Values(k.Properties)) {
			hint := didYouMean(key, s.properties(e.SchemaURL))
			faults = append(faults, fault{pointer: at + "/" + escapePointer(key), key: true, message: fmt.Sprintf("unknown key %q", key), hint: hint})
		}
		return faults
	case *kind.Required:
		for _, key := range k.Missing {
			faults = append(faults, fault{pointer: at, missing: true, message: subject(e.InstanceLocation) + fmt.Sprintf("%q is missing", key)})
		}
		return faults
	}
	message, hint := explain(e.ErrorKind)
	return append(faults, fault{pointer: at, message: subject(e.InstanceLocation) + message, hint: hint})
}

// explain says in a few words what a value should have been.
func explain(e jsonschema.ErrorKind) (message, hint string) {
	switch k := e.(type) {
	case *kind.Type:
		if k.Got == "number" && slices.Equal(k.Want, []string{"string"}) {
			hint = "put it in quotes"
		}
		return fmt.Sprintf("must be %s, not %s", article(k.Want), article([]string{k.Got})), hint
	case *kind.Enum:
		words := make([]string, len(k.Want))
		for i, w := range k.Want {
			words[i] = fmt.Sprint(w)
		}
		return fmt.Sprintf("must not be %v", k.Got), didYouMean(fmt.Sprint(k.Got), words)
	case *kind.Pattern:
		if k.Want == tagPattern {
			return fmt.Sprintf("%q is not a tag", k.Got), tagHint
		}
		return fmt.Sprintf("%q does not match %s", k.Got, k.Want), ""
	case *kind.MinLength:
		if k.Want == 1 {
			return "must not be empty", ""
		}
	case *kind.MinItems:
		if k.Want == 1 {
			return "must not be empty", ""
		}
	case *kind.OneOf, *kind.AnyOf:
		return "fits none of the forms that the schema allows", ""
	}
	return e.LocalizedString(printer()), ""
}

// article puts "a" or "an" before the names of JSON types, as davit.yaml's users call them.
func article(types []string) string {
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
		b.WriteString("/" + escapePointer(token))
	}
	return b.String()
}

// subject names the last key on the way to a value: `"config": `.
func subject(location []string) string {
	for i := len(location) - 1; i >= 0; i-- {
		if _, err := strconv.Atoi(location[i]); err != nil {
			return fmt.Sprintf("%q: ", location[i])
		}
	}
	return ""
}

// properties lists the keys that a part of the schema allows.
func (s *schemaChecker) properties(url string) []string {
	part := s.document
	_, pointer, _ := strings.Cut(url, "#")
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~", "%24", "$", "%25", "%").Replace(token)
		switch p := part.(type) {
		case map[string]any:
			if token != "" {
				part = p[token]
			}
		case []any:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(p) {
				part = p[i]
			}
		}
	}
	object, _ := part.(map[string]any)
	known, _ := object["properties"].(map[string]any)
	keys := make([]string, 0, len(known))
	for key := range known {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func printer() *message.Printer { return message.NewPrinter(language.English) }

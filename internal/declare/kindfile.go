package declare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"gopkg.in/yaml.v3"
)

// ParseKind reads a kind file: a kind that is not built in, with the fields of mediatypes.Kind. The error is a spec.Problems if the file has
// faults.
func ParseKind(known Catalog, name string, data []byte) (mediatypes.Kind, error) {
	doc := ReadDocument(name, data)
	if doc.Value == nil && len(doc.Problems) > 0 {
		return mediatypes.Kind{}, doc.Problems.Err()
	}
	checker, err := NewChecker(kindSchema())
	if err != nil {
		return mediatypes.Kind{}, fmt.Errorf("reading the schema of kind files: %w", err)
	}
	for _, f := range checker.Check(doc.Value) {
		doc.AddFault(doc, "", f)
		if !f.missing {
			doc.drop(f.Pointer) // the rest is still read
		}
	}
	var kind mediatypes.Kind
	if err := decodeValue(doc.Value, &kind); err == nil {
		checkKindFile(known, kind, func(at, message, hint string) {
			doc.Problems = append(doc.Problems, doc.Problem(at, message, hint))
		})
	}
	return kind, doc.Problems.Err()
}

// KindFile returns the kind file of a kind. A built-in kind packs to the same bytes through its file.
func KindFile(kind mediatypes.Kind) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	kind.Config.Schema, _ = convertNumbers(kind.Config.Schema).(map[string]any)
	kind.Config.Defaults, _ = convertNumbers(kind.Config.Defaults).(map[string]any)
	if err := e.Encode(kind); err != nil {
		return nil, fmt.Errorf("printing kind %q: %w", kind.Name, err)
	}
	return b.Bytes(), e.Close()
}

// convertNumbers copies a JSON value for the YAML library, which treats a json.Number as a string.
func convertNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		object := make(map[string]any, len(v))
		for key, value := range v {
			object[key] = convertNumbers(value)
		}
		return object
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = convertNumbers(item)
		}
		return items
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(string(v), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: string(v)}
	}
	return v
}

// checkKindFile reports problems that a schema can't detect.
func checkKindFile(known Catalog, k mediatypes.Kind, report func(at, message, hint string)) {
	if k.ArtifactType == "" && !k.TypeFromLayer && k.Config.MediaType == "" {
		report("", "nothing identifies the kind", "set artifactType")
	}
	for _, t := range []struct{ at, mediaType string }{{"/artifactType", k.ArtifactType}, {"/config/mediaType", k.Config.MediaType}} {
		if t.mediaType != "" && !isMediaType(t.mediaType) {
			report(t.at, fmt.Sprintf("%q is not a media type", t.mediaType), "as in application/vnd.example.thing.v1")
		}
	}
	if d := k.Config.Derive; d != "" && !slices.Contains(known.Derives, d) {
		report("/config/derive", fmt.Sprintf("unknown derive function %q", d), "")
	}
	if k.Tag != "" && k.VersionTag {
		report("/tag", "contradicts versionTag", "leave one of them out")
	}
	checkKindSchema(k, report)
	if _, err := tree.NewIgnorer(".", []byte(strings.Join(k.Exclude, "\n"))); err != nil {
		report("/exclude", err.Error(), "")
	}
	for i, l := range k.Layers {
		checkKindLayer(known, l, LayerAt(i), report)
	}
}

func checkKindSchema(k mediatypes.Kind, report func(at, message, hint string)) {
	if len(k.Config.Schema) == 0 {
		return
	}
	checker, err := NewChecker(k.Config.Schema)
	if err != nil {
		for _, f := range schemaFaults(err) {
			report("/config/schema"+f.Pointer, f.Message, f.Hint)
		}
		return
	}
	var defaults any = map[string]any{}
	if err := decodeValue(k.Config.Defaults, &defaults); err != nil || defaults == nil {
		return
	}
	for _, f := range checker.Check(defaults) {
		if !f.missing { // the declaration supplies the rest
			report("/config/defaults"+f.Pointer, f.Message, f.Hint)
		}
	}
}

func checkKindLayer(known Catalog, l mediatypes.LayerType, at string, report func(at, message, hint string)) {
	if l.MediaType != "" && !isMediaType(l.MediaType) {
		report(at+"/mediaType", fmt.Sprintf("%q is not a media type", l.MediaType), "")
	}
	for packing, mediaType := range l.MediaTypes {
		if !isMediaType(mediaType) {
			report(at+"/mediaTypes/"+EscapePointer(string(packing)), fmt.Sprintf("%q is not a media type", mediaType), "")
		}
	}
	for key, patterns := range map[string][]string{"/match/": l.Match, "/claims/": l.Claims} {
		for i, pattern := range patterns {
			if !doublestar.ValidatePattern(strings.TrimSuffix(pattern, "/")) {
				report(at+key+strconv.Itoa(i), fmt.Sprintf("%q is not a pattern", pattern), "")
			}
		}
	}
	if _, err := tree.NewIgnorer(".", []byte(strings.Join(l.Exclude, "\n"))); err != nil {
		report(at+"/exclude", err.Error(), "")
	}
	if l.Content != "" && !slices.Contains(known.Tests, l.Content) {
		report(at+"/content", fmt.Sprintf("unknown content test %q", l.Content), textdist.Suggest(l.Content, known.Tests))
	}
	if l.Max > 0 && l.Min > l.Max {
		report(at+"/max", fmt.Sprintf("is less than min, %d", l.Min), "")
	}
}

// kindSchema returns the schema of a kind file: the fields of mediatypes.Kind.
func kindSchema() map[string]any {
	strings := map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}
	words := list("", map[string]any{"type": "string"})
	root := object(map[string]any{
		"name":          map[string]any{"type": "string", "pattern": `^[a-z0-9][a-z0-9.-]*$`},
		"summary":       text("one line for help"),
		"artifactType":  text("of the manifest"),
		"typeFromLayer": flag("the first layer's media type is the artifactType"),
		"types":         words,
		"shape":         map[string]any{"enum": []any{"", string(mediatypes.Image), string(mediatypes.Index), string(mediatypes.Collection)}},
		"config": object(map[string]any{
			"mediaType": text(""), "optional": flag(""), "derive": text(""),
			"schema": map[string]any{"type": "object"}, "defaults": map[string]any{"type": "object"},
		}),
		"layers":          atLeastOne(list("roles; the first that matches a file wins", kindLayerSchema())),
		"order":           map[string]any{"enum": []any{"", string(mediatypes.ByDigest), string(mediatypes.ByTitle), string(mediatypes.ByRole)}},
		"expand":          flag("a directory that no role takes whole becomes a layer per file"),
		"perEntry":        flag("a directory without davit.yaml is packed entry by entry"),
		"exclude":         list("what directories and globs leave out", text("")),
		"ignoreFile":      text("the native client's .dockerignore"),
		"annotations":     strings,
		"attached":        flag("mostly a referrer of something else"),
		"versionTag":      flag("the tag of a push must be the version, by which native clients find an artifact"),
		"tag":             text("the tag of every push, by which native clients find an artifact"),
		"namedRepository": flag("the last part of the repository of a push must be the name, by which native clients find an artifact"),
		"namedUse":        text("what needs such a repository, if all else works without it: as a dependency"),
		"namespaced":      flag("native clients find only repositories with at least two parts"),
		"readOnly":        map[string]any{"const": false},
		"clients":         words,
		"example":         text(""),
	})
	root["$schema"], root["title"] = Dialect, "kind file"
	root["required"] = []any{"name", "layers"}
	return root
}

func kindLayerSchema() map[string]any {
	strings := map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}
	packing := layerSchema()["properties"].(map[string]any)["packing"]
	number := map[string]any{"type": "integer", "minimum": 0}
	layer := object(map[string]any{
		"role": text("what the file is in the kind"), "mediaType": text("of the blob in its default packing"),
		"mediaTypes": strings, "match": list("", text("")), "content": text("a test of the file's content"),
		"exclude": list("what a directory leaves out unless davit.yaml says exclude", text("")),
		"claims":  list("names of files that are broken where they fail it", text("")), "packing": packing,
		"min": number, "max": number, "tells": flag(""), "prefix": text(""), "untitled": flag(""), "preserve": flag(""), "split": flag(""), "follow": flag(""), "archive": flag(""), "file": flag("a pull leaves the tar as it is"), "annotations": strings,
	})
	layer["required"] = []any{"role", "mediaType"}
	return layer
}

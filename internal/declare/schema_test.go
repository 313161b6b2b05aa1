package declare

import (
	"reflect"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
)

// TestSchemasMatchFields checks that each schema has a key for every field of its struct, and no others.
func TestSchemasMatchFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		schema map[string]any
		fields reflect.Type
		inner  []string // at most one field that the schema does not have
	}{
		{"davit.yaml", specSchema(), reflect.TypeFor[spec.Spec](), []string{"platform"}},
		{"layer", layerSchema(), reflect.TypeFor[spec.LayerSpec](), nil},
		{"kind file", kindSchema(), reflect.TypeFor[mediatypes.Kind](), nil},
		{"kind file's config", kindSchema()["properties"].(map[string]any)["config"].(map[string]any), reflect.TypeFor[mediatypes.Config](), nil},
		{"kind file's layer", kindLayerSchema(), reflect.TypeFor[mediatypes.LayerType](), nil},
	} {
		keys := map[string]bool{}
		for key := range tc.schema["properties"].(map[string]any) {
			keys[key] = true
		}
		for _, field := range reflect.VisibleFields(tc.fields) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || field.Anonymous || name == "-" {
				continue
			}
			if !keys[name] && (len(tc.inner) == 0 || tc.inner[0] != name) {
				t.Errorf("%s: the schema lacks %q", tc.name, name)
			}
			delete(keys, name)
		}
		if len(keys) > 0 {
			t.Errorf("%s: the schema has keys without a field: %v", tc.name, keys)
		}
	}
}

package look

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/inspect"
)

// addConfig draws the fields of a config with their values.
func addConfig(t *term.Tree, config *inspect.Config) {
	if config == nil || len(config.Content) == 0 || bytes.Equal(bytes.TrimSpace(config.Content), []byte("{}")) {
		return
	}
	var value any
	dec := json.NewDecoder(bytes.NewReader(config.Content))
	dec.UseNumber()
	if dec.Decode(&value) != nil {
		return
	}
	list := t.Add("config", config.MediaType)
	history := takeHistory(value)
	if len(history) > 0 {
		defer addHistory(t, history)
	}
	fields := flatten("", value, nil)
	for i, f := range fields {
		if i == maxFields {
			list.Add(fmt.Sprintf("and %s (--config)", term.Plural(len(fields)-i, "more field")))
			return
		}
		list.Add(f[:]...)
	}
}

// takeHistory removes the history from an image config, which is drawn on its own because it describes each layer. It also
// removes the digests of the uncompressed layers, which say nothing to people.
func takeHistory(config any) []any {
	fields, ok := config.(map[string]any)
	if !ok || fields["rootfs"] == nil {
		return nil
	}
	delete(fields, "rootfs")
	history, _ := fields["history"].([]any)
	if len(history) > 0 {
		delete(fields, "history")
	}
	return history
}

func addHistory(t *term.Tree, history []any) {
	list := t.Add("history")
	for i, step := range history {
		if i == maxFields {
			list.Add(fmt.Sprintf("and %s (--config)", term.Plural(len(history)-i, "more step")))
			return
		}
		fields, _ := step.(map[string]any)
		text := func(key string) string { s, _ := fields[key].(string); return s }
		size := "layer"
		if empty, _ := fields["empty_layer"].(bool); empty {
			size = "no layer"
		}
		list.Add(size, term.Shorten(cmp.Or(text("created_by"), text("comment"), text("created")), maxShown))
	}
}

// flatten returns a JSON value as fields "path.to.field" with values. A list of scalars is one value; for other lists, and for
// digests, only the length is shown.
func flatten(path string, value any, fields [][2]string) [][2]string {
	switch v := value.(type) {
	case map[string]any:
		if path != "" && isSet(v) {
			return append(fields, [2]string{path, term.Shorten(strings.Join(slices.Sorted(maps.Keys(v)), ", "), maxShown)})
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fields = flatten(strings.TrimPrefix(path+"."+key, "."), v[key], fields)
		}
		return fields
	case []any:
		return append(fields, [2]string{path, flattenList(v)})
	case nil:
		return fields
	}
	return append(fields, [2]string{path, term.Shorten(fmt.Sprint(value), maxShown)})
}

// isSet reports whether an object only lists its keys, as an image config does its ports and volumes.
func isSet(object map[string]any) bool {
	for _, value := range object {
		if fields, ok := value.(map[string]any); !ok || len(fields) > 0 {
			return false
		}
	}
	return len(object) > 0
}

func flattenList(list []any) string {
	words := make([]string, len(list))
	for i, v := range list {
		switch v.(type) {
		case map[string]any, []any:
			return term.Plural(len(list), "item")
		}
		words[i] = fmt.Sprint(v)
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "sha256:") {
		return term.Plural(len(list), "digest")
	}
	return term.Shorten(strings.Join(words, ", "), maxShown)
}

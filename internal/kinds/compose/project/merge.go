// Package project checks a compose application as docker compose does: whether its parts fit together.
package project

import (
	"path"
	"strings"
)

// Model is an application as docker compose sees it, with its files read, included, extended, and merged. Values have the types
// of encoding/json. Lists that have a longer form are mappings.
type Model = map[string]any

// List returns the items of a list; a single value is a list of one.
func List(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

// names lists the keys of a mapping.
func names(value any) []string {
	m, _ := value.(Model)
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

// Text returns a string, or "" for a value of another type.
func Text(value any) string {
	s, _ := value.(string)
	return s
}

// Merge merges over into m, which it changes. Like docker compose, it joins mappings by key, and appends lists, except for commands
// and tests.
func Merge(m, over Model) {
	for key, value := range over {
		old, exists := m[key]
		below, isMap := old.(Model)
		above, overMap := value.(Model)
		oldList, isList := old.([]any)
		newList, overList := value.([]any)
		switch {
		case isMap && overMap:
			Merge(below, above)
		case isList && overList && key != "command" && key != "entrypoint" && key != "test":
			m[key] = append(oldList[:len(oldList):len(oldList)], newList...)
		case value != nil || !exists:
			m[key] = value
		}
	}
}

// Clone returns a deep copy of a value, for Merge to change.
func Clone(value any) any {
	switch v := value.(type) {
	case Model:
		c := make(Model, len(v))
		for key, item := range v {
			c[key] = Clone(item)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, item := range v {
			c[i] = Clone(item)
		}
		return c
	}
	return value
}

// Expand converts the fields of a service to the long form, in which they are merged.
func Expand(service Model) {
	for _, key := range [...]string{"networks", "depends_on", "models"} {
		if items, ok := service[key].([]any); ok {
			m := Model{}
			for _, item := range items {
				m[Text(item)] = nil
			}
			service[key] = m
		}
	}
	if build, ok := service["build"].(string); ok {
		service["build"] = Model{"context": build}
	}
	if volumes, ok := service["volumes"].([]any); ok {
		m := Model{}
		for _, item := range volumes {
			target, mount := parseMount(item)
			m[path.Clean(target)] = mount
		}
		service["volumes"] = m
	}
}

// parseMount returns the target of an entry of volumes in a service, and the name of the volume mounted there, or "" if the entry
// does not mount a named volume.
func parseMount(volume any) (target, mount string) {
	if long, ok := volume.(Model); ok {
		if long["type"] == "volume" {
			mount = Text(long["source"])
		}
		return Text(long["target"]), mount
	}
	short := Text(volume)
	if strings.Contains(short, "$") {
		return short, "" // the parts are unknown
	}
	drive := 0
	if len(short) > 1 && short[1] == ':' {
		drive = 2 // the drive of a Windows path
	}
	source, rest, ok := strings.Cut(short[drive:], ":")
	if !ok {
		return short, ""
	}
	target, _, _ = strings.Cut(rest, ":")
	if drive == 0 && source != "" && !strings.ContainsRune("./~", rune(source[0])) {
		return target, source
	}
	return target, ""
}

package view

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/mediatypes"
)

// Option is an option of a Dev Container Feature or Template.
type Option struct{ Name, Type, Default, Values, About string }

const (
	// maxOptions limits the options on a page, and maxOptionValues the values of each.
	maxOptions      = 200
	maxOptionValues = 20
)

// anyText is a JSON string, or the JSON text of another value.
type anyText string

// UnmarshalJSON accepts a value of any type.
func (t *anyText) UnmarshalJSON(data []byte) error {
	*t = anyText(jsonwalk.Text(data))
	if *t == "" && string(data) != `""` {
		*t = anyText(data)
	}
	return nil
}

// Metadata parses the annotation of a Dev Container Feature or Template, and returns facts about it and its options. Other
// artifacts have neither.
func Metadata(annotations map[string]string) ([]Field, []Option) {
	var m struct {
		Name, Description, DocumentationURL anyText
		Options                             map[string]struct {
			Type, Default, Description anyText
			Enum, Proposals            []anyText
		}
	}
	if json.Unmarshal([]byte(annotations[mediatypes.DevContainerMetadata]), &m) != nil {
		return nil, nil
	}
	var facts []Field
	for _, f := range []Field{{"name", string(m.Name)}, {"about", string(m.Description)}, {"documentation", string(m.DocumentationURL)}} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	var options []Option
	for _, name := range slices.Sorted(maps.Keys(m.Options)) {
		o := m.Options[name]
		var values []string
		for _, v := range slices.Concat(o.Enum, o.Proposals) {
			values = append(values, string(v))
		}
		values = values[:min(len(values), maxOptionValues)]
		options = append(options, Option{name, string(o.Type), string(o.Default), strings.Join(values, ", "), string(o.Description)})
	}
	return facts, options[:min(len(options), maxOptions)]
}

package devcontainer

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

const (
	// maxOptions limits the options that About returns, and maxOptionValues the values of each.
	maxOptions      = 200
	maxOptionValues = 20
)

// anyText is a JSON string, or the JSON text of another value. It is empty for null.
type anyText string

// UnmarshalJSON accepts a value of any type.
func (t *anyText) UnmarshalJSON(data []byte) error {
	*t = anyText(jsonwalk.Text(data))
	if *t == "" && string(data) != `""` && string(data) != "null" {
		*t = anyText(data)
	}
	return nil
}

// About returns facts about a Feature or Template, and its options, from the annotation with its metadata.
func About(annotations map[string]string) ([]kind.Fact, []kind.Option) {
	var m struct {
		Name, Version, Description, DocumentationURL anyText
		Options                                      map[string]struct {
			Type, Default, Description anyText
			Enum, Proposals            []anyText
		}
	}
	_ = json.Unmarshal([]byte(annotations[mediatypes.DevContainerMetadata]), &m) // it fills in the fields that have the right type
	var facts []kind.Fact
	for _, f := range []kind.Fact{
		{Name: "name", Value: string(m.Name)}, {Name: "version", Value: string(m.Version)},
		{Name: "description", Value: string(m.Description)}, {Name: "documentation", Value: string(m.DocumentationURL)},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	var options []kind.Option
	for _, name := range slices.Sorted(maps.Keys(m.Options)) {
		if len(options) == maxOptions {
			break
		}
		o := m.Options[name]
		option := kind.Option{Name: name, Type: string(o.Type), Default: string(o.Default), Description: string(o.Description)}
		for _, v := range slices.Concat(o.Enum, o.Proposals) {
			if len(option.Values) < maxOptionValues {
				option.Values = append(option.Values, string(v))
			}
		}
		options = append(options, option)
	}
	return facts, options
}

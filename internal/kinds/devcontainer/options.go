package devcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/davit-oci/davit/internal/declare"
)

// option is an option of a feature or template, as in devContainerFeature.schema.json of devcontainers/spec.
type option struct {
	Type      string          `json:"type"`
	Default   json.RawMessage `json:"default"`
	Enum      []string        `json:"enum"`
	Proposals []string        `json:"proposals"`
}

// checkOptions checks the declarations of options. The devcontainer CLI does not, but tools fail when a user sets an invalid
// option.
func (m *Metadata) checkOptions() {
	if m.fields["options"] == nil {
		return
	}
	var options map[string]json.RawMessage
	if err := json.Unmarshal(m.fields["options"], &options); err != nil {
		m.File.Add("/options", "options is not an object of options by name")
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		var o option
		var wrong *json.UnmarshalTypeError
		err := json.Unmarshal(options[name], &o)
		if errors.As(err, &wrong) && wrong.Field != "" {
			err = fmt.Errorf("%s: want a %s, got %s", wrong.Field, typeOf(wrong.Field), wrong.Value)
		} else if err != nil {
			err = errors.New("it is not an object with a type")
		} else {
			err = o.check()
		}
		if err != nil {
			m.File.Add("/options/"+declare.EscapePointer(name), fmt.Sprintf("option %q: %v", name, err))
		}
	}
}

// typeOf returns the type that a field of an option must have.
func typeOf(field string) string {
	if field == "type" {
		return "string"
	}
	return "list of strings"
}

func (o option) check() error {
	var fallback any
	if o.Default != nil {
		if err := json.Unmarshal(o.Default, &fallback); err != nil {
			return err
		}
	}
	text, isString := fallback.(string)
	_, isBool := fallback.(bool)
	isBool = isBool || text == "true" || text == "false" // as official templates write it; it is substituted as text anyway
	lists := o.Enum != nil || o.Proposals != nil
	switch {
	case o.Type == "":
		return errors.New("it has no type, which is string or boolean")
	case o.Type != "string" && o.Type != "boolean":
		return fmt.Errorf("its type %q is neither string nor boolean", o.Type)
	case o.Type == "boolean" && lists:
		return errors.New("it is boolean and lists values: only a string option can")
	case o.Type == "boolean" && o.Default != nil && !isBool, o.Type == "string" && o.Default != nil && !isString:
		return fmt.Errorf("its default %s is not of type %s", o.Default, o.Type)
	case o.Enum != nil && o.Proposals != nil:
		return errors.New("it has both enum and proposals")
	case o.Enum != nil && isString && !slices.Contains(o.Enum, text):
		return fmt.Errorf("its default %q is not in its enum", text)
	}
	return nil
}

package printer

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/textdist"
)

// field is a field of a result, at any depth.
type field struct {
	name  string
	value any
	path  string // from the innermost enclosing list, with dots between names

	before, after string // open and close the ranges over the enclosing lists
}

// template returns a template that prints the field.
func (f field) template() string {
	return f.before + "{{." + f.path + "}}" + f.after
}

// identifier matches names that can follow a dot in a template.
var identifier = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)

// children returns the fields of an object, or those of the first object in a list.
func (f field) children() []field {
	if list, ok := f.value.([]any); ok && len(list) > 0 {
		f.before += fmt.Sprintf("{{range .%s}}", f.path)
		f.value, f.path, f.after = list[0], "", "{{\"\\n\"}}{{end}}"+f.after
	}
	var all []field
	object, _ := f.value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if identifier().MatchString(name) {
			path := strings.TrimPrefix(f.path+"."+name, ".")
			all = append(all, field{name: name, value: object[name], path: path, before: f.before, after: f.after})
		}
	}
	return all
}

// findClosestField returns the field whose name equals name or is most similar to it, or an empty field. It searches below each of the given
// fields in turn. Of several fields with this name, it returns the least nested one that every object of its list has.
func findClosestField(name string, data any, below ...field) field {
	for _, f := range below {
		var names []string
		all := f.children()
		for i := 0; i < len(all); i++ {
			all = append(all, all[i].children()...)
			names = append(names, all[i].name)
		}
		meant := textdist.Closest(name, names)
		if i := slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(s, name) }); i >= 0 {
			meant = names[i]
		}
		for _, f := range all {
			if f.name == meant && f.isIn(data) {
				return f
			}
		}
	}
	return field{}
}

// isIn reports whether the template of the field prints a result.
func (f field) isIn(data any) bool {
	t, err := parseTemplate(f.template())
	return err == nil && t.Execute(io.Discard, data) == nil
}

// Package chart reads Helm charts: Chart.yaml, packaged charts, and .helmignore, as Helm 4 does (helm.sh/helm/v4, pkg/chart/v2).
package chart

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/lists"
	"gopkg.in/yaml.v3"
)

// Chart is the metadata of a Helm chart. In its JSON, the fields are in Helm's order: those of About before those of Packaging.
type Chart struct {
	About
	Packaging

	Warnings []Warning `json:"-"` // problems that Helm accepts, such as a number that it reads differently

	packed []string // names of the charts in charts/
}

// Warning describes a problem that Helm accepts.
type Warning struct {
	At   string // a file in the chart, and its line if that is known; empty for the chart
	Text string
}

// About has the fields for people who look for a chart.
type About struct {
	Name        string        `json:"name,omitempty"`
	Home        string        `json:"home,omitempty"`
	Sources     []string      `json:"sources,omitempty"`
	Version     string        `json:"version,omitempty"`
	Description string        `json:"description,omitempty"`
	Keywords    []string      `json:"keywords,omitempty"`
	Maintainers []*Maintainer `json:"maintainers,omitempty"`
	Icon        string        `json:"icon,omitempty"`
}

// Packaging has the fields for Helm and for people who install a chart.
type Packaging struct {
	APIVersion   string            `json:"apiVersion,omitempty"`
	Condition    string            `json:"condition,omitempty"`
	Tags         string            `json:"tags,omitempty"`
	AppVersion   string            `json:"appVersion,omitempty"`
	Deprecated   bool              `json:"deprecated,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	KubeVersion  string            `json:"kubeVersion,omitempty"`
	Dependencies []Dependency      `json:"dependencies,omitempty"`
	Type         string            `json:"type,omitempty"`
}

// Maintainer is a person or team that maintains a chart.
type Maintainer struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	URL   string `json:"url,omitempty"`
}

// Dependency is a chart that another one needs.
type Dependency struct {
	Name         string   `json:"name"`
	Version      string   `json:"version,omitempty"`
	Repository   string   `json:"repository"`
	Condition    string   `json:"condition,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Enabled      bool     `json:"enabled,omitempty"`
	ImportValues []any    `json:"import-values,omitempty"`
	Alias        string   `json:"alias,omitempty"`
}

// A Fault is a reason why Helm refuses a Chart.yaml.
type Fault struct {
	Field   string // JSON pointer of the value that is refused, or of the missing one
	Missing bool   // the field is required and not set
	Text    string
}

// Faults are all faults of one Chart.yaml.
type Faults []Fault

// Error lists the faults.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, one := range f {
		texts[i] = "its Chart.yaml: " + one.Text
		if one.Missing {
			texts[i] = "its Chart.yaml has no " + one.Field[1:] + ", which helm requires"
		}
	}
	return strings.Join(texts, "; ")
}

// A FileError is the reason why Helm can't read a file of the chart.
type FileError struct {
	File string // its name in the chart
	Err  error
}

// Error returns the reason with its line.
func (e *FileError) Error() string {
	return fmt.Sprintf("helm can't read its %s: %v", e.File, yamlerror.Worded(e.Err))
}

// Unwrap returns the error of the parser.
func (e *FileError) Unwrap() error { return e.Err }

// add adds a fault of a field.
func (f *Faults) add(field, format string, args ...any) {
	*f = append(*f, Fault{Field: field, Text: fmt.Sprintf(format, args...)})
}

// Parse reads and checks a Chart.yaml as Helm does. requirements is the requirements.yaml in which older charts list their
// dependencies, or nil.
func Parse(data, requirements []byte) (*Chart, error) {
	c := &Chart{}
	faults, err := c.read("Chart.yaml", data)
	if err != nil {
		return nil, err
	}
	if c.APIVersion == "" { // a chart for Helm 2
		c.APIVersion = "v1"
	}
	if requirements != nil {
		if wrong, err := c.read(RequirementsFile, requirements); err != nil {
			return nil, err
		} else if len(wrong) > 0 {
			return nil, fmt.Errorf("its %s: %s", RequirementsFile, wrong[0].Text)
		}
	}
	if faults = c.check(faults); len(faults) > 0 {
		return c, faults
	}
	return c, nil
}

// RequirementsFile lists the dependencies of a chart with apiVersion v1.
const RequirementsFile = "requirements.yaml"

// read adds the fields of a file to the metadata. A field that is already set is replaced. A field of the wrong type is a fault.
func (c *Chart) read(file string, data []byte) (Faults, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, &FileError{file, err}
	}
	dropRepeatedKeys(&doc)
	if hasNonFinite(&doc) {
		return nil, &FileError{file, errors.New(".inf and .nan are not allowed")}
	}
	s := stringifier{file: file}
	s.convert(&doc, "")
	c.Warnings = append(c.Warnings, s.warnings...)
	var loose map[string]any
	if err := doc.Decode(&loose); err != nil {
		return nil, &FileError{file, err}
	}
	// Helm converts YAML to JSON and decodes it with encoding/json, which ignores the case of keys.
	var faults Faults
	for {
		encoded, err := json.Marshal(loose)
		if err != nil {
			return nil, &FileError{file, err}
		}
		err = json.Unmarshal(encoded, c)
		var wrong *json.UnmarshalTypeError
		if err == nil {
			return faults, nil
		}
		if !errors.As(err, &wrong) {
			return nil, fmt.Errorf("its %s: %w", file, err)
		}
		name := fieldName(wrong.Field)
		faults.add("/"+strings.ReplaceAll(name, ".", "/"), "%s is %s, but helm requires %s", name, withArticle(wrong.Value), typeName(wrong.Type))
		top, _, _ := strings.Cut(name, ".")
		before := len(loose)
		maps.DeleteFunc(loose, func(key string, _ any) bool { return strings.EqualFold(key, top) })
		if len(loose) == before {
			return faults, nil
		}
	}
}

// dropRepeatedKeys keeps only the last occurrence of each key in the mappings of a document, as Helm does.
func dropRepeatedKeys(n *yaml.Node) {
	for _, inner := range n.Content {
		dropRepeatedKeys(inner)
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	last := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		last[n.Content[i].Value] = i
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" || last[n.Content[i].Value] == i {
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = kept
}

// fieldName returns the path of a field in Chart.yaml, without the name of the embedded struct that encoding/json puts before it.
func fieldName(field string) string {
	return strings.TrimPrefix(strings.TrimPrefix(field, "About."), "Packaging.")
}

// typeName returns the YAML term for a Go type.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping"
	case reflect.Bool:
		return "a boolean"
	}
	return "a string"
}

// withArticle returns the name of a JSON type with an indefinite article.
func withArticle(value string) string {
	if value == "array" || value == "object" {
		return "an " + value
	}
	return "a " + value
}

// stringifier converts the numbers and booleans in a Chart.yaml to strings, as Helm's YAML library does for string fields.
// All fields except those in notText are strings.
type stringifier struct {
	file     string
	warnings []Warning
}

// notText lists the fields of a Chart.yaml that are not strings.
var notText = []string{"deprecated", "enabled", "import-values"}

// oldBools are the booleans that YAML 1.2 dropped. Helm reads YAML 1.1.
var oldBools = map[string]string{"y": "true", "yes": "true", "on": "true", "n": "false", "no": "false", "off": "false"}

// convert converts the scalars in a node, which is the value of key.
func (s *stringifier) convert(n *yaml.Node, key string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			inner := n.Content[i].Value
			if slices.Contains(notText, key) {
				inner = key
			}
			s.convert(n.Content[i+1], inner)
		}
	case yaml.ScalarNode:
		s.convertScalar(n, key)
	default: // an alias repeats the value at its anchor
		for _, inner := range n.Content {
			s.convert(inner, key)
		}
	}
}

// convertScalar converts a scalar to a string, and adds a warning if the string differs from the text in the file.
func (s *stringifier) convertScalar(n *yaml.Node, key string) {
	written := n.Value
	if old := oldBools[strings.ToLower(written)]; n.Style == 0 && old != "" {
		n.Tag, n.Value = "!!bool", old
	}
	if slices.Contains(notText, key) {
		return
	}
	switch n.ShortTag() {
	case "!!int", "!!float", "!!bool":
		var value any
		if n.Decode(&value) != nil {
			return // read reports the error when it decodes the document
		}
		if number, ok := value.(float64); ok {
			value = strconv.FormatFloat(number, 'g', -1, 32)
		}
		n.Value = fmt.Sprint(value)
	case "!!timestamp":
	default:
		return
	}
	if written != n.Value {
		s.warnings = append(s.warnings, Warning{s.file, fmt.Sprintf("helm reads the %s of %s as %s; put quotes around it", written, key, n.Value)})
	}
	n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
}

// sanitize replaces white space with spaces and removes unprintable characters, as Helm does.
func sanitize(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, text)
}

// sanitizeFields sanitizes the same fields of the metadata as Helm.
func (c *Chart) sanitizeFields() {
	texts := []*string{&c.Name, &c.Description, &c.Home, &c.Icon, &c.Condition, &c.Tags, &c.AppVersion, &c.KubeVersion}
	addAll := func(of []string) {
		for i := range of {
			texts = append(texts, &of[i])
		}
	}
	addAll(c.Sources)
	addAll(c.Keywords)
	for _, m := range c.Maintainers {
		texts = append(texts, &m.Name, &m.Email, &m.URL)
	}
	for i := range c.Dependencies {
		d := &c.Dependencies[i]
		texts = append(texts, &d.Name, &d.Version, &d.Repository, &d.Condition)
		addAll(d.Tags)
	}
	for _, text := range texts {
		*text = sanitize(*text)
	}
}

// check sanitizes the metadata, and adds the faults for which Helm would refuse the chart to those of reading it.
func (c *Chart) check(faults Faults) Faults {
	if i := slices.Index(c.Maintainers, nil); i >= 0 {
		faults.add(fmt.Sprintf("/maintainers/%d", i), "it has an empty maintainer, which helm refuses")
		c.Maintainers = lists.Delete(c.Maintainers, func(m *Maintainer) bool { return m == nil })
	}
	c.sanitizeFields()
	for _, required := range [...]struct{ field, value string }{{"/name", c.Name}, {"/version", c.Version}} {
		isWrong := func(f Fault) bool { return f.Field == required.field }
		if required.value == "" && !slices.ContainsFunc(faults, isWrong) {
			faults = append(faults, Fault{Field: required.field, Missing: true})
		}
	}
	if c.Name != "" && (c.Name != path.Base(c.Name) || c.Name == "." || c.Name == ".." || strings.Contains(c.Name, `\`)) {
		faults.add("/name", "name %q is not a plain name; helm makes a directory of it", c.Name)
	}
	if c.Version != "" && !versionSyntax().MatchString(c.Version) {
		faults.add("/version", "version %q is not a semantic version, which helm requires", c.Version)
	}
	if c.Type != "" && c.Type != "application" && c.Type != "library" {
		faults.add("/type", "type %q is neither application nor library", c.Type)
	}
	return c.checkDependencies(faults)
}

// aliasSyntax is the syntax that Helm accepts as the alias of a dependency.
var aliasSyntax = lazy.Regexp(`^[a-zA-Z0-9_-]+$`)

// checkDependencies adds a fault for each dependency that has no name, or an invalid alias, or the name or alias of another one.
func (c *Chart) checkDependencies(faults Faults) Faults {
	if slices.ContainsFunc(faults, func(f Fault) bool { return strings.HasPrefix(f.Field, "/dependencies") }) {
		return faults // fields of the wrong type seem to be missing
	}
	seen := map[string]bool{}
	for i, d := range c.Dependencies {
		at := fmt.Sprintf("/dependencies/%d", i)
		name := cmp.Or(d.Alias, d.Name)
		switch {
		case d.Name == "":
			faults.add(at, "it has a dependency without a name")
		case d.Alias != "" && !aliasSyntax().MatchString(d.Alias):
			faults.add(at+"/alias", "the alias %q of the dependency %q has characters other than letters, digits, _, and -, which helm refuses", d.Alias, d.Name)
		case seen[name]:
			faults.add(at, "it has two dependencies with the name or alias %q, which helm refuses", name)
		}
		seen[name] = true
	}
	return faults
}

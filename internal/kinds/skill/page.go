package skill

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// readInstructions returns the front matter of a skill. If the layer is a page or a directory of pages, it generates the SKILL.md
// and changes the layer.
func readInstructions(d *compose.Draft, l *compose.Layer) (map[string]any, error) {
	if index, ok := indexOf(d.FS, l.Path); l.Dir && ok {
		return describeFolder(d, l, index)
	}
	front, err := read(d, l)
	if err != nil || l.Dir {
		return front, err
	}
	return describePage(d, l, front)
}

// describePage makes a skill from a page of Markdown, such as a runbook. The page becomes the SKILL.md.
func describePage(d *compose.Draft, l *compose.Layer, front map[string]any) (map[string]any, error) {
	source := l.Source()
	data, err := tree.ReadFile(d.FS, source, tree.MaxSmallFile)
	if err != nil {
		return nil, err
	}
	text := data // unchanged if the page has the fields of a SKILL.md
	if front["name"] == nil || front["description"] == nil {
		_, body, _ := frontmatter.Split(data)
		stem := strings.TrimSuffix(path.Base(source), path.Ext(source))
		if front, text, err = completeFields(d, front, body, stem); err != nil {
			return nil, err
		}
	}
	dir := path.Dir(source)
	l.Path, l.Files, l.Replaced = dir, []string{path.Join(dir, file)}, map[string][]byte{path.Join(dir, file): text}
	return front, nil
}

// completeFields returns the fields of a SKILL.md and its text, made from the front matter and the body of a page. A missing name
// is derived from stem, and a missing description from the fields of a runbook. Fields that are not in the schema become
// metadata.
func completeFields(d *compose.Draft, front map[string]any, body []byte, stem string) (map[string]any, []byte, error) {
	own := pick(schema(), front)
	fields := map[string]any{}
	for name, value := range own {
		fields[toDashes(name)] = value
	}
	metadata, _ := own["metadata"].(map[string]any)
	for name, value := range front {
		if _, ok := fields[toDashes(name)]; !ok {
			if metadata == nil {
				metadata = map[string]any{}
			}
			metadata[name] = value
		}
	}
	if metadata != nil {
		fields["metadata"] = metadata
	}
	if fields["name"] == nil {
		fields["name"] = slug(cmp.Or(d.Spec.Name, stem))
	}
	if fields["description"] == nil {
		text := describe(front)
		if text == "" {
			return nil, nil, errors.New("has neither a description nor a summary, title, or alerts in its front matter")
		}
		fields["description"] = text
	}
	head, err := yaml.Marshal(fields)
	return fields, bytes.Join([][]byte{[]byte("---\n"), head, []byte("---\n"), body}, nil), err
}

// slug converts a text to the name of a skill: words in lower case, joined with dashes.
func slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "-")
}

// describe returns a description of a runbook: its summary or title, and the alerts that it answers. It returns "" if the front
// matter has none of them.
func describe(front map[string]any) string {
	var parts []string
	for _, key := range []string{"summary", "title"} {
		if text, ok := front[key].(string); ok && text != "" {
			parts = append(parts, strings.TrimRight(text, ".")+".")
			break
		}
	}
	var alerts []any
	if front["alerts"] != nil {
		alerts, _ = convert(front["alerts"], "array").([]any)
	}
	if one := front["alert"]; one != nil {
		alerts = append([]any{one}, alerts...)
	}
	if len(alerts) > 0 {
		names := make([]string, len(alerts))
		for i, alert := range alerts {
			names[i] = fmt.Sprint(alert)
		}
		parts = append(parts, "Use it for the alert "+strings.Join(names, ", ")+".")
	}
	return strings.Join(parts, " ")
}

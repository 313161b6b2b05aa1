package skill

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// page makes a skill of a page of Markdown, such as a runbook: the page is its SKILL.md. A name and a description that the front
// matter lacks come from the file's name, and from the fields of a runbook; its other fields become metadata.
func page(d *compose.Draft, l *compose.Layer, front map[string]any) (map[string]any, error) {
	source := l.Source()
	data, err := tree.ReadFile(d.FS, source, tree.MaxSmallFile)
	if err != nil {
		return nil, err
	}
	if front["name"] != nil && front["description"] != nil {
		rename(l, data) // it is a SKILL.md but for its name
		return front, nil
	}
	own := pick(schema(), front)
	fields := map[string]any{}
	for name, value := range own {
		fields[dashed(name)] = value
	}
	metadata, _ := own["metadata"].(map[string]any)
	for name, value := range front {
		if _, ok := fields[dashed(name)]; !ok {
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
		stem := d.Spec.Name
		if stem == "" {
			stem = strings.TrimSuffix(path.Base(source), path.Ext(source))
		}
		fields["name"] = slug(stem)
	}
	if fields["description"] == nil {
		text := describe(front)
		if text == "" {
			return nil, errors.New("has neither a description nor a summary, title, or alerts in its front matter")
		}
		fields["description"] = text
	}
	head, err := yaml.Marshal(fields)
	if err != nil {
		return nil, err
	}
	_, body, _ := frontmatter.Split(data)
	rename(l, bytes.Join([][]byte{[]byte("---\n"), head, []byte("---\n"), body}, nil))
	return fields, nil
}

// rename makes a text the only file of a layer, under the name that clients look for.
func rename(l *compose.Layer, text []byte) {
	dir := path.Dir(l.Source())
	target := path.Join(dir, file)
	l.Path, l.Files, l.Replaced = dir, []string{target}, map[string][]byte{target: text}
}

// slug returns a text as the name of a skill.
func slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "-")
}

// describe says when to use a runbook: what it is about, and the alerts that it answers. It is "" without any of them.
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
		alerts, _ = shaped(front["alerts"], "array").([]any)
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

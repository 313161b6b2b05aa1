package runbook

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// maxRunbook is the largest Markdown file, in bytes, that is read into memory for its headings.
const maxRunbook = 4 << 20

// text is a Markdown file with its parsed front matter and sections.
type text struct {
	file
	front    map[string]any // the fields of the front matter that are in the schema
	left     []string       // the other keys of the front matter
	sections []markdown.Section
	isEmpty  bool // no text follows the front matter
}

// readPage reads a Markdown file. If the file can't be read, readPage reports a problem to d and returns false.
func readPage(d *compose.Draft, f file) (*text, bool) {
	data, err := tree.ReadFile(d.FS, f.Path, maxRunbook)
	if err != nil {
		d.Refuse(f.layer, "", "%q: %s", f.Path, tree.Cause(err))
		return nil, false
	}
	front, body, found := frontmatter.Split(data)
	p := &text{file: f, front: map[string]any{}, sections: markdown.Sections(body), isEmpty: len(bytes.TrimSpace(body)) == 0}
	if found && len(bytes.TrimSpace(front)) > 0 {
		p.readFront(d, front)
	}
	return p, true
}

// readFront checks the front matter against the schema of the kind. In a single runbook, or if the front matter names alerts,
// faults are reported with their lines. Otherwise the front matter may be for another tool, so invalid fields are left out.
func (p *text) readFront(d *compose.Draft, front []byte) {
	// An empty line in place of the opening "---" preserves the line numbers of the file.
	front = append([]byte("\n"), front...)
	doc := declare.ReadDocument(p.Path, front)
	fields, ok := doc.Value.(map[string]any)
	if !ok && len(doc.Problems) == 0 {
		doc.Add(spec.Position{Line: 2, Column: 1}, "the front matter must be a mapping", "")
	}
	known, _ := d.Kind.Config.Schema["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := known[key]; ok {
			p.front[key] = fields[key]
		} else {
			p.left = append(p.left, key)
		}
	}
	normalizeAlerts(p.front)
	faults, err := declare.CheckValue(d.Kind.Config.Schema, p.front)
	if err != nil {
		d.Refuse(p.layer, "", "%q: %v", p.Path, err)
	}
	strict := p.layer.Packing == mediatypes.Raw || p.front["alert"] != nil || p.front["alerts"] != nil || !ok && namesAlerts(front)
	for _, f := range faults {
		doc.AddFault(doc, "", f)
		if !strict {
			p.adapt(d, f)
		}
	}
	if strict {
		d.Report(doc.Problems...)
	} else if len(doc.Problems) > len(faults) {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: front matter of %s left out: %s", d.Kind.Name, p.Path, doc.Problems[0].Message))
	}
}

// namesAlerts reports whether front matter that is not valid YAML has a line that begins with the key alert or alerts.
func namesAlerts(front []byte) bool {
	return bytes.Contains(front, []byte("\nalert:")) || bytes.Contains(front, []byte("\nalerts:"))
}

// normalizeAlerts replaces a single alert with a list, and an alert with several fields with its name.
func normalizeAlerts(front map[string]any) {
	if name, ok := front["alerts"].(string); ok {
		front["alerts"] = []any{name}
	}
	list, _ := front["alerts"].([]any)
	for i, item := range list {
		fields, _ := item.(map[string]any)
		for _, key := range [...]string{"name", "alert", "alertname"} {
			if name, ok := fields[key].(string); ok {
				list[i] = name
				break
			}
		}
	}
}

// adapt converts a number or boolean of the wrong type to a string, and deletes a list or mapping of the wrong type.
func (p *text) adapt(d *compose.Draft, f declare.Fault) {
	key, _, _ := strings.Cut(strings.TrimPrefix(f.Pointer, "/"), "/")
	switch value := p.front[key].(type) {
	case nil: // left out already
	case map[string]any, []any:
		delete(p.front, key)
		d.Notes = append(d.Notes, fmt.Sprintf("%s: %s of %s left out: it %s", d.Kind.Name, key, p.Path, f.Message))
	default:
		p.front[key] = fmt.Sprint(value)
	}
}

// title returns the title of a page: from the front matter, else from the headings, else from the name of the file.
func (p *text) title() string {
	if title, _ := p.front["title"].(string); title != "" {
		return title
	}
	if title := plainText(firstTitle(p.sections)); title != "" {
		return title
	}
	return stem(p.Path)
}

// answers returns the alerts that a page answers. how says how they were found; it is empty if the front matter names them.
func (p *text) answers() (found []answered, how string) {
	named := map[string]any{"alert": p.front["alert"], "alerts": p.front["alerts"]}
	foldAlert(named)
	list, _ := named["alerts"].([]any)
	for _, item := range list {
		name, _ := item.(string) // other types have been reported
		sections := sectionsOf(name, p.sections)
		for _, s := range sections {
			found = append(found, answered{name, s.Anchor, severityOf(s.Body)})
		}
		if len(sections) == 0 && name != "" {
			found = append(found, answered{Name: name})
		}
	}
	if len(found) > 0 {
		return found, ""
	}
	title, _ := p.front["title"].(string)
	return findAlerts(p.Path, title, p.sections)
}

// stepsOf returns the headings of a runbook's steps: those below a heading "Steps", or all second-level headings.
func stepsOf(all []markdown.Section) []any {
	var steps []any
	at := slices.IndexFunc(all, func(h markdown.Section) bool { return strings.EqualFold(h.Heading.Text, "steps") })
	if at >= 0 {
		for _, h := range all[at+1:] {
			if h.Level <= all[at].Level {
				break
			}
			if h.Level == all[at].Level+1 {
				steps = append(steps, h.Heading.Text)
			}
		}
	}
	if len(steps) > 0 {
		return steps
	}
	for _, h := range all {
		if h.Level == 2 {
			steps = append(steps, h.Heading.Text)
		}
	}
	return steps
}

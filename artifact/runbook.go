package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxRunbook bounds a runbook's Markdown, which is read whole for its headings.
const maxRunbook = 4 << 20

// runbookKeys are front matter keys that no other Markdown has: one of them tells a runbook.
var runbookKeys = []string{"alerts", "severity", "runbook", "service"}

// isRunbook finds Markdown whose front matter has keys of a runbook. Where it is no YAML, a line that begins with such a
// key is enough: what is wrong with it is told when it is read.
func isRunbook(s *sample) (string, bool) {
	front, _, found := splitFrontMatter(s.begin())
	if !found {
		return "", false
	}
	front = append([]byte("\n"), front...)
	value := readDocument(s.path, front).value
	fields, _ := value.(map[string]any)
	for _, key := range runbookKeys {
		_, ok := fields[key]
		if ok || value == nil && bytes.Contains(front, []byte("\n"+key+":")) {
			return fmt.Sprintf("has %q in its front matter", key), true
		}
	}
	return "", false
}

// runbookConfig makes the config of the front matter, and of the headings where that leaves something out.
func runbookConfig(c *composition) (finishFunc, error) {
	config := map[string]any{}
	for _, l := range c.withRole("runbook") {
		config = c.readRunbook(l)
	}
	config = c.overlay(config)
	c.annotateRunbook(config)
	return constant(config)
}

// readRunbook reads the config fields out of one file.
func (c *composition) readRunbook(l *chosen) map[string]any {
	data, err := readFile(c.fsys, l.Path, maxRunbook)
	if err != nil {
		c.refuse(l, "", "%q: %s", l.Path, cause(err))
		return nil
	}
	front, body, found := splitFrontMatter(data)
	config := map[string]any{}
	if found {
		config = c.frontMatter(l, front)
	}
	all := headings(body)
	if _, ok := config["title"]; !ok {
		if title := firstHeading(all); title != "" {
			config["title"] = title
		} else if c.spec.Config["title"] == nil {
			c.refuse(l, "title: in its front matter, or a heading", "%q has no title", l.Path)
		}
	}
	if steps := stepsOf(all); config["steps"] == nil && len(steps) > 0 {
		config["steps"] = steps
	}
	return config
}

// frontMatter checks the front matter against the kind's schema, in its own file and lines. Keys of other tools that
// read front matter are left out.
func (c *composition) frontMatter(l *chosen, front []byte) map[string]any {
	if len(bytes.TrimSpace(front)) == 0 {
		return map[string]any{}
	}
	// A line in place of the opening "---" keeps the line numbers of the file.
	doc := readDocument(l.Path, append([]byte("\n"), front...))
	fields, ok := doc.value.(map[string]any)
	if !ok && len(doc.Problems) == 0 {
		doc.add(spec.Position{Line: 2, Column: 1}, "the front matter must be a mapping", "")
	}
	known, _ := c.kind.Config.Schema["properties"].(map[string]any)
	config := map[string]any{}
	var left []string
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := known[key]; ok {
			config[key] = fields[key]
		} else {
			left = append(left, key)
		}
	}
	if len(left) > 0 {
		c.notes = append(c.notes, fmt.Sprintf("%s: front matter keys of %s left out: %s", c.kind.Name, l.Path, strings.Join(left, ", ")))
	}
	faults, err := checkAgainst(c.kind.Config.Schema, config)
	if err != nil {
		c.refuse(l, "", "%q: %v", l.Path, err)
	}
	for _, f := range faults {
		doc.fault(doc, "", f)
	}
	c.problems = append(c.problems, doc.Problems...)
	return config
}

// stepsOf takes the steps from the headings: those below a heading "Steps", else all of the second level.
func stepsOf(all []heading) []any {
	var steps []any
	at := slices.IndexFunc(all, func(h heading) bool { return strings.EqualFold(h.text, "steps") })
	if at >= 0 {
		for _, h := range all[at+1:] {
			if h.level <= all[at].level {
				break
			}
			if h.level == all[at].level+1 {
				steps = append(steps, h.text)
			}
		}
	}
	if len(steps) > 0 {
		return steps
	}
	for _, h := range all {
		if h.level == 2 {
			steps = append(steps, h.text)
		}
	}
	return steps
}

// annotateRunbook repeats what a listing of referrers needs on the manifest.
func (c *composition) annotateRunbook(config map[string]any) {
	var fields struct {
		Severity, Service string
		Alerts            []string
	}
	// What has the wrong type was a problem already.
	encoded, _ := json.Marshal(config)
	_ = json.Unmarshal(encoded, &fields)
	for key, value := range map[string]string{
		mediatypes.RunbookAlerts:   strings.Join(fields.Alerts, ","),
		mediatypes.RunbookSeverity: fields.Severity,
		mediatypes.RunbookService:  fields.Service,
	} {
		if value != "" {
			c.annotations[key] = value
		}
	}
	if title, ok := config["title"].(string); ok && c.spec.Name == "" {
		c.annotations[ocispec.AnnotationTitle] = title
	}
}

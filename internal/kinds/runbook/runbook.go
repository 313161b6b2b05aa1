package runbook

import (
	"bytes"
	"encoding/json"
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
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxRunbook bounds the Markdown that is read into memory for its headings.
const maxRunbook = 4 << 20

// runbookKeys are keys of front matter by which a runbook is detected: other Markdown does not have them.
var runbookKeys = []string{"alerts", "severity", "runbook", "service"}

// isRunbook finds Markdown whose front matter has a key of a runbook. In front matter that is not valid YAML, a line that
// begins with such a key is enough: deriving the config reports the fault.
func isRunbook(s *tree.Sample) (string, bool) {
	front, _, found := frontmatter.Split(s.Head())
	if !found {
		return "", false
	}
	front = append([]byte("\n"), front...)
	value := declare.ReadDocument(s.Path, front).Value
	fields, _ := value.(map[string]any)
	for _, key := range runbookKeys {
		_, ok := fields[key]
		if ok || value == nil && bytes.Contains(front, []byte("\n"+key+":")) {
			return fmt.Sprintf("has %q in its front matter", key), true
		}
	}
	return "", false
}

// derive makes the config from the front matter, and from headings for fields that it lacks.
func derive(d *compose.Draft) (compose.Finish, error) {
	config := map[string]any{}
	for _, l := range d.WithRole("runbook") {
		config = readRunbook(d, l)
	}
	config = d.Overlay(config)
	annotateRunbook(d, config)
	return compose.Constant(config)
}

// readRunbook reads the fields of the config from a file.
func readRunbook(d *compose.Draft, l *compose.Layer) map[string]any {
	data, err := tree.ReadFile(d.FS, l.Path, maxRunbook)
	if err != nil {
		d.Refuse(l, "", "%q: %s", l.Path, tree.Cause(err))
		return nil
	}
	front, body, found := frontmatter.Split(data)
	config := map[string]any{}
	if found {
		config = frontMatter(d, l, front)
	}
	all := markdown.Headings(body)
	if _, ok := config["title"]; !ok {
		if title := markdown.Title(all); title != "" {
			config["title"] = title
		} else if d.Spec.Config["title"] == nil {
			d.Refuse(l, "title: in its front matter, or a heading", "%q has no title", l.Path)
		}
	}
	if steps := stepsOf(all); config["steps"] == nil && len(steps) > 0 {
		config["steps"] = steps
	}
	return config
}

// frontMatter checks the front matter against the schema of the kind, and reports the lines of the file. It leaves out the
// keys of other tools.
func frontMatter(d *compose.Draft, l *compose.Layer, front []byte) map[string]any {
	if len(bytes.TrimSpace(front)) == 0 {
		return map[string]any{}
	}
	// A line in place of the opening "---" keeps the line numbers of the file.
	doc := declare.ReadDocument(l.Path, append([]byte("\n"), front...))
	fields, ok := doc.Value.(map[string]any)
	if !ok && len(doc.Problems) == 0 {
		doc.Add(spec.Position{Line: 2, Column: 1}, "the front matter must be a mapping", "")
	}
	known, _ := d.Kind.Config.Schema["properties"].(map[string]any)
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
		d.Notes = append(d.Notes, fmt.Sprintf("%s: front matter keys of %s left out: %s", d.Kind.Name, l.Path, strings.Join(left, ", ")))
	}
	faults, err := declare.CheckValue(d.Kind.Config.Schema, config)
	if err != nil {
		d.Refuse(l, "", "%q: %v", l.Path, err)
	}
	for _, f := range faults {
		doc.Fault(doc, "", f)
	}
	d.Report(doc.Problems...)
	return config
}

// stepsOf takes the steps from the headings: those below a heading "Steps", else all of the second level.
func stepsOf(all []markdown.Heading) []any {
	var steps []any
	at := slices.IndexFunc(all, func(h markdown.Heading) bool { return strings.EqualFold(h.Text, "steps") })
	if at >= 0 {
		for _, h := range all[at+1:] {
			if h.Level <= all[at].Level {
				break
			}
			if h.Level == all[at].Level+1 {
				steps = append(steps, h.Text)
			}
		}
	}
	if len(steps) > 0 {
		return steps
	}
	for _, h := range all {
		if h.Level == 2 {
			steps = append(steps, h.Text)
		}
	}
	return steps
}

// annotateRunbook repeats on the manifest what a list of referrers shows.
func annotateRunbook(d *compose.Draft, config map[string]any) {
	var fields struct {
		Severity, Service string
		Alerts            []string
	}
	// Values of the wrong type were reported already.
	encoded, _ := json.Marshal(config)
	_ = json.Unmarshal(encoded, &fields)
	for key, value := range map[string]string{
		mediatypes.RunbookAlerts:   strings.Join(fields.Alerts, ","),
		mediatypes.RunbookSeverity: fields.Severity,
		mediatypes.RunbookService:  fields.Service,
	} {
		if value != "" {
			d.Annotations[key] = value
		}
	}
	if title, ok := config["title"].(string); ok && d.Spec.Name == "" {
		d.Annotations[ocispec.AnnotationTitle] = title
	}
}

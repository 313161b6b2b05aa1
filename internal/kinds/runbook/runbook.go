package runbook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxAlerts bounds the alerts of an artifact. Their names are in an annotation of the manifest, which registries repeat in lists
// of referrers; registries refuse manifests larger than 4 MiB.
const maxAlerts = 5000

// derive makes the config. For one runbook, it has the front matter and headings; for several, the alerts that each page answers.
func derive(d *compose.Draft) (configblob.Finish, error) {
	files, err := listMarkdown(d)
	if err != nil {
		return nil, err
	}
	var config map[string]any
	switch {
	case len(files) == 0 && len(d.Unfound) == 0:
		d.Report(d.Spec.Problem("/layers", "no runbook among the files", "Markdown: *.md, *.markdown"))
		return configblob.Constant(d.Overlay(nil))
	case len(files) == 1 && files[0].layer.Packing == mediatypes.Raw:
		config = configOfOne(d, files[0])
	case len(files) > 0:
		config = configOfSeveral(d, files)
	}
	config = d.Overlay(config)
	foldAlert(config)
	if names, _ := config["alerts"].([]any); len(names) > maxAlerts {
		d.Report(d.Spec.Problem("/layers", fmt.Sprintf("too many alerts: %d, limit is %d", len(names), maxAlerts), "attach its directories one by one"))
	}
	annotateRunbook(d, config)
	return configblob.Constant(config)
}

// file is a Markdown file and its layer.
type file struct {
	layer *compose.Layer
	tree.PackedFile
}

// listMarkdown lists the Markdown files in layers with the role runbook or runbooks.
func listMarkdown(d *compose.Draft) ([]file, error) {
	var files []file
	for _, l := range d.Layers {
		if l.Role != "runbook" && l.Role != "runbooks" {
			continue
		}
		packed, err := tree.PackedFiles(d.FS, &l.Layer)
		if err != nil {
			return nil, &spec.Error{Item: l.Path, Err: err}
		}
		for _, f := range packed {
			if markdown.IsName(f.Path) || l.Packing == mediatypes.Raw {
				files = append(files, file{l, f})
			}
		}
	}
	return files, nil
}

// configOfOne makes the config of one runbook.
func configOfOne(d *compose.Draft, f file) map[string]any {
	p, ok := readPage(d, f)
	if !ok {
		return nil
	}
	config := p.front
	if config["title"] == nil {
		config["title"] = p.title()
	}
	if steps := stepsOf(p.sections); config["steps"] == nil && len(steps) > 0 {
		config["steps"] = steps
	}
	if len(p.left) > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: front matter keys of %s left out: %s", d.Kind.Name, f.Path, textdist.FirstFew(p.left)))
	}
	answers, how := p.answers()
	if d.Spec.Config["alerts"] == nil && d.Spec.Config["alert"] == nil {
		noteSingle(d, f, answers, how)
	}
	if len(answers) > 0 {
		config["alerts"] = namesOf(answers)
		delete(config, "alert")
	}
	if slices.ContainsFunc(answers, func(a answered) bool { return a.Section != "" }) {
		config["pages"] = []page{{Path: f.Title, Alerts: answers}}
	}
	return config
}

// noteSingle adds a note about the alerts that were found in a runbook whose front matter names none.
func noteSingle(d *compose.Draft, f file, answers []answered, how string) {
	switch names := namesOf(answers); {
	case len(names) == 0:
		d.Notes = append(d.Notes, fmt.Sprintf("%s: %s names no alert; write alerts: [NAME] in its front matter so that it can be found by alert", d.Kind.Name, f.Path))
	case how != "":
		d.Notes = append(d.Notes, fmt.Sprintf("%s: %s answers %s, %s", d.Kind.Name, f.Path, describeAlerts(names), how))
	}
}

// describeAlerts returns a text with the first few alerts, and their number if there are several.
func describeAlerts(names []any) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = fmt.Sprint(n)
	}
	if len(words) == 1 {
		return "the alert " + words[0]
	}
	return fmt.Sprintf("%d alerts: %s", len(words), textdist.FirstFew(words))
}

// namesOf lists the names of alerts without duplicates.
func namesOf(answers []answered) []any {
	var names []any
	for _, a := range answers {
		if !slices.Contains(names, any(a.Name)) {
			names = append(names, a.Name)
		}
	}
	return names
}

// foldAlert moves the field alert, for a single alert, into the list alerts.
func foldAlert(config map[string]any) {
	one, ok := config["alert"].(string)
	if !ok {
		return
	}
	delete(config, "alert")
	list, _ := config["alerts"].([]any)
	if !slices.Contains(list, any(one)) {
		config["alerts"] = append([]any{one}, list...)
	}
}

// annotateRunbook copies the fields that a list of referrers shows into annotations of the manifest.
func annotateRunbook(d *compose.Draft, config map[string]any) {
	var fields struct {
		Severity, Service string
		Alerts            []string
	}
	// Values of the wrong type have been reported.
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

package chart

import (
	"io"
	"path"
	"strings"
	"text/template/parse"
)

const (
	// maxTemplate and maxTemplates limit the bytes of a template, and of all templates, that are checked.
	maxTemplate  = 256 << 10
	maxTemplates = 4 << 20
	// maxBroken limits the reported templates, and maxFault the bytes of each report.
	maxBroken = 10
	maxFault  = 200
	// parseName is the name of every template to the parser, which would take a "%" in the name of the file for a verb. No message has it otherwise.
	parseName = "\x00"
)

// broken is a template that Helm can't parse. It packages such a chart, but does not render it.
type broken struct {
	file  string // relative to the directory of the chart
	fault string // a line and the message of the parser: "2: unclosed action started at line 1"
}

// isTemplate reports whether Helm parses a file of a chart, or of a directory in its charts/: it parses all files in templates/.
func isTemplate(name string) bool {
	for {
		below, inCharts := strings.CutPrefix(name, "charts/")
		if !inCharts {
			return strings.HasPrefix(name, "templates/")
		}
		sub, inner, _ := strings.Cut(below, "/")
		if strings.HasPrefix(sub, "_") || strings.HasPrefix(sub, ".") {
			return false // Helm does not load it
		}
		name = inner
	}
}

// checkTemplate adds a template that does not parse to the broken ones.
func (t *total) checkTemplate(name string, r io.Reader, size int64) error {
	if size > maxTemplate || t.templates+size > maxTemplates || len(t.broken) == maxBroken || !isTemplate(name) {
		return nil
	}
	t.templates += size
	text, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return err
	}
	parser := parse.New(parseName)
	parser.Mode = parse.SkipFuncCheck // Helm adds functions with every version
	if _, err := parser.Parse(string(text), "", "", map[string]*parse.Tree{}); err != nil {
		fault := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "template: "+parseName+":"), parseName+":", "line ")
		t.broken = append(t.broken, broken{name, strings.ToValidUTF8(fault[:min(len(fault), maxFault)], "")})
	}
	return nil
}

// describeBroken returns warnings about the broken templates of a chart of this type. In a library, Helm parses only the files that begin
// with "_".
func (t *total) describeBroken(chartType string) []Warning {
	var warnings []Warning
	for _, b := range t.broken {
		if chartType != "library" || !strings.HasPrefix(b.file, "templates/") || strings.HasPrefix(path.Base(b.file), "_") {
			line, text, _ := strings.Cut(b.fault, ": ")
			warnings = append(warnings, Warning{b.file + ":" + line, "helm can't render the template: " + text})
		}
	}
	return warnings
}

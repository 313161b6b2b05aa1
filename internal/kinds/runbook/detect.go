package runbook

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/tree"
)

// Limits for detecting the kind of a directory: how many Markdown files are read, and how many files are listed.
const (
	maxSampled = 200
	maxWalked  = 10_000
)

// runbookKeys are the front matter keys by which a runbook is detected. Other Markdown does not have them.
var runbookKeys = []string{"alerts", "alert", "severity", "runbook", "service"}

// runbookSections are the headings of a template that public collections of runbooks share. A page that follows the template has
// the first heading and at least one other.
var runbookSections = []string{"meaning", "impact", "diagnosis", "mitigation"}

// isRunbook reports whether Markdown is a runbook: its front matter has a key in runbookKeys, or it is named after an alert and
// follows the template. If the front matter is not valid YAML, a line that begins with such a key is enough; the fault is
// reported when the config is derived.
func isRunbook(s *tree.Sample) (string, bool) {
	front, body, found := frontmatter.Split(s.Head())
	var fields map[string]any
	if found {
		front = append([]byte("\n"), front...)
		value := declare.ReadDocument(s.Path, front).Value
		fields, _ = value.(map[string]any)
		for _, key := range runbookKeys {
			_, ok := fields[key]
			if ok || value == nil && bytes.Contains(front, []byte("\n"+key+":")) {
				return fmt.Sprintf("has %q in its front matter", key), true
			}
		}
	}
	title, _ := fields["title"].(string)
	return followsTemplate(s.Path, title, markdown.Sections(body))
}

// AlertOf returns the alert that a page of Markdown is for, by its front matter, or by its title and file name, or "".
func AlertOf(name string, head []byte) string {
	front, body, found := frontmatter.Split(head)
	t := text{file: file{PackedFile: tree.PackedFile{Path: name}}, sections: markdown.Sections(body)}
	if found {
		t.front, _ = declare.ReadDocument(name, front).Value.(map[string]any)
		normalizeAlerts(t.front)
	}
	answers, how := t.answers()
	if len(answers) == 0 || how == byHeadings {
		return ""
	}
	return answers[0].Name
}

// followsTemplate reports whether a page is named after an alert and has the headings of the template.
func followsTemplate(name, title string, sections []markdown.Section) (string, bool) {
	var found []string
	for _, s := range sections {
		if heading := strings.ToLower(plainText(s.Heading.Text)); slices.Contains(runbookSections, heading) && !slices.Contains(found, heading) {
			found = append(found, heading)
		}
	}
	if len(found) < 2 || found[0] != runbookSections[0] || len(alertsByTitle(stem(name), title, sections)) == 0 {
		return "", false
	}
	return fmt.Sprintf("is named after an alert and has the headings %s", strings.Join(found, ", ")), true
}

// hasPages reports whether a directory has Markdown files.
func hasPages(s *tree.Sample) (string, bool) {
	pages, _ := countPages(s, 1)
	return "", pages > 0
}

// hasRunbooks reports whether a directory has several Markdown files, and most of them are runbooks.
func hasRunbooks(s *tree.Sample) (string, bool) {
	pages, runbooks := countPages(s, maxSampled)
	return fmt.Sprintf("holds %d runbooks", runbooks), runbooks > 1 && 2*runbooks > pages
}

// countPages counts the Markdown files in a directory, up to most, and how many of them are runbooks. If most is 1, it does not
// read the file, and runbooks is 0.
func countPages(s *tree.Sample, most int) (pages, runbooks int) {
	if !s.IsDir() {
		return 0, 0
	}
	walked := 0
	// An error is reported when the directory is packed.
	_ = fs.WalkDir(s.FS, s.Path, func(name string, d fs.DirEntry, err error) error {
		if walked++; err != nil || walked > maxWalked || pages >= most {
			return fs.SkipAll
		}
		if d.IsDir() && name != s.Path && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() || !markdown.IsName(name) {
			return nil
		}
		pages++
		if most == 1 {
			return nil
		}
		if entry, ok := s.Entry(tree.Below(s.Path, name)); ok {
			if _, ok := isRunbook(entry); ok {
				runbooks++
			}
		}
		return nil
	})
	return pages, runbooks
}

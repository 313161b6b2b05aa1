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

// maxSampled and maxWalked bound the Markdown that is read, and the files that are listed, to decide what a directory is.
const (
	maxSampled = 200
	maxWalked  = 10_000
)

// runbookKeys are keys of front matter by which a runbook is detected: other Markdown does not have them.
var runbookKeys = []string{"alerts", "alert", "severity", "runbook", "service"}

// runbookSections are headings of the template that public collections share. A page about an alert has the first one and
// another.
var runbookSections = []string{"meaning", "impact", "diagnosis", "mitigation"}

// isRunbook finds Markdown whose front matter has a key of a runbook, or that is named after an alert and follows the
// template of runbooks. In front matter that is not valid YAML, a line that begins with such a key is enough: deriving the
// config reports the fault.
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

// followsTemplate reports whether a page is named after an alert and has the headings of the template.
func followsTemplate(name, title string, sections []markdown.Section) (string, bool) {
	var found []string
	for _, s := range sections {
		if heading := strings.ToLower(plain(s.Heading.Text)); slices.Contains(runbookSections, heading) && !slices.Contains(found, heading) {
			found = append(found, heading)
		}
	}
	if len(found) < 2 || found[0] != runbookSections[0] || len(byTitle(stem(name), title, sections)) == 0 {
		return "", false
	}
	return fmt.Sprintf("is named after an alert and has the headings %s", strings.Join(found, ", ")), true
}

// hasPages finds a directory that has Markdown.
func hasPages(s *tree.Sample) (string, bool) {
	pages, _ := countPages(s, 1)
	return "", pages > 0
}

// hasRunbooks finds a directory with several Markdown files, most of which are runbooks by their content.
func hasRunbooks(s *tree.Sample) (string, bool) {
	pages, told := countPages(s, maxSampled)
	return fmt.Sprintf("holds %d runbooks", told), told > 1 && 2*told > pages
}

// countPages counts the Markdown files of a directory, no more than most, and those of them that are runbooks by their
// content.
func countPages(s *tree.Sample, most int) (pages, told int) {
	if !s.IsDir() {
		return 0, 0
	}
	walked := 0
	// What can't be read is reported when it is packed.
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
				told++
			}
		}
		return nil
	})
	return pages, told
}

package runbook

import (
	"slices"
	"strings"
	"unicode"

	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/lazy"
)

// answered is an alert and the place of its answer.
type answered struct {
	Name     string `json:"name"`
	Section  string `json:"section,omitempty"`  // anchor of the heading; empty for the whole page
	Severity string `json:"severity,omitempty"` // empty if the section has none
}

var (
	// word matches the name of an alert in a heading.
	word = lazy.Regexp(`^\p{N}*[\p{L}_][\p{L}\p{N}_:.-]*$`)
	// labeled matches a heading with the label "alert": "Alert: DiskFull".
	labeled = lazy.Regexp(`(?i)^alert(?:[ -]?name)?\s*[:=]\s*(\S+)$`)
	// quotedAlert matches a heading with one word in backticks: "`pg_xid_wraparound` Saturation Alert".
	quotedAlert = lazy.Regexp("^[^`]*`([^`\\s]+)`[^`]*$")
	// severityLine matches a line with the severity of an alert: "+ *Severity*: warning".
	severityLine = lazy.Regexp(`(?i)^[\s*+_-]*severity[\s*_:]+([a-z][a-z0-9-]*)\W*$`)
	// idOfHeading matches the id that a heading sets: "{#id}".
	idOfHeading = lazy.Regexp(`\s*\{[#.:][^}]*\}\s*$`)
	// linked matches a heading that is a Markdown link.
	linked = lazy.Regexp(`^\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])$`)
	// separator matches the text between two alerts in a heading.
	separator = lazy.Regexp(`\s*[,/|&]\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+`)
	// remark matches a remark in a title: "[Deprecated]".
	remark = lazy.Regexp(`\[[^\]]*\]|\([^)]*\)`)
)

// namesOfPages are file names that are not the names of alerts.
var namesOfPages = []string{"readme", "index", "_index", "summary", "changelog", "contributing", "license", "runbook", "runbooks", "alerts"}

// byHeadings says that alerts were found in headings.
const byHeadings = "by headings"

// findAlerts returns the alerts that a page answers, for a page whose front matter names none, and how it found them.
func findAlerts(file, title string, sections []markdown.Section) (found []answered, how string) {
	name := stem(file)
	for _, alert := range alertsByTitle(name, title, sections) {
		found = append(found, answered{Name: alert})
	}
	if len(found) > 0 {
		return found, "by its title and file name"
	}
	return alertsByHeadings(sections), byHeadings
}

// alertsByTitle returns the alerts that the title and file name of a page name. If the two differ only in case, punctuation, or
// remarks, it returns the one that is spelled as an alert. If they look like two different alerts, it returns both.
func alertsByTitle(stem, title string, sections []markdown.Section) []string {
	if !word().MatchString(stem) || slices.Contains(namesOfPages, strings.ToLower(stem)) {
		return nil
	}
	heading := plainText(remark().ReplaceAllString(firstTitle(sections), ""))
	switch {
	case heading == stem:
		return []string{stem}
	case looksLikeAlert(heading) && squeeze(heading) == squeeze(stem): // the file is named in lower case
		return []string{heading}
	case !looksLikeAlert(stem):
		return nil
	case squeeze(heading) == squeeze(stem), squeeze(title) == squeeze(stem):
		return []string{stem}
	case looksLikeAlert(heading):
		return []string{stem, heading}
	}
	return nil
}

// firstTitle returns the title in the headings of a page.
func firstTitle(sections []markdown.Section) string {
	headings := make([]markdown.Heading, len(sections))
	for i, s := range sections {
		headings[i] = s.Heading
	}
	return markdown.Title(headings)
}

// plainText returns the text of a heading without its id and without the markup for links, code, and emphasis around it.
func plainText(heading string) string {
	heading = idOfHeading().ReplaceAllString(strings.TrimSpace(heading), "")
	if m := linked().FindStringSubmatch(heading); m != nil {
		heading = m[1]
	}
	return strings.Trim(strings.TrimSpace(heading), "`*\"'“”")
}

// alertsIn returns the alerts in a heading that lists only alerts, or nil for any other heading.
func alertsIn(heading string) []string {
	var found []string
	for _, part := range separator().Split(plainText(heading), -1) {
		if part = plainText(part); !looksLikeAlert(part) {
			return nil
		}
		found = append(found, part)
	}
	return found
}

// squeeze returns the letters and digits of a title in lower case, without remarks.
func squeeze(title string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, remark().ReplaceAllString(title, ""))
}

// looksLikeAlert reports whether a word is spelled like the name of an alert, unlike ordinary words: KubePodNotReady, disk_full.
func looksLikeAlert(s string) bool {
	if !word().MatchString(s) {
		return false
	}
	if i := strings.IndexByte(s, '_'); i > 0 && i < len(s)-1 {
		return true
	}
	first, _, _ := strings.Cut(s, "-")
	upper := strings.IndexFunc(first[1:], unicode.IsUpper) >= 0
	return first == s && unicode.IsUpper(rune(s[0])) && upper && strings.IndexFunc(s, unicode.IsLower) > 0
}

// alertsByHeadings returns the alerts that headings name. A heading names alerts if it contains "alert" beside a name, or if it lists
// only alerts, as most headings of its level do.
func alertsByHeadings(sections []markdown.Section) []answered {
	var all, alike [7]int
	for _, s := range sections {
		all[s.Level]++
		alike[s.Level] += len(alertsIn(s.Heading.Text))
	}
	var found []answered
	for _, s := range sections {
		var names []string
		if name := labeledAlert(s.Heading.Text); name != "" {
			names = []string{name}
		} else if alike[s.Level] > 1 && 2*alike[s.Level] > all[s.Level] {
			names = alertsIn(s.Heading.Text)
		}
		for _, name := range names {
			if word().MatchString(name) {
				found = append(found, answered{name, s.Anchor, severityOf(s.Body)})
			}
		}
	}
	return found
}

// labeledAlert returns the alert in a heading such as "Alert: NAME" or "`NAME` alert", or "" for any other heading.
func labeledAlert(heading string) string {
	if m := labeled().FindStringSubmatch(plainText(heading)); m != nil {
		return plainText(m[1])
	}
	if m := quotedAlert().FindStringSubmatch(heading); m != nil && strings.Contains(strings.ToLower(heading), "alert") {
		return m[1]
	}
	return ""
}

// sectionsOf returns the sections whose headings name an alert, ignoring case. A first-level heading matches only if it is labeled.
func sectionsOf(alert string, sections []markdown.Section) []markdown.Section {
	isAlert := func(name string) bool { return strings.EqualFold(name, alert) }
	var found []markdown.Section
	for _, s := range sections {
		heading := s.Heading.Text
		if s.Level > 1 && (isAlert(plainText(heading)) || slices.ContainsFunc(alertsIn(heading), isAlert)) || isAlert(labeledAlert(heading)) {
			found = append(found, s)
		}
	}
	return found
}

// severityOf returns the severity in one of the first 20 lines of a section, or "" otherwise.
func severityOf(section []byte) string {
	const most = 20
	lines := 0
	for line := range strings.Lines(string(section)) {
		if lines++; lines > most || lines > 1 && strings.HasPrefix(line, "#") {
			break
		}
		if m := severityLine().FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}

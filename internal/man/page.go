package main

import (
	"fmt"
	"regexp"
	"strings"
)

// help is a help text of davit, taken apart.
type help struct {
	name, summary, version string

	about    []string // paragraphs
	usage    string
	sections []section
	notes    []string // paragraphs after the lists
}

// section is a list with a title: of commands, of flags, of exit codes, or of examples, which are lines.
type section struct {
	title   string
	lines   []string
	entries []entry
}

type entry struct{ term, text string }

const examples = "Examples"

// entryPattern finds a term with what it means; a line that is set in further goes on with the one before.
var entryPattern = regexp.MustCompile(`^ {2,6}(\S.*?)(?: {2,}(.*))?$`)

// parse takes a help text apart: paragraphs, the line of usage, and lists whose titles end in a colon.
func parse(text string) *help {
	h := &help{}
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		first, rest, _ := strings.Cut(block, "\n")
		title, isList := strings.CutSuffix(first, ":")
		usage, isUsage := strings.CutPrefix(first, "Usage: ")
		switch {
		case isUsage:
			h.usage = usage
		case isList && strings.HasPrefix(rest, " "):
			h.sections = append(h.sections, newSection(title, strings.Split(rest, "\n")))
		case h.usage == "":
			h.about = append(h.about, block)
		default:
			h.notes = append(h.notes, block)
		}
	}
	return h
}

func newSection(title string, lines []string) section {
	s := section{title: title, lines: lines}
	for _, l := range lines {
		if title == examples {
			continue
		}
		if m := entryPattern.FindStringSubmatch(l); m != nil {
			s.entries = append(s.entries, entry{m[1], m[2]})
		} else if last := len(s.entries) - 1; last >= 0 {
			s.entries[last].text = strings.TrimSpace(s.entries[last].text + " " + strings.TrimSpace(l))
		}
	}
	return s
}

// lists tells whether a section lists commands.
func (s section) lists() bool {
	return s.title != examples && s.title != "Exit codes" && !strings.HasPrefix(s.title, "Flags")
}

func (h *help) commands() []entry {
	var all []entry
	for _, s := range h.sections {
		if s.lists() {
			all = append(all, s.entries...)
		}
	}
	return all
}

// page is the manual page, for man(7).
func (h *help) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"davit %s\"\n", strings.ToUpper(roff(h.name)), roff(h.version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(h.name), roff(h.summary))
	words := strings.Fields(h.usage)
	bold := min(len(words), 1+strings.Count(h.name, "-"))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", roff(strings.Join(words[:bold], " ")), roff(strings.Join(words[bold:], " ")))
	b.WriteString(".SH DESCRIPTION\n")
	writeParagraphs(&b, h.about)
	for _, s := range h.sections {
		s.write(&b)
	}
	if h.name != "davit" {
		b.WriteString(".SH SEE ALSO\n.BR davit (1)\n")
		return b.String()
	}
	if len(h.notes) > 0 {
		b.WriteString(".SH ENVIRONMENT\n")
		writeParagraphs(&b, h.notes)
	}
	return b.String()
}

func writeParagraphs(b *strings.Builder, paragraphs []string) {
	for i, p := range paragraphs {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		for l := range strings.SplitSeq(p, "\n") {
			b.WriteString(roff(l) + "\n")
		}
	}
}

func (s section) write(b *strings.Builder) {
	fmt.Fprintf(b, ".SH %s\n", roff(strings.ToUpper(s.title)))
	if s.title == examples {
		b.WriteString(".nf\n")
		for _, l := range s.lines {
			b.WriteString(roff(strings.TrimPrefix(l, "  ")) + "\n")
		}
		b.WriteString(".fi\n")
		return
	}
	for _, e := range s.entries {
		if s.lists() {
			fmt.Fprintf(b, ".TP\n.BR davit\\-%s (1)\n", roff(e.term))
		} else {
			fmt.Fprintf(b, ".TP\n.B %s\n", roff(e.term))
		}
		b.WriteString(roff(e.text) + "\n")
	}
}

// roff writes text so that roff shows it as it is.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}

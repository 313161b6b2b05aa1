package printer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
)

// PrintNotes prints the notes and warnings of plans. A note that several plans share is printed once.
func (p *Printer) PrintNotes(plans ...*artifact.Plan) {
	p.deferInJSON(func() {
		printed := map[string]bool{}
		for _, plan := range plans {
			p.printNotes(plan, printed)
		}
	})
}

// WarnEarly prints a warning about the command line, before the command runs.
func (p *Printer) WarnEarly(format string, args ...any) {
	p.deferInJSON(func() { p.Warn(format, args...) })
}

// deferInJSON calls print now or, in JSON format, in Flush: if the command fails, standard error has only the error. Inlined, it would add
// 4 KB to the program.
//
//go:noinline
func (p *Printer) deferInJSON(print func()) {
	if p.Format.Name == "json" {
		p.deferred = append(p.deferred, print)
		return
	}
	print()
}

// Flush prints the notes and warnings that were deferred to the end of the command.
func (p *Printer) Flush() {
	for _, print := range p.deferred {
		print()
	}
	p.deferred = nil
}

// PrintMoreWarnings prints the warnings that packing found and the plan does not have.
func (p *Printer) PrintMoreWarnings(plan *artifact.Plan, warnings []string) {
	p.deferInJSON(func() {
		for _, w := range warnings {
			if !hasWarning(plan, w) {
				p.Warn("%s", w)
			}
		}
	})
}

// hasWarning reports whether a plan, or a plan inside it, has this warning.
func hasWarning(plan *artifact.Plan, warning string) bool {
	in := func(inner *artifact.Plan) bool { return hasWarning(inner, warning) }
	return slices.Contains(plan.Warnings, warning) || slices.ContainsFunc(plan.Inner(), in)
}

// printNotes prints the notes and warnings of a plan, and of the plans inside it, that are not in printed yet.
func (p *Printer) printNotes(plan *artifact.Plan, printed map[string]bool) {
	once := func(note, about string) {
		if !printed[note+about] {
			p.Note("%s", note)
		}
		printed[note+about] = true
	}
	for _, n := range plan.Notes {
		once(n, "")
	}
	if count := p.countLeftOut(plan); count != "" {
		once(count, strings.Join(plan.LeftOut, "\n"))
	}
	if p.ListLeftOut {
		for _, name := range plan.LeftOut {
			p.Note("%s: left out %s", plan.Kind.Name, name)
		}
	}
	for _, w := range plan.Warnings {
		if !printed[w] {
			p.Warn("%s", w)
		}
		printed[w] = true
	}
	for _, inner := range plan.Inner() {
		p.printNotes(inner, printed)
	}
}

// countLeftOut returns a note with the number of files that are not packed, unless ListLeftOut prints each of them.
func (p *Printer) countLeftOut(plan *artifact.Plan) string {
	files, dirs := 0, 0
	for _, name := range plan.LeftOut {
		if strings.HasSuffix(name, "/") {
			dirs++
		} else {
			files++
		}
	}
	var parts []string
	if files > 0 {
		parts = append(parts, term.Plural(files, "file"))
	}
	if dirs > 0 {
		parts = append(parts, term.Plural(dirs, "directory"))
	}
	if len(parts) == 0 || p.ListLeftOut {
		return ""
	}
	return fmt.Sprintf("%s: %s left out; davit check lists them", plan.Kind.Name, strings.Join(parts, " and "))
}

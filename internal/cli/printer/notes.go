package printer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
)

// Tell prints the notes and warnings of plans. A note that several plans share is printed once.
func (p *Printer) Tell(plans ...*artifact.Plan) {
	p.deferInJSON(func() {
		told := map[string]bool{}
		for _, plan := range plans {
			p.tell(plan, told)
		}
	})
}

// WarnEarly prints a warning about the command line, before the command runs.
func (p *Printer) WarnEarly(format string, args ...any) {
	p.deferInJSON(func() { p.Warn(format, args...) })
}

// deferInJSON calls print now or, in JSON format, in Flush: if the command fails, standard error has only the error.
func (p *Printer) deferInJSON(print func()) {
	if p.Format.Name == "json" {
		p.kept = append(p.kept, print)
		return
	}
	print()
}

// Flush prints the notes and warnings that were deferred to the end of the command.
func (p *Printer) Flush() {
	for _, print := range p.kept {
		print()
	}
	p.kept = nil
}

// TellMore prints the warnings that only packing found, and that the plan does not have.
func (p *Printer) TellMore(plan *artifact.Plan, warnings []string) {
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
	return slices.Contains(plan.Warnings, warning) || slices.ContainsFunc(plan.Platforms, in) || slices.ContainsFunc(plan.Referrers, in)
}

func (p *Printer) tell(plan *artifact.Plan, told map[string]bool) {
	once := func(note, about string) {
		if !told[note+about] {
			p.Note("%s", note)
		}
		told[note+about] = true
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
		if !told[w] {
			p.Warn("%s", w)
		}
		told[w] = true
	}
	for _, inner := range plan.Platforms {
		p.tell(inner, told)
	}
	for _, referrer := range plan.Referrers {
		p.tell(referrer, told)
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

// Package runbook implements the kind for runbooks.
package runbook

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of runbooks.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"runbook":            {Expects: "Markdown with alerts, severity or service in its front matter, or named after an alert and with the headings Meaning and Mitigation", Find: isRunbook},
			"runbooks":           {Expects: "a directory of Markdown", Find: hasPages},
			"runbooks-of-alerts": {Expects: "a directory of Markdown, most of it runbooks", Find: hasRunbooks},
		},
		Names:   []kind.Naming{{Rank: kind.RankGuide, Stems: []string{"runbook"}, Types: kind.Markdown}},
		Outline: outlineOf,
		Page:    examplePage,
		Pull: kind.Pull{
			Readings: map[string]kind.Reading{"runbook": kind.Itself, "attachment": kind.Hidden},
			Index:    readIndex,
			Alerts:   listAlerts,
			Answer:   findAnswer,
		},
	}
}

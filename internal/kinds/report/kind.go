// Package report implements the kind for scanner reports.
package report

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of scanner reports: SARIF, or the JSON of Trivy or Grype.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: data(),
		Tests: map[string]roles.Test{
			"sarif": {Expects: "SARIF", Find: isSARIF},
			"trivy": {Expects: "Trivy's JSON", Find: isTrivy},
			"grype": {Expects: "Grype's JSON", Find: isGrype},
		},
		Outline: outlineOf,
		Rows:    rowsOf,
		Pull:    kind.Pull{Readings: map[string]kind.Reading{"report": kind.Itself}},
	}
}

// Package vex implements the kind for VEX documents: which state whether a product is affected by known vulnerabilities.
package vex

import (
	"io"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/vexdoc"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of VEX documents.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"csaf":          {Expects: "CSAF", Find: isCSAF},
			"cyclonedx-vex": {Expects: "CycloneDX with vulnerabilities and no components", Find: IsCycloneDXVEX},
			"openvex":       {Expects: "OpenVEX", Find: isOpenVEX},
		},
		Matches:    func(t mediatypes.Traits) bool { return t.ArtifactType == mediatypes.VEXArtifact },
		Predicates: []string{"https://openvex.dev/ns"},
		Outline:    func(r io.Reader, _ string) (*outline.Outline, error) { return vexdoc.Read(r) },
		Rows:       func(r io.Reader, _ string) (*outline.Outline, error) { return vexdoc.ReadAll(r) },
		Pull:       kind.Pull{Readings: map[string]kind.Reading{"vex": kind.Itself}},
	}
}

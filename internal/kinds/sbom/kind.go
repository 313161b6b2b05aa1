// Package sbom implements the kind for software bills of materials.
package sbom

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of software bills of materials.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: data(),
		Tests: map[string]roles.Test{
			"cyclonedx-json": {Expects: "CycloneDX in JSON", Find: isCycloneDXJSON},
			"cyclonedx-xml":  {Expects: "CycloneDX in XML", Find: isCycloneDXXML, Fault: cycloneDXFault},
			"spdx-json":      {Expects: "SPDX in JSON", Find: isSPDXJSON},
			"syft-json":      {Expects: "Syft's JSON", Find: isSyftJSON},
			"spdx-tag-value": {Expects: "SPDX as tag: value", Find: isSPDXTagValue},
		},
		Predicates: []string{"https://spdx.dev/Document", "https://cyclonedx.org/", "https://syft.dev/bom"},
		Outline:    outlineOf,
		Pull:       kind.Pull{Readings: map[string]kind.Reading{"sbom": kind.Bill}},
	}
}

package vex

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// isOpenVEX recognizes OpenVEX by its context.
func isOpenVEX(s *tree.Sample) (string, bool) {
	for _, context := range s.Keys()["@context"] {
		if strings.HasPrefix(context, "https://openvex.dev/ns") {
			return "has the context " + context, true
		}
	}
	return "", false
}

// isCSAF recognizes a CSAF document, which is an advisory or VEX, by its category and version.
func isCSAF(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	if len(keys["document/csaf_version"]) == 0 || len(keys["document/category"]) == 0 {
		return "", false
	}
	return "has the category " + keys["document/category"][0], true
}

// IsCycloneDXVEX recognizes CycloneDX with vulnerabilities and no components. With components, it is an SBOM.
func IsCycloneDXVEX(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	if !slices.Contains(keys["bomFormat"], "CycloneDX") || keys["vulnerabilities"] == nil || keys["components"] != nil {
		return "", false
	}
	return "is CycloneDX with vulnerabilities and no components", true
}

// derive sets an artifact type for VEX in CycloneDX, because scanners take artifacts with the CycloneDX type for SBOMs.
func derive(d *compose.Draft) (configblob.Finish, error) {
	for _, l := range d.WithRole("vex") {
		if l.MediaType == mediatypes.CycloneDXJSON {
			d.ArtifactType = mediatypes.VEXArtifact
		}
	}
	return configblob.Constant(struct{}{})
}

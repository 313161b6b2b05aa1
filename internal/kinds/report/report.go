package report

import (
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/sarif"
	"github.com/davit-oci/davit/internal/format/vulnscan"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// isTrivy recognizes a report in Trivy's own JSON format.
func isTrivy(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	return "has ArtifactName and SchemaVersion, as Trivy writes them", keys["ArtifactName"] != nil && keys["SchemaVersion"] != nil
}

// isGrype recognizes a report in Grype's own JSON format.
func isGrype(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	return "has matches, and Grype's descriptor", keys["matches"] != nil && slices.Contains(keys["descriptor/name"], "grype")
}

// outlineOf summarizes a report.
func outlineOf(document io.Reader, mediaType string) (*outline.Outline, error) {
	if mediaType == mediatypes.SARIF {
		return sarif.Read(document)
	}
	return vulnscan.Read(document)
}

// rowsOf is outlineOf with a row for each finding.
func rowsOf(document io.Reader, mediaType string) (*outline.Outline, error) {
	if mediaType == mediatypes.SARIF {
		return sarif.ReadAll(document)
	}
	return vulnscan.Read(document)
}

// isSARIF recognizes SARIF by its runs and its schema or version.
func isSARIF(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	schema := strings.Join(keys["$schema"], "")
	if keys["runs"] == nil || !strings.Contains(schema, "sarif") && !slices.Contains(keys["version"], "2.1.0") {
		return "", false
	}
	return "has SARIF " + strings.Join(keys["version"], "") + " runs", true
}

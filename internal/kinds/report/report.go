package report

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/tree"
)

// isSARIF finds SARIF by its runs and schema or version.
func isSARIF(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	schema := strings.Join(keys["$schema"], "")
	if keys["runs"] == nil || !strings.Contains(schema, "sarif") && !slices.Contains(keys["version"], "2.1.0") {
		return "", false
	}
	return "has runs of SARIF " + strings.Join(keys["version"], ""), true
}

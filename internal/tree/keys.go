package tree

import (
	"slices"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/jsonwalk"
)

// tellingKeys are the keys that distinguish JSON documents; one pass looks for all of them.
var tellingKeys = []string{"$schema", "@context", "@graph", "ArtifactName", "SchemaVersion", "_type", "bomFormat", "components",
	"descriptor/name", "document/category", "document/csaf_version", "experimental_config", "matches", "mediaType", "payload", "payloadType", "predicateType", "results", "runs", "sbom/spdxVersion", "schema/url", "signatures", "specVersion", "spdxVersion", "version", "vulnerabilities"}

// Keys returns the strings at the telling keys of a JSON object: nil if the file is not one, an empty string for a key
// with another type of value.
func (s *Sample) Keys() map[string][]string {
	if s.scanned || s.IsDir() {
		return s.found
	}
	s.scanned = true
	f, err := s.Open()
	if err != nil {
		return nil
	}
	defer f.Close()
	found := map[string][]string{}
	err = jsonwalk.Scan(bom.Skip(f), func(key, value string) bool {
		if slices.Contains(tellingKeys, key) && len(found[key]) < 16 {
			found[key] = append(found[key], value)
		}
		return true
	})
	if err == nil {
		s.found = found
	}
	return s.found
}

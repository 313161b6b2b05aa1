package tree

import (
	"slices"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/jsonwalk"
)

// identifyingKeys are the keys that distinguish types of JSON documents. One pass looks for all of them.
var identifyingKeys = []string{"$schema", "@context", "@graph", "ArtifactName", "SchemaVersion", "_type", "bomFormat", "components",
	"descriptor/name", "document/category", "document/csaf_version", "experimental_config", "matches", "mediaType", "payload", "payloadType", "predicateType", "results", "runs", "sbom/spdxVersion", "schema/url", "signatures", "specVersion", "spdxVersion", "version", "vulnerabilities"}

// Keys returns the values of the identifying keys in a JSON object, at most 16 for each key, with "" for a value that is not a
// string. It returns nil if the file is not a JSON object.
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
		if slices.Contains(identifyingKeys, key) && len(found[key]) < 16 {
			found[key] = append(found[key], value)
		}
		return true
	})
	if err == nil {
		s.found = found
	}
	return s.found
}

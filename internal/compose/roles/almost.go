package roles

import (
	"bytes"
	"compress/gzip"
	"io"
	"path"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
)

var (
	spdxInYAML = lazy.Regexp(`(?ms)^SPDXID:.*^spdxVersion:|^spdxVersion:.*^SPDXID:`)
	spdxInRDF  = lazy.Regexp(`(?s)^\s*<.*rdf:RDF.*http://spdx\.org/rdf/terms#`)
	// documentMarks match the beginning of documents of specific kinds.
	documentMarks = lazy.Regexp(`(?s)^\s*(?:SPDXVersion:|[{<].*(?:"spdxVersion"|"bomFormat"|https://spdx\.org/rdf/3|cyclonedx\.org/schema/bom|"runs"|"predicateType"|openvex\.dev|"csaf_version"))`)
)

// CheckDocument returns an error for a document that is almost of a kind, and would not be recognized as any.
func CheckDocument(s *tree.Sample) error { return AlmostOfKind(s).Err() }

// AlmostOfKind returns the problem that keeps a document from being of a kind, or nil if none is known.
func AlmostOfKind(s *tree.Sample) spec.Problems {
	const orGeneric = ", or name the kind generic, which packs any file unchanged"
	problem := func(message, hint string) spec.Problems {
		return spec.Problems{{File: s.Path, Message: "it " + message, Hint: hint}}
	}
	head, keys := s.Head(), s.Keys()
	wide := bom.WideJSON(head)
	switch {
	case wide != "":
		return problem("is JSON in "+wide+", which readers of JSON refuse", "save it as UTF-8 (in PowerShell: | Out-File -Encoding utf8)"+orGeneric)
	case keys["sbom/spdxVersion"] != nil:
		return problem("has an SPDX document inside, as GitHub's API exports it", "unwrap it: jq .sbom "+path.Base(s.Path)+" > sbom.spdx.json")
	case keys["results"] != nil && keys["experimental_config"] != nil:
		return problem("is a report of OSV-Scanner in its own JSON, which readers of attachments do not know", "write SARIF: osv-scanner --format sarif"+orGeneric)
	case keys == nil && spdxInYAML().Match(head):
		return problem("is SPDX in YAML, which readers of attachments do not know", "convert it to JSON"+orGeneric)
	case keys == nil && spdxInRDF().Match(head):
		return problem("is SPDX in RDF, which readers of attachments do not know", "convert it to JSON"+orGeneric)
	case documentMarks().Match(decompress(head)):
		return problem("is a compressed document, and readers of attachments expect it uncompressed", "decompress it: gunzip "+path.Base(s.Path)+orGeneric)
	}
	return nil
}

// decompress returns the beginning of the content of gzip data, or nil for other data.
func decompress(head []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	data, _ := io.ReadAll(io.LimitReader(r, 64<<10)) // the head ends somewhere inside
	return data
}

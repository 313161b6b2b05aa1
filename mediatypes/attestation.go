package mediatypes

import "strings"

// The media types of statements about artifacts.
const (
	InToto         = "application/vnd.in-toto+json"
	DSSE           = "application/vnd.dsse.envelope.v1+json"
	SigstoreBundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// BuildKitAttestation is the artifactType of the attestation manifests in BuildKit's image indexes.
	BuildKitAttestation = "application/vnd.docker.attestation.manifest.v1+json"
	OpenVEX             = "application/vnd.openvex+json"
	CSAF                = "application/csaf+json"
	SARIF               = "application/sarif+json"
)

// PredicateType is the annotation that says what an in-toto statement states; the two others are those of a sigstore
// bundle.
const (
	PredicateType       = "in-toto.io/predicate-type"
	BundleContent       = "dev.sigstore.bundle.content"
	BundlePredicateType = "dev.sigstore.bundle.predicateType"
)

// statedKinds are the kinds of what in-toto statements state, by how their predicate types begin.
var statedKinds = []struct{ begin, kind string }{
	{"https://spdx.dev/Document", "sbom"}, {"https://cyclonedx.org/", "sbom"}, {"https://syft.dev/bom", "sbom"},
	{"https://openvex.dev/ns", "vex"},
}

// StatedKind is the name of the kind that a statement of a predicate type would have if it stood alone; "" for others, as
// provenance.
func StatedKind(predicate string) string {
	for _, s := range statedKinds {
		if strings.HasPrefix(predicate, s.begin) {
			return s.kind
		}
	}
	return ""
}

// VEXArtifact is the artifactType of a VEX document in CycloneDX: under the type of its format a scanner would take it
// for an SBOM.
const VEXArtifact = "application/vnd.davit.vex.v1"

// attestation is an in-toto statement, bare, in a DSSE envelope or in a sigstore bundle.
var attestation = Kind{
	Name:          "attestation",
	Summary:       "an in-toto statement: bare, in a DSSE envelope or in a sigstore bundle",
	TypeFromLayer: true,
	Types: []string{
		InToto, DSSE, SigstoreBundle, BuildKitAttestation, "application/vnd.in-toto.provenance+dsse", "application/vnd.in-toto.spdx+dsse",
		"application/vnd.in-toto.verification_summary+dsse", "application/vnd.dev.sigstore.bundle+json;version=0.1",
		"application/vnd.dev.sigstore.bundle+json;version=0.2", "application/vnd.dev.sigstore.bundle+json;version=0.3",
	},
	Config: Config{Derive: "attestation"},
	Layers: []LayerType{
		{Role: "statement", MediaType: SigstoreBundle, Content: "sigstore-bundle", Claims: []string{"*.sigstore.json", "*.sigstore"}, Min: 1, Max: 1, Tells: true},
		{Role: "statement", MediaType: DSSE, Content: "dsse", Min: 1, Max: 1, Tells: true},
		{Role: "statement", MediaType: InToto, Content: "in-toto", Claims: []string{"*.intoto.json", "*.intoto.jsonl"}, Min: 1, Max: 1, Tells: true},
	},
	Attached: true,
	Clients:  []string{"cosign", "trivy", "oras"},
	Example: `kind: attestation
layers: [provenance.json]
`,
}

// vex says which vulnerabilities matter.
var vex = Kind{
	Name:          "vex",
	Summary:       "which vulnerabilities matter: OpenVEX, CycloneDX VEX or CSAF",
	TypeFromLayer: true,
	Types:         []string{VEXArtifact, OpenVEX, CSAF},
	Config:        Config{Derive: "vex"},
	Layers: []LayerType{
		{Role: "vex", MediaType: OpenVEX, Content: "openvex", Claims: []string{"*.openvex.json", "*.vex.json"}, Min: 1, Max: 1, Tells: true},
		{Role: "vex", MediaType: CSAF, Content: "csaf", Claims: []string{"*.csaf.json"}, Min: 1, Max: 1, Tells: true},
		{Role: "vex", MediaType: CycloneDXJSON, Content: "cyclonedx-vex", Min: 1, Max: 1, Tells: true},
	},
	Attached: true,
	Clients:  []string{"harbor", "oras"},
	Example: `kind: vex
layers: [greeting.openvex.json]
`,
}

// report is what a scanner or linter found.
var report = Kind{
	Name:          "report",
	Summary:       "what a scanner found, in SARIF",
	TypeFromLayer: true,
	Types:         []string{SARIF},
	Layers:        []LayerType{{Role: "report", MediaType: SARIF, Content: "sarif", Claims: []string{"*.sarif", "*.sarif.json"}, Min: 1, Max: 1, Tells: true}},
	Attached:      true,
	Clients:       []string{"trivy", "oras"},
	Example: `kind: report
layers: [scan.sarif]
`,
}

// The types of signatures.
const (
	NotarySignature = "application/vnd.cncf.notary.signature"
	SimpleSigning   = "application/vnd.dev.cosign.simplesigning.v1+json"
)

// CosignStatement is the predicate type of the bundle that "cosign sign" writes: a signature, not an attestation.
const CosignStatement = "https://sigstore.dev/cosign/sign/v1"

// signature is recognised and shown; notation and cosign write it.
var signature = Kind{
	Name:     "signature",
	Summary:  "a signature of notation or cosign",
	Types:    []string{NotarySignature, SimpleSigning, "application/vnd.dev.cosign.artifact.sig.v1+json"},
	Layers:   []LayerType{{Role: "signature", MediaType: "application/jose+json"}, {Role: "signature", MediaType: "application/cose"}, {Role: "signature", MediaType: SimpleSigning}},
	ReadOnly: true,
	Attached: true,
	Clients:  []string{"notation", "cosign"},
}

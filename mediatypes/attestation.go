package mediatypes

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

// PredicateType is the annotation with the predicate type of an in-toto statement. BundleContent and BundlePredicateType are
// annotations of a sigstore bundle.
const (
	PredicateType       = "in-toto.io/predicate-type"
	BundleContent       = "dev.sigstore.bundle.content"
	BundlePredicateType = "dev.sigstore.bundle.predicateType"
)

// VEXArtifact is the artifactType of a VEX document in CycloneDX. With the CycloneDX media type, a scanner would treat the
// document as an SBOM.
const VEXArtifact = "application/vnd.davit.vex.v1"

// The types of signatures other than sigstore bundles.
const (
	NotarySignature = "application/vnd.cncf.notary.signature"
	SimpleSigning   = "application/vnd.dev.cosign.simplesigning.v1+json"
)

// CosignStatement is the predicate type of the bundle that "cosign sign" writes: a signature, not an attestation.
const CosignStatement = "https://sigstore.dev/cosign/sign/v1"

package attestation_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	const slsa = "https://slsa.dev/provenance/v1"
	bundle := `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{},"dsseEnvelope":` + kindtest.Dsse(mediatypes.InToto, kindtest.ProvenanceStatement) + `}`
	for name, tt := range map[string]struct {
		content, kind, artifactType, layer string
		annotations                        map[string]string
	}{
		"statement":                        {kindtest.ProvenanceStatement, "attestation", mediatypes.InToto, mediatypes.InToto, map[string]string{mediatypes.PredicateType: slsa}},
		"envelope":                         {kindtest.Dsse(mediatypes.InToto, kindtest.ProvenanceStatement), "attestation", mediatypes.InToto, mediatypes.DSSE, map[string]string{mediatypes.PredicateType: slsa}},
		"envelope of another payload type": {kindtest.Dsse("text/plain", "x"), "attestation", mediatypes.DSSE, mediatypes.DSSE, nil},
		"bundle":                           {bundle, "attestation", mediatypes.SigstoreBundle, mediatypes.SigstoreBundle, map[string]string{mediatypes.BundleContent: "dsse-envelope", mediatypes.BundlePredicateType: slsa}},
		"bundle with a message signature":  {`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{"signature":"eA=="}}`, "attestation", mediatypes.SigstoreBundle, mediatypes.SigstoreBundle, map[string]string{mediatypes.BundleContent: "message-signature"}},
		"OpenVEX":                          {`{"@context":"https://openvex.dev/ns/v0.2.0","statements":[]}`, "vex", mediatypes.OpenVEX, mediatypes.OpenVEX, nil},
		"CSAF":                             {`{"document":{"category":"csaf_vex","csaf_version":"2.0"}}`, "vex", mediatypes.CSAF, mediatypes.CSAF, nil},
		"CycloneDX VEX":                    {`{"bomFormat":"CycloneDX","specVersion":"1.6","vulnerabilities":[]}`, "vex", mediatypes.VEXArtifact, mediatypes.CycloneDXJSON, nil},
		"CycloneDX SBOM":                   {`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],"vulnerabilities":[]}`, "sbom", mediatypes.CycloneDXJSON, mediatypes.CycloneDXJSON, nil},
		"SARIF":                            {`{"version":"2.1.0","runs":[]}`, "report", mediatypes.SARIF, mediatypes.SARIF, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := kindtest.Tree(t, map[string]string{"a.json": tt.content}).FS()
			spec, notes, err := artifact.Detect(fsys, []string{"a.json"}, "")
			if err != nil {
				t.Fatal(err)
			}
			plan, err := artifact.Compose(fsys, spec)
			if err != nil {
				t.Fatal(err)
			}
			if spec.Kind != tt.kind || plan.ArtifactType != tt.artifactType || plan.Layers[0].MediaType != tt.layer || plan.ConfigType != mediatypes.EmptyJSON {
				t.Errorf("got kind %s (%q), artifactType %s, layer %s, config %s, want %s, %s, %s, and an empty config",
					spec.Kind, notes, plan.ArtifactType, plan.Layers[0].MediaType, plan.ConfigType, tt.kind, tt.artifactType, tt.layer)
			}
			for key, want := range tt.annotations {
				if got := plan.Annotations[key]; got != want {
					t.Errorf("annotation %s: got %q, want %q", key, got, want)
				}
			}
		})
	}
}

func TestStatementRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ content, want string }{
		"subject without digest":       {strings.Replace(kindtest.ProvenanceStatement, `"digest":{"sha256":"00"}`, "", 1), "can't be read"},
		"subject with an empty digest": {strings.Replace(kindtest.ProvenanceStatement, `{"sha256":"00"}`, "{}", 1), "no subject with a digest"},
		"no predicate type":            {`{"_type":"https://in-toto.io/Statement/v1"}`, "has no predicateType"},
		"payload not base64":           {`{"payloadType":"` + mediatypes.InToto + `","payload":"***","signatures":[{"sig":""}]}`, "is not base64"},
		"payload not a statement":      {kindtest.Dsse(mediatypes.InToto, "{}"), "not a type of in-toto statements"},
		"envelope without signatures":  {`{"payloadType":"x","payload":"","signatures":[]}`, "has no signatures"},
		"empty bundle":                 {`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`, "neither dsseEnvelope nor messageSignature"},
		"another document":             {`{}`, "has no role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, map[string]string{"a.json": tt.content}, "kind: attestation\nlayers: [a.json]\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

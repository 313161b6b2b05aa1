package attestation

import "github.com/davit-oci/davit/mediatypes"

// data describes an in-toto statement: bare, in a DSSE envelope, or in a sigstore bundle.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "attestation",
		Summary: "an in-toto statement: bare, in a DSSE envelope or in a sigstore bundle",
		Identity: mediatypes.Identity{
			TypeFromLayer: true,
			Types: []string{
				mediatypes.InToto, mediatypes.DSSE, mediatypes.SigstoreBundle, mediatypes.BuildKitAttestation, "application/vnd.in-toto.provenance+dsse", "application/vnd.in-toto.spdx+dsse",
				"application/vnd.in-toto.verification_summary+dsse", "application/vnd.dev.sigstore.bundle+json;version=0.1",
				"application/vnd.dev.sigstore.bundle+json;version=0.2", "application/vnd.dev.sigstore.bundle+json;version=0.3",
			},
		},
		Config: mediatypes.Config{Derive: "attestation"},
		Layers: []mediatypes.LayerType{
			{Role: "statement", MediaType: mediatypes.SigstoreBundle, Content: "sigstore-bundle", Claims: []string{"*.sigstore.json", "*.sigstore"}, Min: 1, Max: 1, Tells: true},
			{Role: "statement", MediaType: mediatypes.DSSE, Content: "dsse", Min: 1, Max: 1, Tells: true},
			{Role: "statement", MediaType: mediatypes.InToto, Content: "in-toto", Claims: []string{"*.intoto.json", "*.intoto.jsonl"}, Min: 1, Max: 1, Tells: true},
		},
		Attached: true,
		Clients:  []string{"cosign", "trivy", "oras"},
		Example: `kind: attestation
layers: [provenance.json]
`,
	}
}

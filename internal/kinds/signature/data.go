package signature

import "github.com/davit-oci/davit/mediatypes"

// data describes the signatures that notation and cosign write. Davit recognizes and shows them.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "signature",
		Summary:  "a signature of notation or cosign",
		Identity: mediatypes.Identity{Types: []string{mediatypes.NotarySignature, mediatypes.SimpleSigning, "application/vnd.dev.cosign.artifact.sig.v1+json"}},
		Layers:   []mediatypes.LayerType{{Role: "signature", MediaType: "application/jose+json"}, {Role: "signature", MediaType: "application/cose"}, {Role: "signature", MediaType: mediatypes.SimpleSigning}, {Role: "signature", MediaType: mediatypes.SigstoreBundle}},
		ReadOnly: true,
		Attached: true,
		Clients:  []string{"notation", "cosign"},
	}
}

// Package attestation implements the kind for in-toto statements: bare, in a DSSE envelope, or in a sigstore bundle.
package attestation

import (
	"io"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/statement"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of in-toto statements: bare, in a DSSE envelope, or in a sigstore bundle.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"sigstore-bundle": {Expects: "a sigstore bundle", Find: isSigstoreBundle},
			"dsse":            {Expects: "a DSSE envelope", Find: isDSSE},
			"in-toto":         {Expects: "an in-toto statement", Find: isInToto},
		},
		Matches: isAttestation,
		Outline: func(r io.Reader, _ string) (*outline.Outline, error) { return statement.Read(r) },
		Pull:    kind.Pull{Readings: map[string]kind.Reading{"statement": kind.Bill}},
	}
}

func isAttestation(t mediatypes.Traits) bool {
	return t.ArtifactType == "" && (t.HasOnlyLayers(mediatypes.InToto) || t.HasOnlyLayers(mediatypes.DSSE))
}

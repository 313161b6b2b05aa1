// Package signature implements the kind for signatures of notation and cosign, which are read and never packed.
package signature

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of signatures of notation and cosign, which are read and never packed.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: data(),
		Matches: func(t mediatypes.Traits) bool {
			content := t.Annotations[mediatypes.BundleContent]
			return content == "message-signature" || content != "" && t.Annotations[mediatypes.BundlePredicateType] == mediatypes.CosignStatement ||
				t.HasLayer(mediatypes.SimpleSigning) || t.Type() == mediatypes.NotarySignature
		},
		Outline: outlineOf,
		Pull:    kind.Pull{Readings: map[string]kind.Reading{"signature": kind.Itself}},
	}
}

package mediatypes_test

import (
	"fmt"

	"github.com/davit-oci/davit/mediatypes"
)

// A listing of referrers has enough fields to name their kinds.
func ExampleRecognize() {
	kinds := []mediatypes.Known{
		{Kind: mediatypes.Kind{Name: "sbom", Identity: mediatypes.Identity{Types: []string{"application/vnd.cyclonedx+json"}}}},
	}
	kind, known := mediatypes.Recognize(kinds, mediatypes.Traits{ArtifactType: "application/vnd.cyclonedx+json"})
	fmt.Println(kind.Name, known)
	kind, known = mediatypes.Recognize(kinds, mediatypes.Traits{ArtifactType: "application/vnd.example.thing"})
	fmt.Println(kind.Name, known)
	// Output:
	// sbom true
	// generic false
}

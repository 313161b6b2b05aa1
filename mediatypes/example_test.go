package mediatypes_test

import (
	"fmt"

	"github.com/davit-oci/davit/mediatypes"
)

// What a listing of referrers has is enough to name their kinds.
func ExampleRecognise() {
	kind, known := mediatypes.Recognise(mediatypes.Traits{ArtifactType: "application/vnd.cyclonedx+json"})
	fmt.Println(kind.Name, known)
	kind, known = mediatypes.Recognise(mediatypes.Traits{ArtifactType: "application/vnd.example.thing"})
	fmt.Println(kind.Name, known)
	// Output:
	// sbom true
	// generic false
}

func ExampleLookup() {
	kind, _ := mediatypes.Lookup("runbook")
	fmt.Println(kind.ArtifactType, kind.Roles())
	// Output: application/vnd.davit.runbook.v1 [runbook attachment]
}

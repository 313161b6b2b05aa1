package mediatypes_test

import (
	"fmt"

	"github.com/davit-oci/davit/mediatypes"
)

// The fields in a listing of referrers are enough to recognize their kinds.
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

func ExamplePackings() {
	for _, p := range mediatypes.Packings() {
		fmt.Printf("%q ", p.Extension())
	}
	// Output: "" ".tar" ".tar.gz" ".tar.zst" ".zip"
}

func ExampleIsImageConfig() {
	fmt.Println(mediatypes.IsImageConfig(mediatypes.ImageConfig), mediatypes.IsImageConfig(mediatypes.WasmConfig))
	// Output: true false
}

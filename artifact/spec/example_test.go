package spec_test

import (
	"errors"
	"fmt"

	"github.com/davit-oci/davit/artifact/spec"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func ExampleVersionTags() {
	fmt.Println(spec.VersionTags("1.2.3"), spec.VersionTags("1.2.3-rc.1"))
	// Output: [1 1.2 1.2.3 latest] [1.2.3-rc.1]
}

func ExampleIsSemver() {
	fmt.Println(spec.IsSemver("1.2.3"), spec.IsSemver("1.2"))
	// Output: true false
}

func ExampleInvalid() {
	err := spec.Invalid(errors.New("unknown key"))
	fmt.Println(err, errors.Is(err, spec.ErrInvalid))
	// Output: unknown key true
}

func ExampleRefused() {
	err := spec.Refused("weights.gguf", "size mismatch: want %d bytes, got %d", 5, 9)
	fmt.Println(err, errors.Is(err, spec.ErrRefused))
	// Output: "weights.gguf": size mismatch: want 5 bytes, got 9 true
}

func ExampleDescribe() {
	described := spec.Describe(ocispec.DescriptorEmptyJSON)
	fmt.Println(described.MediaType, described.Size)
	// Output: application/vnd.oci.empty.v1+json 2
}

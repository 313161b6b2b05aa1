package app

import (
	"fmt"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ParsePlatform parses OS/ARCH[/VARIANT][:OS_VERSION].
func ParsePlatform(text string) (*ocispec.Platform, error) {
	p, ok := manifest.ParsePlatform(text)
	if !ok {
		return nil, &exit.UsageError{Err: fmt.Errorf("platform %q: must be OS/ARCH[/VARIANT]", text), Hint: "for example linux/arm64"}
	}
	return &p, nil
}

// OptionalPlatform is like ParsePlatform, but returns nil for an empty flag.
func OptionalPlatform(text string) (*ocispec.Platform, error) {
	if text == "" {
		return nil, nil
	}
	return ParsePlatform(text)
}

// NotePlatform prints a note if --platform has no effect because the artifact is a single manifest.
func (a *App) NotePlatform(reference string, wanted, chosen *ocispec.Platform) {
	if wanted != nil && chosen == nil {
		a.Note("%s is not an index of platforms: --platform changes nothing", reference)
	}
}

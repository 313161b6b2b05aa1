package chart

import (
	"cmp"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

// versionSyntax is the syntax that Helm accepts as a version: semver with optional parts, and leading zeros before the pre-release.
var versionSyntax = lazy.Regexp(`^v?\d+(\.\d+)?(\.\d+)?` +
	`(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?` +
	`(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// FullVersion returns a version that Helm accepts as the semantic version that it means. In a registry, Helm takes no other tags for versions.
func FullVersion(version string) string {
	core := strings.TrimPrefix(version, "v")
	end := strings.IndexAny(core+"-", "-+")
	numbers := strings.Split(core[:end]+".0.0", ".")[:3]
	for i, n := range numbers {
		numbers[i] = cmp.Or(strings.TrimLeft(n, "0"), "0")
	}
	return strings.Join(numbers, ".") + core[end:]
}

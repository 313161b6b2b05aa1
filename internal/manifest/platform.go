package manifest

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

var platformSyntax = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9_]+)/([a-z0-9_]+)(?:/([a-z0-9_.]+))?(?::([^:/]+))?$`)
})

// ParsePlatform parses OS/ARCH[/VARIANT][:OS_VERSION]. ok is false for any other syntax.
func ParsePlatform(s string) (p ocispec.Platform, ok bool) {
	m := platformSyntax().FindStringSubmatch(s)
	if m == nil {
		return p, false
	}
	return ocispec.Platform{OS: m[1], Architecture: m[2], Variant: m[3], OSVersion: m[4]}, true
}

// The operating systems and architectures of Go, which the image specification refers to, and "unknown" for manifests without one.
const (
	systems = "aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasi wasip1 windows unknown"
	cpus    = "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm unknown"
)

// words maps the words in names of files and directories to platforms, as "linux" or "/arm/v7". Besides the names of Go, they are those of
// uname, Debian, and releases.
var words = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, line := range strings.Split(`linux linux
darwin darwin macos mac osx apple
windows windows win win64
/amd64 amd64 x64 64bit
/386 386 i386 i686 x86 32bit
/arm64 arm64 aarch64 arm64v8 armv8
/arm/v5 armv5 armel arm32v5
/arm/v6 armv6 armv6l arm32v6
/arm/v7 armv7 armv7l armhf arm32v7
/arm arm
/ppc64le ppc64le ppc64el
/loong64 loong64 loongarch64`, "\n") {
		platform, names, _ := strings.Cut(line, " ")
		for _, name := range strings.Fields(names) {
			all[name] = platform
		}
	}
	for _, name := range strings.Fields("freebsd netbsd openbsd solaris illumos android") {
		all[name] = name
	}
	for _, name := range strings.Fields("s390x riscv64 mips64le") {
		all[name] = "/" + name
	}
	return all
})

// version matches versions, whose first part may look like a variant of an architecture.
var version = lazy.Regexp(`(^|[-_.+/])v\d+\.\d[.\d]*`)

// PlatformIn returns the operating system and the architecture that the name or path of a file or directory contains, as in linux_arm64,
// tool-1.0-darwin-x86_64.zip, and linux/arm/v7. Either is empty if the name has none.
func PlatformIn(name string) (p ocispec.Platform) {
	name = version().ReplaceAllString(strings.NewReplacer("x86_64", "amd64", "x86-64", "amd64").Replace(strings.ToLower(name)), "-")
	after := ""
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_.+/", r) }) {
		if system, processor, ok := strings.Cut(words()[word], "/"); ok {
			p.Architecture, p.Variant, _ = strings.Cut(processor, "/")
		} else if system != "" {
			p.OS = system
		}
		if after == "arm" && (word == "v5" || word == "v6" || word == "v7") {
			p.Variant = word
		}
		after = word
	}
	return p
}

// ImagePlatformIn returns the platform that a directory of an image is named after, such as linux/arm64 for arm64, or "".
func ImagePlatformIn(name string) string {
	p := PlatformIn(name)
	if p.Architecture == "" {
		return ""
	}
	p.OS = cmp.Or(p.OS, "linux")
	return FormatPlatform(&p)
}

// DoubtPlatform returns a warning about a platform whose operating system or architecture is not known. It returns "" if both are known, or
// if the syntax is invalid.
func DoubtPlatform(s string) string {
	p, ok := ParsePlatform(s)
	if !ok {
		return ""
	}
	for _, part := range []struct{ what, name, known string }{{"operating system", p.OS, systems}, {"architecture", p.Architecture, cpus}} {
		known := strings.Fields(part.known)
		if slices.Contains(known, part.name) {
			continue
		}
		warning := fmt.Sprintf("platform %s: unknown %s %q", s, part.what, part.name)
		if near := cmp.Or(PlatformIn(part.name).Architecture, textdist.Closest(part.name, known)); near != "" {
			warning += fmt.Sprintf("; did you mean %q?", near)
		}
		return warning
	}
	return ""
}

// anyPlatform is the text for an entry without a platform.
const anyPlatform = "any"

// FormatPlatform is the inverse of ParsePlatform. It returns "any" for nil.
func FormatPlatform(p *ocispec.Platform) string {
	if p == nil {
		return anyPlatform
	}
	s := path.Join(p.OS, p.Architecture, p.Variant)
	if p.OSVersion != "" {
		s += ":" + p.OSVersion
	}
	return s
}

// Runnable returns the entries of an index that are not attestations.
func Runnable(entries []ocispec.Descriptor) []ocispec.Descriptor {
	return lists.Delete(slices.Clone(entries), IsAttestation)
}

// Select returns the entry of an index for a platform. If want is nil, it uses the platform of this program. Select prefers an entry
// with exactly this platform to one that agrees only in the fields that want sets. A single entry without a platform suits every
// platform. If no entry matches, it fails with a *PlatformError, whose Index the caller may set.
func Select(entries []ocispec.Descriptor, want *ocispec.Platform) (ocispec.Descriptor, error) {
	entries = Runnable(entries)
	if len(entries) == 1 && entries[0].Platform == nil {
		return entries[0], nil
	}
	if want == nil {
		want = &ocispec.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}
	}
	for _, exact := range []bool{true, false} {
		for _, e := range entries {
			if e.Platform != nil && matches(*want, *e.Platform, exact) {
				return e, nil
			}
		}
	}
	have := make([]string, 0, len(entries))
	for _, e := range entries {
		have = append(have, FormatPlatform(e.Platform))
	}
	return ocispec.Descriptor{}, &PlatformError{Platform: FormatPlatform(want), Have: have}
}

// matches reports whether have equals want, or, unless exact is set, agrees with it in every field that want sets.
func matches(want, have ocispec.Platform, exact bool) bool {
	if want.OS != have.OS || want.Architecture != have.Architecture {
		return false
	}
	if want.Variant == have.Variant && want.OSVersion == have.OSVersion {
		return true
	}
	return !exact && (want.Variant == "" || want.Variant == variant(have)) &&
		(want.OSVersion == "" || want.OSVersion == have.OSVersion)
}

// variant returns the variant of a platform or, if it has none, the default of the architecture.
func variant(p ocispec.Platform) string {
	if p.Variant == "" && p.Architecture == "arm64" {
		return "v8"
	}
	return p.Variant
}

// maxNamed bounds how many platforms an error names. Images have up to ten platforms, and the user needs to know their names.
const maxNamed = 16

// PlatformError reports that an index has no manifest for a platform. It wraps errdef.ErrNotFound.
type PlatformError struct {
	Index    digest.Digest
	Platform string   // in the format of FormatPlatform
	Have     []string // the platforms of the index, in its order
}

// Error returns a message with the digest of the index, the platform, and the platforms of the index.
func (e *PlatformError) Error() string {
	return fmt.Sprintf("%s has nothing for %s: %s", e.Index, e.Platform, e.Has())
}

// Has returns a clause that lists the platforms of the index without duplicates, and counts the manifests without a platform.
func (e *PlatformError) Has() string {
	var named []string
	var without int
	for _, platform := range e.Have {
		switch {
		case platform == anyPlatform:
			without++
		case !slices.Contains(named, platform):
			named = append(named, platform)
		}
	}
	rest := fmt.Sprintf("%d manifests without a platform", without)
	switch {
	case len(e.Have) == 0:
		return "it is an empty index"
	case without == 1:
		rest = "a manifest without a platform"
	}
	switch {
	case without == 0:
		return "it has " + textdist.FirstOf(named, maxNamed)
	case len(named) == 0:
		return "it has " + rest + ": name one by its digest"
	}
	return "it has " + textdist.FirstOf(named, maxNamed) + ", and " + rest
}

// Unwrap returns errdef.ErrNotFound.
func (e *PlatformError) Unwrap() error { return errdef.ErrNotFound }

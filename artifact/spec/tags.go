package spec

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// semver matches a full semantic version. It is compiled on first use: most commands need none.
var semver = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
})

// IsSemver reports whether a version is a full semantic version: 1.2.3, 1.2.3-rc.1+build.
func IsSemver(version string) bool { return semver().MatchString(version) }

// VersionTags returns the tags of a semantic version: 1, 1.2, 1.2.3, and latest. A pre-release, or a version with build
// metadata, has only its own tag.
func VersionTags(version string) []string {
	exact := strings.ReplaceAll(version, "+", "_")
	if strings.ContainsAny(version, "-+") {
		return []string{exact}
	}
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return []string{major, major + "." + minor, exact, "latest"}
}

// TagsBeside returns the tags of the plan without those that belong to a higher version among the existing tags: pushing
// 1.2.4 after 1.3.0 moves 1.2, but neither 1 nor latest. Without Cascade it returns all of Tags.
func (p *Plan) TagsBeside(existing []string) []string {
	own, ok := release(p.Cascade)
	if !ok {
		return p.Tags
	}
	moving := VersionTags(p.Cascade)
	return slices.DeleteFunc(slices.Clone(p.Tags), func(tag string) bool {
		parts := slices.Index(moving, tag) + 1 // how many numbers of the version the tag has
		switch {
		case tag == "latest":
			parts = 0
		case parts == 0 || parts == len(own):
			return false
		}
		return slices.ContainsFunc(existing, func(other string) bool {
			theirs, ok := release(other)
			return ok && slices.Equal(theirs[:parts], own[:parts]) && slices.Compare(theirs, own) > 0
		})
	})
}

// release splits a version into its numbers; ok is false for a pre-release, for a version with build metadata, and for text
// that is not a version.
func release(version string) (numbers []int, ok bool) {
	m := semver().FindStringSubmatch(version)
	if m == nil || cmp.Or(m[4], m[5]) != "" {
		return nil, false
	}
	for _, part := range m[1:4] {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

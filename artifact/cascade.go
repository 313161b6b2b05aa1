package artifact

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// semver is a full semantic version; Dev Containers take no other.
var semver = onUse(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// cascade are the tags of a version: 1, 1.2, 1.2.3 and latest. A version before a release moves none but its own.
func cascade(version string) []string {
	exact := strings.ReplaceAll(version, "+", "_")
	if strings.ContainsAny(version, "-+") {
		return []string{exact}
	}
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return []string{major, major + "." + minor, exact, "latest"}
}

// TagsBeside are the plan's tags without those that belong to a higher version which is among existing: pushing 1.2.4
// after 1.3.0 moves 1.2 and neither 1 nor latest. Without Cascade they are all of Tags.
func (p *Plan) TagsBeside(existing []string) []string {
	own, ok := release(p.Cascade)
	if !ok {
		return p.Tags
	}
	moving := cascade(p.Cascade)
	return slices.DeleteFunc(slices.Clone(p.Tags), func(tag string) bool {
		parts := slices.Index(moving, tag) + 1 // how many numbers of the version the tag says
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

// release takes a version apart; ok is false for what is none, or one before a release.
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

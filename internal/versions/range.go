package versions

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/davit-oci/davit/internal/lists"
)

// maxRange limits the length of a range in bytes, and maxAlternatives the number of its alternatives.
const (
	maxRange        = 256
	maxAlternatives = 16
)

// Range is a range of semantic versions: ^1.2, ~1.2.3, ">=1.2, <2", "1.x || 2.x". It contains pre-releases only if it names one,
// such as ^1.2-0.
type Range struct {
	text       string
	constraint *semver.Constraints
}

// ParseRange parses a range.
func ParseRange(text string) (*Range, error) {
	if len(text) > maxRange || strings.Count(text, "||") >= maxAlternatives {
		return nil, errors.New("the range is too long or has too many alternatives")
	}
	c, err := semver.NewConstraint(text)
	if err != nil {
		return nil, fmt.Errorf("invalid range %q", text)
	}
	return &Range{text, c}, nil
}

// String returns the text of the range.
func (r *Range) String() string { return r.text }

// tagged is a tag that is a full version.
type tagged struct {
	tag     string
	version *semver.Version
}

// parseTag parses a tag that is a full version: 1.2.3, v1.2.3-rc.1, or 1.2.3_build, because tags can't have a "+". It refuses tags such
// as 1.2, which stand for several versions.
func parseTag(tag string) (tagged, bool) {
	text := strings.TrimPrefix(strings.Replace(tag, "_", "+", 1), "v")
	v, err := semver.StrictNewVersion(text)
	return tagged{tag, v}, err == nil
}

// Full returns the tags that are full versions, also with the name of a repository before them. Tags such as 1.2 and latest stand for
// several versions.
func Full(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		_, ok := parseTag(tag[strings.LastIndexByte(tag, ':')+1:])
		return !ok
	})
}

// Matching returns the tags that are full versions in the range, the newest first.
func (r *Range) Matching(tags []string) []string {
	return newest(tags, r.constraint.Check)
}

// PreReleases returns the pre-releases among tags that would be in the range if it allowed them, the newest first.
func (r *Range) PreReleases(tags []string) []string {
	with := *r.constraint
	with.IncludePrerelease = true
	return newest(tags, func(v *semver.Version) bool { return v.Prerelease() != "" && with.Check(v) })
}

// WithPreReleases appends "-0" to each part of the range, so that it also allows pre-releases. It returns "" if the result does not
// contain the tag.
func (r *Range) WithPreReleases(tag string) string {
	parts := strings.Split(r.text, ",")
	for i, part := range parts {
		parts[i] = strings.TrimRight(part, " ") + "-0"
	}
	text := strings.Join(parts, ",")
	if with, err := ParseRange(text); err == nil && slices.Contains(with.Matching([]string{tag}), tag) {
		return text
	}
	return ""
}

// newest returns the tags that are full versions and pass a check, the newest first. Tags of equal versions are in alphabetical
// order.
func newest(tags []string, isWanted func(*semver.Version) bool) []string {
	var found []tagged
	for _, tag := range tags {
		if t, ok := parseTag(tag); ok && isWanted(t.version) {
			found = append(found, t)
		}
	}
	lists.Sort(found, func(a, b tagged) int {
		if c := b.version.Compare(a.version); c != 0 {
			return c
		}
		return strings.Compare(a.tag, b.tag)
	})
	chosen := make([]string, len(found))
	for i, t := range found {
		chosen[i] = t.tag
	}
	return chosen
}

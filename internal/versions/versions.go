// Package versions compares tags as versions, and finds the tags in a range.
package versions

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Compare orders tags as versions: numbers by value, a pre-release before its release, and other tags before all versions.
// It returns a number below, equal to, or above 0.
func Compare(a, b string) int {
	aCore, aPre, _ := strings.Cut(strings.TrimPrefix(a, "v"), "-")
	bCore, bPre, _ := strings.Cut(strings.TrimPrefix(b, "v"), "-")
	if c := cmp.Compare(rank(aCore), rank(bCore)); c != 0 {
		return c
	}
	if c := compareParts(aCore, bCore); c != 0 {
		return c
	}
	switch {
	case aPre == bPre:
		return 0
	case aPre == "":
		return 1
	case bPre == "":
		return -1
	}
	return compareParts(aPre, bPre)
}

// rank returns 1 for a version that begins with a digit, or else 0.
func rank(version string) int {
	if version != "" && version[0] >= '0' && version[0] <= '9' {
		return 1
	}
	return 0
}

func compareParts(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		m, errA := strconv.ParseUint(a, 10, 64)
		n, errB := strconv.ParseUint(b, 10, 64)
		switch {
		case errA == nil && errB == nil:
			return cmp.Compare(m, n)
		case errA == nil:
			return -1
		case errB == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
}

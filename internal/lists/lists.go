// Package lists has what package slices lacks.
package lists

import "slices"

// Unique returns the list without repeated and empty strings, nil if nothing is left.
func Unique(list []string) []string {
	var kept []string
	for _, s := range list {
		if s != "" && !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Split returns those of a list for which is holds, and the others.
func Split[T any](list []T, is func(T) bool) (those, others []T) {
	for _, one := range list {
		if is(one) {
			those = append(those, one)
		} else {
			others = append(others, one)
		}
	}
	return those, others
}

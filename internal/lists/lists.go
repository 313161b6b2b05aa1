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

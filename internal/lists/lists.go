// Package lists has functions for slices and maps that the standard library lacks.
package lists

import (
	"cmp"
	"slices"
)

// Unique returns the list without duplicates and empty strings, or nil if nothing is left.
func Unique(list []string) []string {
	var kept []string
	for _, s := range list {
		if s != "" && !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Split returns the elements for which isMatch returns true, and the other elements.
func Split[T any](list []T, isMatch func(T) bool) (matching, others []T) {
	for _, element := range list {
		if isMatch(element) {
			matching = append(matching, element)
		} else {
			others = append(others, element)
		}
	}
	return matching, others
}

// Sort sorts a list and keeps the order of equal elements. It sorts positions, so that the program has one sort function for all
// types of elements. With package slices, each type would add 15 KB to the program.
func Sort[T any](list []T, compare func(a, b T) int) {
	positions := make([]int, len(list))
	for i := range positions {
		positions[i] = i
	}
	slices.SortFunc(positions, func(i, j int) int { return cmp.Or(compare(list[i], list[j]), cmp.Compare(i, j)) })
	sorted := make([]T, len(list))
	for i, at := range positions {
		sorted[i] = list[at]
	}
	copy(list, sorted)
}

// Keys returns the keys of a map, sorted by compare.
func Keys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	Sort(keys, compare)
	return keys
}

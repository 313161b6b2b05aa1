// Package lists has functions for slices and maps that the standard library lacks.
package lists

import (
	"cmp"
	"reflect"
	"slices"
)

// Unique returns the list without duplicates and empty strings, or nil if nothing is left. Inlined, it would add 14 KB to the program.
//
//go:noinline
func Unique(list []string) []string {
	var kept []string
	for _, s := range list {
		if s != "" && !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// SortUnique sorts a list in place and returns it without duplicates.
func SortUnique[T cmp.Ordered](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
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

// Sort sorts a list in place and keeps the order of equal elements. It sorts positions, so that the program has one sort function for all
// types of elements. With package slices, each type would add 15 KB to the program.
func Sort[T any](list []T, compare func(a, b T) int) {
	arrange(reflect.Swapper(list), order(len(list), func(i, j int) int { return compare(list[i], list[j]) }))
}

// arrange swaps elements until each position has the element that was at positions[position].
func arrange(swap func(i, j int), positions []int) {
	for start := range positions {
		at := start
		for positions[at] != start {
			next := positions[at]
			swap(at, next)
			positions[at] = at // done
			at = next
		}
		positions[at] = at
	}
}

// order returns the positions from 0 to n-1 in the order of their elements.
func order(n int, compare func(i, j int) int) []int {
	positions := make([]int, n)
	for i := range positions {
		positions[i] = i
	}
	slices.SortFunc(positions, func(i, j int) int { return cmp.Or(compare(i, j), cmp.Compare(i, j)) })
	return positions
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

// Delete deletes the elements for which isDeleted returns true, in place, and returns the list without them. Like Sort, it adds little to the
// program for each type of elements; inlining it would add 20 KB.
//
//go:noinline
func Delete[T any](list []T, isDeleted func(T) bool) []T {
	n := gather(len(list), reflect.Swapper(list), func(i int) bool { return !isDeleted(list[i]) })
	clear(list[n:])
	return list[:n]
}

// gather moves the elements of a list that are kept to its beginning, in their order, and returns their number.
func gather(n int, swap func(i, j int), isKept func(i int) bool) int {
	kept := 0
	for i := range n {
		if !isKept(i) {
			continue
		}
		if kept != i {
			swap(kept, i)
		}
		kept++
	}
	return kept
}

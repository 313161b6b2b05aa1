package manifest

import (
	"time"

	"github.com/davit-oci/davit/internal/lists"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Created returns the creation time in annotations, or the zero time if it is missing, invalid, or not after 1970-01-01.
func Created(annotations map[string]string) time.Time {
	t, err := time.Parse(time.RFC3339, annotations[ocispec.AnnotationCreated])
	if err != nil || t.Unix() <= 0 {
		return time.Time{}
	}
	return t
}

// Newest returns the newest n elements; those without a time are the oldest. If several have the same time, or none, and only some
// of these would be among the n, all of these are undecided instead: neither a listing nor a digest says which was first.
func Newest[T any](all []T, n int, created func(T) time.Time) (newest, undecided []T) {
	if n <= 0 || len(all) <= n {
		return all[:max(0, min(n, len(all)))], nil
	}
	byAge := append([]T(nil), all...)
	lists.Sort(byAge, func(a, b T) int { return created(b).Compare(created(a)) })
	last := created(byAge[n-1])
	if created(byAge[n]).Before(last) {
		return byAge[:n], nil
	}
	from, to := n-1, n
	for from > 0 && created(byAge[from-1]).Equal(last) {
		from--
	}
	for to < len(byAge) && created(byAge[to]).Equal(last) {
		to++
	}
	return byAge[:from], byAge[from:to]
}

package manifest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestNewest(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time {
		if day == 0 {
			return time.Time{}
		}
		return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)
	}
	for _, test := range []struct {
		days      []int // 0: no date
		n         int
		newest    []int
		undecided []int
	}{
		{[]int{1, 3, 2}, 2, []int{3, 2}, nil},
		{[]int{1, 3, 2}, 3, []int{1, 3, 2}, nil},
		{[]int{1, 3, 2}, 9, []int{1, 3, 2}, nil},
		{[]int{1, 3, 2}, 0, nil, nil},
		{nil, 1, nil, nil},
		{[]int{0}, 1, []int{0}, nil},
		{[]int{0, 0, 0}, 1, nil, []int{0, 0, 0}},
		{[]int{0, 0, 0}, 2, nil, []int{0, 0, 0}},
		{[]int{0, 0, 0}, 3, []int{0, 0, 0}, nil},
		{[]int{0, 0, 0}, 0, nil, nil},
		{[]int{0, 5, 0}, 1, []int{5}, nil}, // entries with a date are newer
		{[]int{0, 5, 0}, 2, []int{5}, []int{0, 0}},
		{[]int{4, 4, 5, 1}, 2, []int{5}, []int{4, 4}},
		{[]int{4, 4, 5, 1}, 3, []int{5, 4, 4}, nil},
		{[]int{4, 4, 4}, 1, nil, []int{4, 4, 4}},
	} {
		newest, undecided := manifest.Newest(test.days, test.n, at)
		if fmt.Sprint(newest, undecided) != fmt.Sprint(test.newest, test.undecided) {
			t.Errorf("%d of %v: got %v, undecided %v, want %v, undecided %v", test.n, test.days, newest, undecided, test.newest, test.undecided)
		}
	}
}

func TestCreated(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"2026-01-02T03:04:05Z": 1767323045, "2026-01-02T04:04:05+01:00": 1767323045,
		"": 0, "yesterday": 0, "1970-01-01T00:00:00Z": 0, // in SOURCE_DATE_EPOCH, zero means no date
	} {
		got := manifest.Created(map[string]string{ocispec.AnnotationCreated: text})
		if got.IsZero() != (want == 0) || want != 0 && got.Unix() != want {
			t.Errorf("%q: got %v, want %d", text, got, want)
		}
	}
}

package lists_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/lists"
)

func TestSortKeepsOrderOfEqualElements(t *testing.T) {
	type element struct{ key, position int }
	compare := func(a, b element) int { return cmp.Compare(a.key, b.key) }
	for length := range 100 {
		list := make([]element, length)
		for i := range list {
			list[i] = element{rand.IntN(1 + length/3), i}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, compare)
		if lists.Sort(list, compare); !slices.Equal(list, want) {
			t.Fatalf("got %v, want %v", list, want)
		}
	}
}

func TestSortUnique(t *testing.T) {
	for list, want := range map[string]string{"": "", "a": "a", "cabacc": "abc", "aaa": "a"} {
		if got := lists.SortUnique([]byte(list)); string(got) != want {
			t.Errorf("SortUnique(%q): got %q, want %q", list, got, want)
		}
	}
}

func TestKeys(t *testing.T) {
	got := lists.Keys(map[string]int{"b": 1, "c": 2, "a": 3}, strings.Compare)
	if want := []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDelete(t *testing.T) {
	for length := range 50 {
		list := make([]int, length)
		for i := range list {
			list[i] = 1 + rand.IntN(9)
		}
		isDeleted := func(n int) bool { return n > length%9 }
		want := slices.DeleteFunc(slices.Clone(list), isDeleted)
		got := lists.Delete(list, isDeleted)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for _, n := range list[len(got):] {
			if n != 0 {
				t.Fatalf("got %v, and %v behind it, want zeros", got, list[len(got):])
			}
		}
	}
	if got := lists.Delete([]*int(nil), nil); got != nil {
		t.Errorf("got %v, want nil", got)
	}
}

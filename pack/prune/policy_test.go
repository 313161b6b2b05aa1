package prune_test

import (
	"context"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pack/prune"
)

// TestKeepLastCountsArtifacts checks that KeepLast keeps all tags of each of the newest artifacts, with and without dates.
func TestKeepLastCountsArtifacts(t *testing.T) {
	t.Parallel()
	for _, dates := range []bool{false, true} {
		dst := newStore(t)
		all := map[string][]string{"1.0.0": nil, "1.0.1": {"1", "1.0", "latest"}, "2.0.0": {"2", "edge"}, "0.9.0": {"0"}}
		var names []string
		for day, version := range []string{"0.9.0", "1.0.0", "1.0.1", "2.0.0"} {
			var more []string
			if dates {
				more = annotateCreated(day + 1)
			}
			desc := dst.manifest("application/vnd.example.app", version, nil, more...)
			for _, tag := range append([]string{version}, all[version]...) {
				names = append(names, tag)
				if err := dst.Tag(t.Context(), desc, tag); err != nil {
					t.Fatal(err)
				}
			}
		}
		list := func(context.Context) ([]string, error) { return names, nil }
		for keep, want := range []string{"", "2.0.0 2 edge", "1.0.1 1 1.0 latest 2.0.0 2 edge", "1.0.0 1.0.1 1 1.0 latest 2.0.0 2 edge"} {
			plan, err := prune.NewPlan(t.Context(), prune.Repository{Target: dst, Tags: list, AllTags: list}, prune.Policy{KeepLast: &keep})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(plan.Kept, " "); got != want {
				t.Errorf("dates %t, keep last %d: got %q, want %q", dates, keep, got, want)
			}
		}
	}
}

// TestKeepLastOfEachRepository checks that KeepLast counts separately in each repository of a layout.
func TestKeepLastOfEachRepository(t *testing.T) {
	t.Parallel()
	dst := newStore(t)
	var names []string
	for day, name := range []string{"a/x:1", "a/x:2", "b:1", "b:2", "b:latest", "c:1", "3"} {
		desc := dst.manifest("application/vnd.example.app", name, nil, annotateCreated(day+1)...)
		if name == "b:latest" {
			desc, _ = dst.Resolve(t.Context(), "b:1")
		}
		if err := dst.Tag(t.Context(), desc, name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	list := func(context.Context) ([]string, error) { return names, nil }
	for keep, want := range []string{"", "a/x:2 b:2 c:1 3", "a/x:1 a/x:2 b:1 b:2 b:latest c:1 3"} {
		plan, err := prune.NewPlan(t.Context(), prune.Repository{Target: dst, Tags: list, AllTags: list}, prune.Policy{KeepLast: &keep})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan.Kept, " "); got != want {
			t.Errorf("keep last %d: got %q, want %q", keep, got, want)
		}
	}
}

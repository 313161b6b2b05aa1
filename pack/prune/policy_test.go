package prune_test

import (
	"context"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pack/prune"
)

// TestKeepLastCountsArtifacts checks that each of the newest artifacts keeps all its tags, with and without dates.
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
				t.Errorf("dates %v: the last %d: kept %q, want %q", dates, keep, got, want)
			}
		}
	}
}

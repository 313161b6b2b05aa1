package carry

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/davit-oci/davit/internal/cli/exit"
)

// sharedLayouts returns the paths that several jobs copy to.
func sharedLayouts(jobs []job) map[string]bool {
	count, shared := map[string]int{}, map[string]bool{}
	for _, j := range jobs {
		name := filepath.Clean(j.dst.Path)
		count[name]++
		shared[name] = count[name] > 1
	}
	return shared
}

// checkNesting returns an error if the layout of one repository would be inside the layout of another.
func checkNesting(jobs []job) error {
	targets := map[string]bool{}
	for _, j := range jobs {
		targets[j.dst.Path] = true
	}
	for _, j := range jobs {
		for above := path.Dir(j.dst.Path); above != path.Dir(above); above = path.Dir(above) {
			if targets[above] || targets["./"+above] {
				return &exit.UsageError{Err: fmt.Errorf("the layout %s would be inside the layout %s", j.dst.Path, above),
					Hint: "copy them into one layout: DST without / at its end"}
			}
		}
	}
	return nil
}

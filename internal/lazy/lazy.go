package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a function that compiles expr on its first call. That call panics if expr is invalid.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a function that compiles expr on its first call. That call panics if expr is invalid. It is not inlined, because each
// of about 70 calls would add its own copy of sync.OnceValue, together 95 KB.
//
//go:noinline
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

package lazy

import (
	"regexp"
	"sync"
)

// Regexp compiles a regular expression when it is first needed: most commands need none, and none should wait for it.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

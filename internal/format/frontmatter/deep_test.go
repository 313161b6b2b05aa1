package frontmatter_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/frontmatter"
)

// TestDeepTOML checks that front matter is not read if its nesting would overflow the stack of a parser without a depth limit.
func TestDeepTOML(t *testing.T) {
	t.Parallel()
	for name, front := range map[string]string{
		"arrays":        "a = " + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20),
		"inline tables": "a = " + strings.Repeat("{a=", 1<<18) + "1" + strings.Repeat("}", 1<<18),
		"dotted keys":   strings.Repeat("a.", 1<<19) + "a = 1",
		"tables":        strings.Repeat("[[a]]\n", 1<<17),
		"repeated key":  strings.Repeat("a1 = 1\n", 1<<17),
	} {
		if fields, _ := frontmatter.Read([]byte("+++\n" + front + "\n+++\n# T\n")); len(fields) > 0 {
			t.Errorf("%s: got %d fields, want none", name, len(fields))
		}
	}
}

package markup_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/markup"
)

// TestParse checks that documents that would take too long are not parsed, and that a long ordinary document is.
func TestParse(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"brackets": strings.Repeat("[", 1<<20),
		"links":    strings.Repeat("[a](", 1<<18),
		"emphasis": strings.Repeat("*a_ ", 1<<18),
		"quotes":   strings.Repeat(">", 1<<20),
		"items":    strings.Repeat("- ", 1<<19),
		"numbers":  strings.Repeat("1. ", 1<<18),
		"quoted":   strings.Repeat(strings.Repeat("> ", 100)+"x\n", 1<<12),
		"too long": strings.Repeat("a\n", 1<<20),
	} {
		if root, _ := markup.Parse(in); root != nil {
			t.Errorf("%s: parsed", name)
		}
	}
	ordinary := strings.Repeat("## Links\n\n"+strings.Repeat("- [name](https://example.com) - *what* it is, `code`\n", 50)+"\n", 100)
	if root, _ := markup.Parse(ordinary); root == nil {
		t.Error("a long list of links is not parsed")
	}
}

package markup_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/markup"
)

// TestParse checks that a long ordinary document is parsed, but not one that would take too long.
func TestParse(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"brackets":       strings.Repeat("[", 1<<20),
		"links":          strings.Repeat("[a](", 1<<18),
		"emphasis":       strings.Repeat("*a_ ", 1<<18),
		"quotes":         strings.Repeat(">", 1<<20),
		"nested items":   strings.Repeat("- ", 1<<19),
		"numbered items": strings.Repeat("1. ", 1<<18),
		"nested quotes":  strings.Repeat(strings.Repeat("> ", 100)+"x\n", 1<<12),
		"too long":       strings.Repeat("a\n", 1<<20),
	} {
		if root, _ := markup.Parse(in); root != nil {
			t.Errorf("%s: got a document, want nil", name)
		}
	}
	ordinary := strings.Repeat("## Links\n\n"+strings.Repeat("- [name](https://example.com) - *what* it is, `code`\n", 50)+"\n", 100)
	if root, _ := markup.Parse(ordinary); root == nil {
		t.Error("a long ordinary document: got nil, want a document")
	}
}

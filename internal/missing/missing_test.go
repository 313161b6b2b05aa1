package missing_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/missing"
)

// TestHint checks the hints for a file that does not exist. A name like doc/** is the pattern of a layer that was not read, and is
// never suggested.
func TestHint(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{
		`"davit ls" lists the files`: {"**", "**"},
		"it has a.txt, b.txt":        {"**", "b.txt", "a.txt"},
		`did you mean "other.md"?`:   {"**", "other.md"},
		"":                           nil,

		`its files are in doc/; "davit ls" lists them`:      {"doc/**"},
		`it has a.txt, doc/** ("davit ls" lists the files)`: {"doc/**", "a.txt"},

		`it is a directory: "davit ls" lists its files`: {"a", "othr.md/b"},
	} {
		unknown := &missing.NameError{Text: "no such file", Typed: "othr.md", Names: names}
		if got := unknown.Hint(); got != want {
			t.Errorf("%q: got %q, want %q", names, got, want)
		}
	}
	for _, typed := range []string{"a*", "*", "doc/*"} { // patterns that are close to that of a layer
		unknown := &missing.NameError{Typed: typed, Names: []string{"**"}}
		if got, want := unknown.Hint(), `"davit ls" lists the files`; got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
	layers := &missing.NameError{Typed: "tres/**", Names: []string{"tree/**", "**"}}
	if got, want := layers.Hint(), `did you mean "tree/**"?`; got != want {
		t.Errorf("%q: got %q, want %q", layers.Typed, got, want)
	}
	if layers.Typed = "tree/*x"; strings.Contains(layers.Hint(), `"**"`) {
		t.Errorf("%q: got %q, want no pattern that matches everything", layers.Typed, layers.Hint())
	}
	for typed, want := range map[string]string{
		"README": `did you mean "README.md"?`, "docs/guide": `did you mean "docs/guide.html"?`, "docs": `it is a directory: "davit ls" lists its files`,
		"guid": "it has README.md, docs/guide.html",
	} {
		unknown := &missing.NameError{Typed: typed, Names: []string{"docs/guide.html", "README.md"}}
		if got := unknown.Hint(); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}

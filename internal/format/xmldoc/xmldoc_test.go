package xmldoc_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/xmldoc"
)

func TestRoot(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<bom xmlns="urn:x"><a`: "urn:x bom",
		"\n<?xml version=\"1.0\"?><!-- c --><c:a xmlns:c=\"urn:c\"/>": "urn:c a",
		`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`:             " a",
	} {
		if got, err := xmldoc.Root([]byte(text)); err != nil || got.Space+" "+got.Local != want {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a: b", "<!-- no end", "<"} {
		if got, err := xmldoc.Root([]byte(text)); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<a><b/></a>\n<!-- c -->":                   "",
		"\xef\xbb\xbf<a/>":                          "",
		"<?xml version=\"1.0\" encoding=\"x\"?><a>": "", // another character set: not checked
		"<a><b></a>":                                "element <b> closed by </a>",
		"<a>":                                       "unexpected EOF",
		"<a/><b/>":                                  "follows its root element",
		"<a/>text":                                  "follows its root element",
		strings.Repeat("<a>", 1<<20):                "too many levels of nesting: limit is 1000",
	} {
		err := xmldoc.Check(strings.NewReader(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: got %v, want %q", text, err, want)
		}
	}
}

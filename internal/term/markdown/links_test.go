package markdown_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/term/markdown"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	const document = "[a](a.md) [b](../b.md#x) [c](/c.md) [d](https://example.com/d.md) [e](#e) [f](mailto:f@example.com) [g](a%20b.md) " +
		"[out](../../../x.md) [a again](./a.md#y) [ref] ![no](i.png)\n\n[ref]: r/\n"
	got := strings.Join(markdown.Links(document, "docs/guide"), ", ")
	if want := "docs/guide/a.md, docs/b.md, docs/guide/a b.md, docs/guide/r"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := markdown.Render("[b](../b.md#x) [c](/c.md)\n", markdown.Options{Width: 80, Dir: "docs/guide"}); got != "b <docs/b.md#x> c </c.md>\n" {
		t.Errorf("got %q, want the path of the first link from the root", got)
	}
	if got := markdown.Render("[b](../b.md)\n", markdown.Options{Width: 80}); got != "b <../b.md>\n" {
		t.Errorf("without a directory: got %q, want the link unchanged", got)
	}
}

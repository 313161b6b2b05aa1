package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// focused is JavaScript that describes the focused element: its text, its position, whether it is in the window, and the width
// of its outline.
const focused = `(() => {
	const e = document.activeElement, b = e.getBoundingClientRect();
	return {
		text: e.getAttribute('aria-label') ?? (e.textContent.trim() || e.id), top: b.top, visible: b.right > 0 && b.bottom > 0 && b.left < innerWidth && b.top < innerHeight,
		outline: e.namespaceURI.endsWith('svg') ? getComputedStyle(e.querySelector('rect')).strokeWidth : getComputedStyle(e).outlineWidth,
	};
})()`

type focus struct {
	Text, Outline string
	Top           float64
	Visible       bool
}

// TestKeyboard moves through pages with the Tab key. The first stop is the link "Skip to content", and each stop is visible and
// has an outline.
func TestKeyboard(t *testing.T) {
	site := serve(t)
	for _, path := range []string{"/", "/r/oci", "/r/oci:helm", "/r/oci:components/rows", "/r/oci:modelkit/map", "/r/oci:image/graph", "/r/oci:docs", "/r/oci:helm/diff?to=docs"} {
		p := newPage(t)
		p.show(site+path, 0)
		var first focus
		var hash string
		if err := chromedp.Run(p.ctx, chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(focused, &first), chromedp.KeyEvent(kb.Enter), chromedp.Evaluate("location.hash", &hash)); err != nil {
			t.Fatal(err)
		}
		if first.Text != "Skip to content" || !first.Visible || hash != "#main" {
			t.Errorf("%s: got the first stop %+v, which leads to %q, want \"Skip to content\" and #main", path, first, hash)
		}
		p.show(site+path, 1)
		stops := 0
		for range 60 {
			var at focus
			if err := chromedp.Run(p.ctx, chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(focused, &at)); err != nil {
				t.Fatal(err)
			}
			if at.Text == "" || at.Text == first.Text && stops > 0 {
				break
			}
			stops++
			if !at.Visible || strings.HasPrefix(at.Outline, "0") {
				t.Errorf("%s: got stop %d %+v, want it visible, with an outline", path, stops, at)
			}
		}
		if stops < 4 {
			t.Errorf("%s: got %d stops, want at least 4", path, stops)
		}
	}
}

// TestWithoutScripts reads a page, and searches and sorts a table, in a browser that runs no scripts.
func TestWithoutScripts(t *testing.T) {
	site := serve(t)
	p := newPage(t)
	var shown, rows, sorted string
	err := chromedp.Run(p.ctx,
		emulation.SetScriptExecutionDisabled(true),
		chromedp.Navigate(site+"/r/oci:helm"),
		chromedp.Text("main", &shown, chromedp.ByQuery),
		chromedp.Navigate(site+"/r/oci:components/rows"),
		chromedp.SendKeys("#q", "package-11 mit", chromedp.ByQuery),
		chromedp.Submit("#q", chromedp.ByQuery),
		chromedp.WaitVisible("input[value='package-11 mit']", chromedp.ByQuery),
		chromedp.Text("tbody", &rows, chromedp.ByQuery),
		chromedp.Click("thead th:nth-child(2) a", chromedp.ByQuery),
		chromedp.WaitVisible("th[aria-sort=ascending]", chromedp.ByQuery),
		chromedp.Click("th[aria-sort=ascending] a", chromedp.ByQuery),
		chromedp.WaitVisible("th[aria-sort=descending]", chromedp.ByQuery),
		chromedp.Text("tbody tr td", &sorted, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(shown, "davit pull ") || !strings.Contains(shown, "Default values") || strings.Contains(shown, "Copy") {
		t.Errorf("got a page with %s, want commands and default values, and no Copy buttons", shown)
	}
	if n := strings.Count(strings.TrimSpace(rows), "\n") + 1; n != 3 || sorted != "package-117" {
		t.Errorf("got %d rows, and %q first after sorting, want 3 and package-117: %s", n, sorted, rows)
	}
}

package textdist_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/textdist"
)

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"kind", "kind", 0}, {"kind", "knid", 1}, {"kinds", "kind", 1}, {"kind", "find", 1},
		{"layers", "layres", 1}, {"modell", "model", 1}, {"ca", "abc", 3}, {strings.Repeat("x", 65), "x", 65},
	} {
		if got := textdist.Distance(test.a, test.b); got != test.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := textdist.Distance(test.b, test.a); got != test.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestClosest(t *testing.T) {
	words := []string{"push", "pull", "pack", "attach", "detach", "verify"}
	for typed, want := range map[string]string{
		"pul": "pull", "psuh": "push", "PACK": "pack", "atach": "attach", "verfiy": "verify",
		"": "", "x": "", "zzzzz": "", "something": "",
	} {
		if got := textdist.Closest(typed, words); got != want {
			t.Errorf("Closest(%q) = %q, want %q", typed, got, want)
		}
	}
	files := []string{"README.md", "a.txt", "aa.tar.gz"}
	for typed, want := range map[string]string{"README": "README.md", "readme": "README.md", "aa": "aa.tar.gz", "READ": "", ".": "", "READM.md": "README.md"} {
		if got := textdist.Closest(typed, files); got != want {
			t.Errorf("Closest(%q) = %q, want %q", typed, got, want)
		}
	}
}

// TestClosestHidesSecrets checks that files with secrets are not suggested, but that those beside them are.
func TestClosestHidesSecrets(t *testing.T) {
	for _, secret := range []string{".env", ".env.local", "app/.env", "davit.key", "keys/davit.key", ".env.production"} {
		for _, typed := range []string{secret + "x", secret[1:], strings.ToUpper(secret), secret[:len(secret)-1]} {
			if got := textdist.Closest(typed, []string{secret}); got != "" {
				t.Errorf("Closest(%q) = %q, want none", typed, got)
			}
			other := strings.ReplaceAll(typed, ".", "-")
			if got := textdist.Closest(typed, []string{secret, other}); strings.Contains(typed, ".") && got != other {
				t.Errorf("Closest(%q) = %q, want the other file", typed, got)
			}
		}
	}
	for typed, want := range map[string]string{"web.env": "webb.env", "davit.pup": "davit.pub", ".envrcs": ".envrc", "monkeys": "monkey"} {
		if got := textdist.Closest(typed, []string{".env", "davit.key", want}); got != want {
			t.Errorf("Closest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestHints(t *testing.T) {
	few := []string{"model", "docs"}
	many := strings.Fields(strings.Repeat("w ", 13))
	for _, test := range []struct {
		typed, meant, suggested string
		words                   []string
	}{
		{"modell", `did you mean "model"?`, `did you mean "model"?`, few},
		{"other", "", "one of model, docs", few},
		{"other", "", "", many},
		{"other", "", "", nil},
	} {
		if got := textdist.DidYouMean(test.typed, test.words); got != test.meant {
			t.Errorf("DidYouMean(%q) = %q, want %q", test.typed, got, test.meant)
		}
		if got := textdist.Suggest(test.typed, test.words); got != test.suggested {
			t.Errorf("Suggest(%q) = %q, want %q", test.typed, got, test.suggested)
		}
	}
}

func TestFirstFew(t *testing.T) {
	t.Parallel()
	for text, names := range map[string][]string{
		"":                           nil,
		"a":                          {"a"},
		"a, b, c, d, e":              {"a", "b", "c", "d", "e"},
		"a, b, c, d, e and 1 more":   {"a", "b", "c", "d", "e", "f"},
		"a, b, c, d, e and 200 more": append([]string{"a", "b", "c", "d", "e"}, make([]string, 200)...),
	} {
		if got := textdist.FirstFew(names); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

// TestClosestToLongWord checks that nothing is suggested for a word that is too long to compare.
func TestClosestToLongWord(t *testing.T) {
	if got := textdist.Closest(strings.Repeat("x", 300), []string{"kind", strings.Repeat("y", 300)}); got != "" {
		t.Errorf("got %q, want no word", got)
	}
}

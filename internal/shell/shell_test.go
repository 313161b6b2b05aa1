//go:build unix

package shell

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/davit-oci/davit/internal/clients"
)

// TestCommand checks that a shell splits commands into their words.
func TestCommand(t *testing.T) {
	t.Parallel()
	words := []string{
		"davit", "plain", "./oci:1", "repo@sha256:00", "a=b", "", " ", "sp dir/my note.txt", "it's", `a"b`, `a\b`, "$HOME", "a`id`", "a;b", "a&b",
		"a|b", "(a)", "<a>", "*", "?", "[a]", "{a,b}", "{{.digest}}", "#a", "!a", "~", "~root", "^a", "naïve", "日本", "'", "--include=**/*.bin",
	}
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+Command(words...)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, words) {
		t.Errorf("got %q", got)
	}
	for _, word := range words[:5] {
		if Quote(word) != word {
			t.Errorf("%s is quoted: %s", word, Quote(word))
		}
	}
}

// TestControlCharacters checks that words with invisible characters are quoted in one line of visible ones.
func TestControlCharacters(t *testing.T) {
	t.Parallel()
	bash := clients.Path(t, "bash")
	for _, word := range []string{"a\nb", "\x1b[31m", "it's\tnaïve\\n", "\x7f1", "a\u202eb", "a\u200bb"} {
		out, err := exec.Command(bash, "-c", "printf %s "+Quote(word)).Output()
		if err != nil || string(out) != word || strings.ContainsFunc(Quote(word), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: got %q, %v", Quote(word), out, err)
		}
	}
}

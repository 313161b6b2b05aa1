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

// TestCommand checks that a shell splits a command into its words.
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
		t.Errorf("got %q, want %q", got, words)
	}
	for _, word := range words[:5] {
		if Quote(word) != word {
			t.Errorf("got %s, want %s without quotes", Quote(word), word)
		}
	}
}

// TestControlCharacters checks that a word with invisible characters is quoted in one line of printable characters.
func TestControlCharacters(t *testing.T) {
	t.Parallel()
	bash := clients.Path(t, "bash")
	for _, word := range []string{"a\nb", "\x1b[31m", "it's\tnaïve\\n", "\x7f1", "a\u202eb", "a\u200bb"} {
		out, err := exec.Command(bash, "-c", "printf %s "+Quote(word)).Output()
		if err != nil || string(out) != word || strings.ContainsFunc(Quote(word), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: got %q, %v, want %q, quoted in printable characters", Quote(word), out, err, word)
		}
	}
}

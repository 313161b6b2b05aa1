package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestCompletionOfHostileTags checks that completion offers only valid tags: a shell could run a part of an invalid one.
func TestCompletionOfHostileTags(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"name": "x/a", "tags": ["$(touch a)b", "`+"`touch a`"+`c", "1.0;touch a", "1.0\nd", "1.0"]}`)
	}))
	defer server.Close()
	target := strings.TrimPrefix(server.URL, "http://") + "/x/a:"
	for _, args := range [][]string{{"inspect", target}, {"tag", target + "1.0", ""}} {
		var stdout, stderr bytes.Buffer
		if code := Run(t.Context(), slices.Concat([]string{"__complete"}, args), strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		words := strings.Split(strings.ReplaceAll(stdout.String(), target, ""), "\n")
		if want := []string{"1.0", ":4", ""}; !slices.Equal(words, want) {
			t.Errorf("%q: got %q, want %q", args, words, want)
		}
	}
}

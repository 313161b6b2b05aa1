package jsonwalk_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/jsonwalk"
)

// TestIndent checks that Indent has the same result as json.Indent, except for the limit on the length.
func TestIndent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `[]`, `7`, `"a"`, ` {"a":{} , "b":[ ],"c":[1,{"d":null}],"e,{":"\"[,:\\"} `, `[[[]],[{}],"\\",":"]`, `{"a":`, `{"a":1}x`, ``, "not JSON",
	} {
		var want bytes.Buffer
		if json.Indent(&want, []byte(text), "", "  ") != nil {
			want.Reset()
		}
		if got := jsonwalk.Indent([]byte(text), 1<<10); got != strings.TrimSpace(want.String()) {
			t.Errorf("%s: got %q, want %q", text, got, want.String())
		}
	}
	if got, want := jsonwalk.Indent([]byte(`[1,2,3]`), 8), "[\n  1,\n "; got != want {
		t.Errorf("limit of 8 bytes: got %q, want %q", got, want)
	}
}

// TestIndentDeep checks that the indentation is limited, so that deep nesting makes a document at most 150 times as long.
func TestIndentDeep(t *testing.T) {
	t.Parallel()
	const levels = 9000
	text := strings.Repeat("[", levels) + strings.Repeat("1,", 100_000) + "1" + strings.Repeat("]", levels)
	got := jsonwalk.Indent([]byte(text), 1<<30)
	if most := 150 * len(text); len(got) > most || !json.Valid([]byte(got)) {
		t.Errorf("got %d bytes from %d, want valid JSON of at most %d", len(got), len(text), most)
	}
	if got := jsonwalk.Indent([]byte(text), 1000); len(got) != 1000 {
		t.Errorf("got %d bytes, want 1000", len(got))
	}
}

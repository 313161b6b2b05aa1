package term

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"plain", "model.gguf", "model.gguf"},
		{"letters of other scripts", "größe 模型", "größe 模型"},
		{"terminal sequence", "a\x1b[2Jb", `a\x1b[2Jb`},
		{"new line", "a\ndavit: error: b", `a\ndavit: error: b`},
		{"carriage return", "a\rb", `a\rb`},
		{"8-bit control", "a\u009bb", `a\x9bb`},
		{"not UTF-8", "a\xffb", `a\xffb`},
		{"right to left override", "a\u202egpj.exe", `a\u202egpj.exe`},
		{"character in another plane", "a\U000e0041", `a\U000e0041`},
		{"replacement character", "a\ufffdb", "a\ufffdb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Escape(test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEscapeText(t *testing.T) {
	t.Parallel()
	if got, want := EscapeText("a\tb\n\x1bc\r\n"), "a\tb\n\\x1bc\\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSONWriter(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"plain", "größe 模型 🙂", "a\u009b31mb\u007f", "\x1b[2J", "\u202egpj.exe\u2066\u200e\u061c", "\U000e0041\ufeff\u2028\u200d", "a\xffb", "",
	} {
		var b, text strings.Builder
		enc := json.NewEncoder(JSONWriter{W: &b})
		if err := enc.Encode(map[string]string{in: in}); err != nil {
			t.Fatal(err)
		}
		for _, r := range strings.TrimSuffix(b.String(), "\n") {
			if !unicode.IsPrint(r) {
				t.Errorf("%q: got %q in the JSON, want printable characters", in, r)
			}
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got[strings.ToValidUTF8(in, "\ufffd")] != strings.ToValidUTF8(in, "\ufffd") {
			t.Errorf("%q: got %q after decoding, %v, want the same text", in, got, err)
		}
		text.WriteString(EscapeValues("a\tb\n" + in))
		for _, r := range text.String()[4:] {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("%q: got %q in the escaped text, want no controls", in, r)
			}
		}
	}
}

package term

import "testing"

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"plain", "model.gguf", "model.gguf"},
		{"letters of any script", "größe 模型", "größe 模型"},
		{"terminal sequence", "a\x1b[2Jb", `a\x1b[2Jb`},
		{"new line", "a\ndavit: error: b", `a\ndavit: error: b`},
		{"carriage return", "a\rb", `a\rb`},
		{"8-bit control", "a\u009bb", `a\x9bb`},
		{"not UTF-8", "a\xffb", `a\xffb`},
		{"right to left override", "a\u202egpj.exe", `a\u202egpj.exe`},
		{"outside the first plane", "a\U000e0041", `a\U000e0041`},
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

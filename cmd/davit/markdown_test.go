package main

import (
	"strings"
	"testing"
)

func TestRenderMarkdown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"headings", "# One *two*\n\n## Three\ntext\n### Four", "One two\n═══════\n\nThree\n─────\n\ntext\n\nFour\n"},
		{"paragraph is wrapped", "aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd", "aaaaaaaaaa bbbbbbbbbb\ncccccccccc dddddddddd\n"},
		{"list", "- one\n- two\n  goes on\n  * inner\n\n1. first", "  • one\n  • two goes on\n    • inner\n\n  1. first\n"},
		{"code", "```sh\nls -l  *x*\n```\ndone", "    ls -l  *x*\n\ndone\n"},
		{"code that does not end", "```\nls", "    ls\n"},
		{"table", "| a | b |\n|---|:-:|\n| **long** | x |", "a     b\nlong  x\n"},
		{"links", "see [the page](https://example.com), ![a cat](c.png)", "see the page\n<https://example.com>,\n[image: a cat]\n"},
		{"quote", "> said\n> so", "│ said so\n"},
		{"emphasis inside words stays", "a snake_case_name, 2 * 3 * 4", "a snake_case_name, 2 * 3 * 4\n"},
		{"front matter", "---\ntitle: x\n---\n# Y", "title: x\n\nY\n═\n"},
		{"terminal sequences", "a\x1b[2Jb `c\x07`", `a\x1b[2Jb c\x07` + "\n"},
		{"nothing", "", "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := renderMarkdown(test.in, 28, false); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestRenderMarkdownStyled(t *testing.T) {
	t.Parallel()
	got := renderMarkdown("# Head\n**bold** `code`.\x1b[31m", 80, true)
	want := "\x1b[1mHead\x1b[0m\n════\n\n\x1b[1mbold\x1b[0m \x1b[36mcode\x1b[0m.\\x1b[31m\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzRenderMarkdown(f *testing.F) {
	f.Add("# a\n\n- b\n```\nc\n", 40)
	f.Add("| a |\n|---|\n| b | c |", 1)
	f.Fuzz(func(t *testing.T, text string, width int) {
		got := renderMarkdown(text, width%300, false)
		if strings.ContainsAny(strings.ReplaceAll(got, "\n", ""), "\x00\x07\x08\x0d\x1b\x7f") {
			t.Errorf("control characters in %q", got)
		}
	})
}

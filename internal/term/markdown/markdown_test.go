package markdown

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"headings", "# One *two*\n\n## Three\ntext\n### Four", "One two\n═══════\n\nThree\n─────\n\ntext\n\nFour\n"},
		{"underlined heading", "One\n===", "One\n═══\n"},
		{"paragraph is wrapped", "aaaaaaaaaa bbbbbbbbbb\ncccccccccc dddddddddd", "aaaaaaaaaa bbbbbbbbbb\ncccccccccc dddddddddd\n"},
		{"word longer than a line", "a https://example.com/0123456789 b", "a\nhttps://example.com/0123456789\nb\n"},
		{"hard break", "a  \nb\\\nc", "a\nb\nc\n"},
		{"tight list", "- one\n- two\n  continues\n  * inner", "  • one\n  • two continues\n      • inner\n"},
		{"loose list", "- one\n\n- two", "  • one\n\n  • two\n"},
		{"ordered list", "9. nine\n10. ten\n    ```\n    code\n    ```", "   9. nine\n  10. ten\n          code\n"},
		{"empty item", "-\n- b", "  •\n  • b\n"},
		{"tasks", "- [ ] open\n- [x] done", "  • [ ] open\n  • [x] done\n"},
		{"item is wrapped", "- aaaaaaaaaa bbbbbbbbbb cccccccccc", "  • aaaaaaaaaa bbbbbbbbbb\n    cccccccccc\n"},
		{"fenced code", "```sh\nls -l  *x*   0123456789 0123456789\n\n```\ndone", "    ls -l  *x*   0123456789 0123456789\n\ndone\n"},
		{"indented code", "    a\n\n    b\n", "    a\n\n    b\n"},
		{"code that does not end", "```\nls", "    ls\n"},
		{"quote", "> said\n> so\n>\n> - x", "│ said so\n│\n│   • x\n"},
		{"alert", "> [!WARNING]\n> *Not* now.\n\n> [!note]\n>\n> - x\n\n> [!other] y", "│ Warning\n│ Not now.\n\n│ Note\n│   • x\n\n│ [!other] y\n"},
		{"rule", "a\n\n---\n\nb", "a\n\n────────────────────────────\n\nb\n"},
		{"link", "[page](https://a.bc/d)", "page <https://a.bc/d>\n"},
		{"link by reference", "[page]\n\n[page]: https://a.bc/d", "page <https://a.bc/d>\n"},
		{"link to itself", "[https://a.bc](https://a.bc) <https://a.bc>", "https://a.bc https://a.bc\n"},
		{"link inside the document", "[below](#below)", "below\n"},
		{"images", "![a cat](c.png) ![](x/d.png)", "[image: a cat] <c.png>\n[image: x/d.png]\n"},
		{"badge", "[![ok](https://a.bc/x.svg)](https://a.bc)", "[image: ok]\n"},
		{"marks inside words", "a snake_case_name, 2 * 3 * 4", "a snake_case_name, 2 * 3 * 4\n"},
		{"escapes and entities", `\*a\* &lt;b&gt; \&amp; c\d`, "*a* <b> &amp; c\\d\n"},
		{"code span", "a `b  *c* &lt;` d", "a `b  *c* &lt;` d\n"},
		{"code span is not broken", "aaaaaaaaaaaa `kubectl get pod` b", "aaaaaaaaaaaa\n`kubectl get pod` b\n"},
		{"code span longer than a line", "a `kubectl rollout undo deployment/greeting`, b", "a\n`kubectl rollout undo deployment/greeting`,\nb\n"},
		{"code span in a cell", "a | b\n-|-\n`kubectl rollout undo deployment` | 2", "a                          b\n─────────────────────────  ─\n`kubectl rollout undo      2\ndeployment`\n"},
		{"deleted text", "~~old *words*~~ ~new~ a ~~~ b~~ 2~3 \\~~a~~", "~~old words~~ ~~new~~ a ~~~\nb~~ 2~3 ~~a~~\n"},
		{"punctuation after a style", "**a**, `b`.", "a, `b`.\n"},
		{"table", "| a | b | c |\n|---|:-:|--:|\n| **long** | x | `1|2` |\n| e\\|f |", "a     b   c\n────  ─  ──\nlong  x  `1\ne|f\n"},
		{"pipe in code in a table", "a | b\n-|-\n`x\\|y` | z", "a      b\n─────  ─\n`x|y`  z\n"},
		{"aligned table", "| aaaa | bbbb | c |\n|:--|:-:|--:|\n| 1 | 2 | 333 |", "aaaa  bbbb    c\n────  ────  ───\n1      2    333\n"},
		{"table after text", "text\na|b\n-|-\n1|2", "text\n\na  b\n─  ─\n1  2\n"},
		{"table with wide cells", "| a | b |\n|-|-|\n| aa bb cc dd ee | 0123456789012345 |", "a           b\n──────────  ────────────────\naa bb cc    0123456789012345\ndd ee\n"},
		{"table too wide", "a|b|c|d\n-|-|-|-\naaaaaaaaa|bbbbbbbbb|ccccccccc|\n1|2|3|4", "a: aaaaaaaaa\nb: bbbbbbbbb\nc: ccccccccc\n\na: 1\nb: 2\nc: 3\nd: 4\n"},
		{"table with long words", "a|b\n-|-\n0123456789|`kubectl get 0123456789ab`\n1|2", "a           b\n──────────  ────────────────\n0123456789  `kubectl get\n            0123456789ab`\n1           2\n"},
		{"table with words that are too long", "a|b\n-|-\n0123456789 0123456789|0123456789abcdefghij\n1|2", "a: 0123456789 0123456789\nb: 0123456789abcdefghij\n\na: 1\nb: 2\n"},
		{"not a table", "a | b\nc | d", "a | b c | d\n"},
		{"wide and combining characters", "表 | b\n-|-\n日本語 | e\u0301", "表      b\n──────  ─\n日本語  e\u0301\n"},
		{"HTML", "<p align=\"center\">\n<img src=\"x\" alt=\"Logo\">\n<b>a</b> &lt;<!-- no\n --> b<br>c</p>\n\nx<br>y <kbd>z</kbd>", "[image: Logo] <x>\na < b\nc\n\nx\ny z\n"},
		{"CRLF", "a\r\n\r\nb\r\n", "a\n\nb\n"},
		{"terminal sequences", "a\x1b[2Jb `c\x07` &#27;[31m [x](<a\x1b>)\n\n    \x1b[0m", "a\\x1b[2Jb `c\\x07` \\x1b[31m x\n<a\\x1b>\n\n    \\x1b[0m\n"},
		{"bidirectional controls", "a\u202eb `\u2066`", "a\\u202eb `\\u2066`\n"},
		{"spaces and joiners", "a\u00a0b c\u00add \ufeffe `f\u00a0`", "a b cd e `f\\xa0`\n"},
		{"not UTF-8", "a\xffb `c\xff`", "a\ufffdb `c\\xff`\n"},
		{"empty", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Render(test.in, Options{Width: 28}); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestMarkdownStyled(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"heading", "# Head", "\x1b[1mHead\x1b[0m\n\x1b[2m════\x1b[0m\n"},
		{"emphasis", "**a _b_** *c*", "\x1b[1ma \x1b[0m\x1b[1;3mb\x1b[0m \x1b[3mc\x1b[0m\n"},
		{"code has no quotes", "`a`.\n\n    b", "\x1b[36ma\x1b[0m.\n\n    \x1b[36mb\x1b[0m\n"},
		{"link", "[a](b)", "\x1b[4ma\x1b[0m \x1b[2m<b>\x1b[0m\n"},
		{"styles end with the line", "**aaaaaaaaaaaaaaaa bbbbbbbbbb**", "\x1b[1maaaaaaaaaaaaaaaa\x1b[0m\n\x1b[1mbbbbbbbbbb\x1b[0m\n"},
		{"columns do not count styles", "**a** | b\n-|-\n`cc` | d", "\x1b[1ma\x1b[0m   \x1b[1mb\x1b[0m\n\x1b[2m──  ─\x1b[0m\n\x1b[36mcc\x1b[0m  d\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Render(test.in, Options{Width: 20, Styled: true}); got != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	fields := []Field{{"owner", "team-hello"}, {"summary", "a short description\nand more"}, {"x\x1b", "\x1b[0m"}}
	got := Header(fields, Options{Width: 29})
	want := "owner    team-hello\nsummary  a short description\n         and more\nx\\x1b    \\x1b[0m\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// complexTexts are texts that may take a Markdown parser quadratic time or more.
var complexTexts = map[string]string{
	"brackets":        strings.Repeat("[", 1<<20),
	"links":           strings.Repeat("[a](", 1<<18),
	"emphasis":        strings.Repeat("*a_ ", 1<<18),
	"deleted":         strings.Repeat("~a~~ ", 1<<17),
	"quotes":          strings.Repeat(">", 1<<20),
	"items in items":  strings.Repeat("- ", 1<<19),
	"numbered items":  strings.Repeat("1. ", 1<<18),
	"lines in quotes": strings.Repeat(strings.Repeat("> ", 100)+"x\n", 1<<12),
	"nested items":    nestItems(1000),
	"wide table":      strings.Repeat("|a", 1000) + "\n" + strings.Repeat("|-", 1000) + "\n" + strings.Repeat("x\n", 1<<18),
	"too long":        strings.Repeat("a\n", 1<<20),
}

// nestItems returns n list items, each in the previous item.
func nestItems(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "- a\n")
	}
	return b.String()
}

// TestComplexTexts checks that complexTexts are rendered, or shown unchanged, before the test times out.
func TestComplexTexts(t *testing.T) {
	t.Parallel()
	for name, in := range complexTexts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Render(in, Options{Width: 80}); len(got) < len(in)/100 || len(got) > 40*len(in) {
				t.Errorf("got %d bytes from %d, want between a hundredth and 40 times as many", len(got), len(in))
			}
		})
	}
}

// sequencePattern matches the escape sequences that Render writes.
var sequencePattern = regexp.MustCompile(`\x1b\[[0-9;]+m`)

// FuzzMarkdown checks that rendered text has only printable characters and the escape sequences of styles.
func FuzzMarkdown(f *testing.F) {
	f.Add("# a\n\n- b\n  1. c\n```\nd\n```\n> e\n\n&#27; [f](g) ![h](i) <b> `\\|`", 40)
	f.Add("| a | b |\n|---|:-:|\n| c | `d\\|e` |", 1)
	f.Fuzz(func(t *testing.T, text string, width int) {
		plain := Render(text, Options{Width: width % 300})
		for _, c := range plain {
			if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
				t.Fatalf("got %q in %q, want printable characters", c, plain)
			}
		}
		styled := Render(text, Options{Width: width % 300, Styled: true})
		if rest := sequencePattern.ReplaceAllString(styled, ""); strings.Contains(rest, "\x1b") {
			t.Fatalf("got %q, want no escape sequences but styles", styled)
		}
	})
}

package term_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/term"
)

func TestTreeOnANarrowScreen(t *testing.T) {
	t.Parallel()
	root := term.NewTree("root")
	layers := root.Add("layers")
	layers.Add("a", "1 B", "sha256:0123456789", "type")
	made := layers.Add("bcd", "20 B", "sha256:0123456789", "long/type")
	root.Add("with children", "and a long cell").Add("child")
	made.Add("made by", "RUN a b c d e f g h i j k l m")
	for _, test := range []struct {
		width int
		want  string
	}{
		{0, `root
├── layers
│   ├── a    1 B   sha256:0123456789  type
│   └── bcd  20 B  sha256:0123456789  long/type
│       └── made by  RUN a b c d e f g h i j k l m
└── with children  and a long cell
    └── child
`},
		{29, `root
├── layers
│   ├── a    1 B
│   │   sha256:0123456789
│   │   type
│   └── bcd  20 B
│       │ sha256:0123456789
│       │ long/type
│       └── made by
│           RUN a b c d e f g
│           h i j k l m
└── with children
    │ and a long cell
    └── child
`},
		{23, `root
├ layers
│ ├ a    1 B
│ │ sha256:0123456789
│ │ type
│ └ bcd  20 B
│   │ sha256:0123456789
│   │ long/type
│   └ made by
│     RUN a b c d e f g
│     h i j k l m
└ with children
  │ and a long cell
  └ child
`},
	} {
		out := &term.Screen{Width: test.width}
		if err := root.WriteText(out); err != nil || out.String() != test.want {
			t.Errorf("width %d: got %v and\n%s\nwant\n%s", test.width, err, out, test.want)
		}
		for line := range strings.Lines(out.String()) {
			if test.width > 0 && len([]rune(strings.TrimSpace(line))) > test.width {
				t.Errorf("width %d: got the line %q, want at most the width", test.width, line)
			}
		}
	}
}

// TestTreeBreaks checks that siblings break before the same cells, and that the cells of every line form columns.
func TestTreeBreaks(t *testing.T) {
	t.Parallel()
	root := term.NewTree("root")
	root.Add("LICENSE", "83 B", "sha256:0123", "text/plain")
	root.Add("chat_template.jinja", "1.44 kB", "sha256:4567", "-")
	root.Add("note", "-", "sha256:89ab", "text/plain")
	for width, want := range map[int]string{
		0: `root
├── LICENSE              83 B     sha256:0123  text/plain
├── chat_template.jinja  1.44 kB  sha256:4567  -
└── note                 -        sha256:89ab  text/plain
`,
		50: `root
├── LICENSE              83 B     sha256:0123
│   text/plain
├── chat_template.jinja  1.44 kB  sha256:4567
└── note                          sha256:89ab
    text/plain
`,
		35: `root
├── LICENSE              83 B
│   sha256:0123  text/plain
├── chat_template.jinja  1.44 kB
│   sha256:4567
└── note
    sha256:89ab  text/plain
`,
	} {
		out := &term.Screen{Width: width}
		if err := root.WriteText(out); err != nil || out.String() != want {
			t.Errorf("width %d: got %v and\n%s\nwant\n%s", width, err, out, want)
		}
	}
}

// TestTreeLongText checks that siblings do not break before a text only because the text of another sibling is too wide.
func TestTreeLongText(t *testing.T) {
	t.Parallel()
	root := term.NewTree("root")
	root.Add("report", "short", "9 B")
	root.Add("sbom", "a summary that is longer than the screen is wide", "10 B")
	const want = `root
├── report  short
│   9 B
└── sbom
    a summary that is longer
    than the screen is wide
    10 B
`
	out := &term.Screen{Width: 30}
	if err := root.WriteText(out); err != nil || out.String() != want {
		t.Errorf("got %v and\n%s\nwant\n%s", err, out, want)
	}
}

// TestTreeGroups checks that strong lines have their own columns, and do not widen the columns of their siblings.
func TestTreeGroups(t *testing.T) {
	t.Parallel()
	root := term.NewTree("root")
	root.Add("report", "a long summary of it", "sha256:0123").Strong()
	root.Add("linux/amd64", "sha256:4567")
	root.Add("sbom", "short", "sha256:89ab").Strong()
	const want = `root
├── report  a long summary of it  sha256:0123
├── linux/amd64  sha256:4567
└── sbom    short                 sha256:89ab
`
	var out strings.Builder
	if err := root.WriteText(&out); err != nil || out.String() != want {
		t.Errorf("got %v and\n%s\nwant\n%s", err, &out, want)
	}
}

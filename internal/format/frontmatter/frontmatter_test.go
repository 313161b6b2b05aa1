package frontmatter_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/frontmatter"
)

// manyAliases is a text of a few hundred bytes that expands to a billion values.
var manyAliases = func() string {
	text, last := "---\na: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n", "a"
	for c := 'b'; c < 'j'; c++ {
		text += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+last+", ", 10), ", "))
		last = string(c)
	}
	return text + "---\n"
}()

func TestRead(t *testing.T) {
	t.Parallel()
	type fields = []frontmatter.Field
	for _, test := range []struct {
		name, document string
		fields         fields
		body           string
	}{
		{"fields in order", "---\nz: 1\na: [x, y]\nm: {k: v}\ne:\n---\n# T\n", fields{{"z", "1"}, {"a", "x, y"}, {"m", `{"k":"v"}`}, {"e", ""}}, "# T\n"},
		{"no front matter", "# T\n", nil, "# T\n"},
		{"a list", "---\n- a\n---\n# T\n", nil, "---\n- a\n---\n# T\n"},
		{"numbers, a boolean, and a date", "---\nv: 1.10\nh: 0x10\nb: true\nt: 2024-01-02\n---\n", fields{{"v", "1.10"}, {"h", "16"}, {"b", "true"}, {"t", "2024-01-02"}}, ""},
		{"an alias", "---\na: &x [1, 2]\nb: *x\n---\n", fields{{"a", "1, 2"}, {"b", "1, 2"}}, ""},
		{"a duplicate key", "---\na: 1\na: 2\n---\nx", nil, "---\na: 1\na: 2\n---\nx"},
		{"a number as key", "---\n1: a\n---\nx", nil, "---\n1: a\n---\nx"},
		{"infinity", "---\na: .inf\n---\nx", nil, "---\na: .inf\n---\nx"},
		{"aliases that expand to a huge document", manyAliases, nil, manyAliases},
		{"empty front matter", "---\n---\nx", nil, "---\n---\nx"},
		{"TOML", "+++\ntitle = \"A \\\"b\\\"\" # note\nweight = 1_0\nalerts = [\n  'X', # one\n  \"Y\",\n]\ndate = 2024-01-02T03:04:05Z\ndraft = false\nf = 1.5\n[menu.main]\n  name = \"n\"\n[[list]]\na = {b = 1, c.d = ''}\n+++\n# T\n",
			fields{{"title", `A "b"`}, {"weight", "10"}, {"alerts", "X, Y"}, {"date", "2024-01-02T03:04:05Z"}, {"draft", "false"}, {"f", "1.5"},
				{"menu", `{"main":{"name":"n"}}`}, {"list", `{"a":{"b":1,"c":{"d":""}}}`}}, "# T\n"},
		{"multi-line strings in TOML", "+++\na = \"\"\"\nx\\\n   y\"\"\"\nb = '''z\\n'''\n+++\r\nx", fields{{"a", "xy"}, {"b", `z\n`}}, "x"},
		{"not TOML", "+++\na = \n+++\nx", nil, "+++\na = \n+++\nx"},
		{"a duplicate key in TOML", "+++\na = 1\na = 2\n+++\nx", nil, "+++\na = 1\na = 2\n+++\nx"},
		{"TOML without an end", "+++\na = 1\n", nil, "+++\na = 1\n"},
		{"JSON", "{\n\t\"title\": \"J\",\n  \"alerts\": [\"A\"]\n}\n\n# T\n", fields{{"title", "J"}, {"alerts", "A"}}, "\n# T\n"},
		{"JSON without a page", "{\"a\": 1}\n", nil, "{\"a\": 1}\n"},
		{"a template", "{{ x }}\ny\n", nil, "{{ x }}\ny\n"},
		{"not JSON", "{a}\ny\n", nil, "{a}\ny\n"},
		{"not YAML", "---\na: [\n---\nx", nil, "---\na: [\n---\nx"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, body := frontmatter.Read([]byte(test.document))
			if !reflect.DeepEqual(got, test.fields) || string(body) != test.body {
				t.Errorf("got %v, %q, want %v, %q", got, body, test.fields, test.body)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"---\nalerts: [A]\n---\n# T\n", "---\n---\n", "---\na: b", "---\r\nalerts: [x]\r\n...\r\n# h\r\n", "# a\n=\n", "+++\na.b = [1, {c = 'x'}]\n[[t]]\n+++\ny", "{\"a\": 1}\n\nx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		front, body, found := frontmatter.Split([]byte(content))
		text := string(bom.ToUTF8([]byte(content)))
		converted := strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "{")
		if !converted && !strings.Contains(text, string(front)) || !strings.HasSuffix(text, string(body)) {
			t.Errorf("%q: front %q and body %q are not parts of the document", text, front, body)
		}
		if !found && len(front) > 0 {
			t.Errorf("got front matter %q and found false, want none", front)
		}
		if fields, rest := frontmatter.Read([]byte(content)); len(fields) > 0 && !bytes.Equal(rest, body) {
			t.Errorf("Read: got body %q, want %q as from Split", rest, body)
		}
	})
}

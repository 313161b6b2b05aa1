package yamlerror_test

import (
	"errors"
	"io"
	"testing"

	"github.com/davit-oci/davit/internal/format/yamlerror"
	"gopkg.in/yaml.v3"
)

func TestWorded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: [\n":             "line 2: not YAML: did not find expected node content",
		"a: b\n\tc: d\n":     "line 2: not YAML: found a tab character that violates indentation",
		"a: {{ .x }}\n":      "a key must be a string, not a mapping or a list: put {{ ... }} in quotes",
		"a: 'b\n":            "line 2: not YAML: found unexpected end of stream",
		"n: [b, c]\n":        "line 1: a list is not possible here",
		"a: x\nn: many\n":    "line 2: a string many is not possible here",
		"a: *b\n":            "not YAML: unknown anchor 'b' referenced",
		"a: 1\nb: c\na: 2\n": `line 3: mapping key "a" already defined at line 1`,
		"a: \x01\n":          "not YAML: control characters are not allowed",
	} {
		var v struct {
			N int
			A any
		}
		if err := yamlerror.Worded(yaml.Unmarshal([]byte(text), &v)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	for _, err := range []error{nil, io.EOF, errors.New("line 3: other")} {
		if got := yamlerror.Worded(err); got != err {
			t.Errorf("%v: got %v, want it unchanged", err, got)
		}
	}
}

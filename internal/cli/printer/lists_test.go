package printer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/cli/printer"
)

type inner struct {
	Names []string          `json:"names"`
	Few   []string          `json:"few,omitempty"`
	Of    map[string]*inner `json:"of,omitempty"`
}

type Embedded struct {
	Outer []*inner `json:"outer"`
}

// listResult has lists in every place where a result may have them.
type listResult struct {
	*Embedded
	Inner   inner            `json:"inner"`
	Pointer *inner           `json:"pointer"`
	None    *inner           `json:"none,omitempty"`
	All     []inner          `json:"all"`
	Of      map[string]inner `json:"of"`
	Any     any              `json:"any"`
	Raw     json.RawMessage  `json:"raw"`
	Time    time.Time        `json:"time,omitzero"`
}

func (listResult) WriteText(io.Writer) error { return nil }

// TestListsAreNeverNull checks that JSON and templates print a nil list as an empty one, but leave raw JSON as it is.
func TestListsAreNeverNull(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "{{json .}}"} {
		r := listResult{Embedded: &Embedded{}, Pointer: &inner{}, All: []inner{{}, {Of: map[string]*inner{"a": {}}}},
			Of: map[string]inner{"b": {}}, Any: []any{&inner{}, inner{}}, Raw: json.RawMessage(`{"theirs":null}`)}
		for _, result := range []printer.Result{r, &r} {
			var out bytes.Buffer
			p := &printer.Printer{Stdout: &out}
			if err := p.Format.Set(format); err != nil {
				t.Fatal(err)
			}
			if err := p.Print(result); err != nil {
				t.Fatal(err)
			}
			text := strings.Join(strings.Fields(out.String()), "")
			if strings.Count(text, "null") != 1 || !strings.Contains(text, `"theirs":null`) {
				t.Errorf("%s: got %s, want null only in the raw JSON", format, &out)
			}
			if format == "json" && strings.Contains(text, `"few"`) || strings.Count(text, `"names":[]`) != 8 {
				t.Errorf("%s: got %s, want 8 empty lists of names", format, &out)
			}
		}
		if r.Embedded.Outer != nil || r.Pointer.Names != nil || r.All[0].Names != nil || r.All[1].Of["a"].Names != nil || r.Of["b"].Names != nil {
			t.Errorf("%s: the result was changed: %+v", format, r)
		}
	}
}

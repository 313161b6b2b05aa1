package compare

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull/diff"
)

func TestDiffFields(t *testing.T) {
	t.Parallel()
	list := func(text string) (v []any) {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	d := diffResult{Difference: &diff.Difference{Config: []diff.FieldChange{
		{Field: "history", From: list(`[{"by": "a"}, {"by": "z"}]`), To: list(`[{"by": "a"}, {"by": "<b>"}, {"by": "z"}]`)},
		{Field: "env", From: list(`["A=b"]`), To: nil},
		{Field: "n", From: json.Number("1"), To: true},
		{Field: "s", From: "x", To: map[string]any{}},
	}}}
	want := `config  history  [] → [{"by":"<b>"}]
config  env      ["A=b"] → (none)
config  n        1 → true
config  s        x → {}
`
	var got strings.Builder
	if err := d.WriteText(&got); err != nil || got.String() != want {
		t.Errorf("error %v, got\n%s\nwant\n%s", err, got.String(), want)
	}
}

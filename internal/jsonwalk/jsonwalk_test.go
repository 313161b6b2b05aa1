package jsonwalk_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/jsonwalk"
)

func TestSkip(t *testing.T) {
	for value, ok := range map[string]bool{
		`1`: true, `"a"`: true, `null`: true, `{}`: true, `[]`: true, `{"a":[{"b":"]"}]}`: true,
		`[[[1]]]`: true, `[[[[1]]]]`: false, `{"a":`: false, `[1`: false,
	} {
		d := json.NewDecoder(strings.NewReader(value + ` "next"`))
		err := jsonwalk.Skip(d, 0, 3, nil)
		if (err == nil) != ok {
			t.Errorf("Skip(%s): got %v, want success %v", value, err, ok)
		}
		if next, _ := d.Token(); ok && next != "next" {
			t.Errorf("token after %s: got %v, want next", value, next)
		}
	}
	d, tokens := json.NewDecoder(strings.NewReader(`{"a":{"b":1},"c":[2]} 3`)), 0
	for range 3 { // {, "a", {
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
	}
	if err := jsonwalk.Skip(d, 2, 0, func() { tokens++ }); err != nil || tokens != 8 {
		t.Errorf("rest of two objects: got %d tokens, %v, want 8", tokens, err)
	}
	if next, err := d.Token(); err != nil || next != 3. {
		t.Errorf("token after the objects: got %v, %v, want 3", next, err)
	}
}

func TestScan(t *testing.T) {
	var got []string
	visit := func(key, value string) bool { got = append(got, key+"="+value); return key != "stop" }
	err := jsonwalk.Scan(strings.NewReader(`{"a":"x","b":{"c":"y","d":{"e":"z"}},"l":["1",{"n":"no"},"2"],"stop":3,"after":"w"}`), visit)
	want := []string{"a=x", "b=", "b/c=y", "b/d=", "l=", "l=1", "l=2", "stop="}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"", "[]", "hello", `{"a" 1}`, `{"a":1} x`} {
		if err := jsonwalk.Scan(strings.NewReader(text), func(string, string) bool { return true }); err == nil {
			t.Errorf("%q: got no error, want one", text)
		}
	}
}

package jsonwalk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/jsonwalk"
)

func TestStream(t *testing.T) {
	t.Parallel()
	var got []string
	s := jsonwalk.NewStream(strings.NewReader(`{"skip": {"a": [1, {}]}, "list": [1, "two", 3], "not a list": 7, "object": {"k": true}}`), 1<<10)
	err := s.Object(func(key string) error {
		switch key {
		case "list", "not a list":
			return s.Array(func() error {
				var n int
				err := s.Decode(&n)
				got = append(got, fmt.Sprint(n))
				return err
			})
		case "object":
			return s.Object(func(key string) error { got = append(got, key); return s.Skip() })
		}
		return s.Skip()
	})
	if want := "[1 0 3 k]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
	long := jsonwalk.NewStream(strings.NewReader(`{"a": "`+strings.Repeat("x", 1<<20)+`"}`), 1<<10)
	if err := long.Object(func(string) error { return long.Skip() }); err == nil {
		t.Error("a long value: got no error, want one")
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{`"a"`: "a", `{"name": "b"}`: "b", `{"id": "c", "name": ""}`: "c", `7`: "", `{"name": 7}`: "", `[`: ""} {
		if got := jsonwalk.Text([]byte(value), "name", "id"); got != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
}

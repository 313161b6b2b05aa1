package fields_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/term/fields"
)

func TestOf(t *testing.T) {
	t.Parallel()
	list, history := fields.Of([]byte(`{"b":{"c":1,"d":[1,"x"]},"a":"y","ports":{"80/tcp":{}},"rootfs":{"diff_ids":["sha256:1"]},
		"history":[{"created_by":"RUN a"},{"comment":"c","empty_layer":true}]}`))
	if got, want := fmt.Sprint(list, history), "[{a y} {b.c 1} {b.d 1, x} {ports 80/tcp}] [{RUN a false} {c true}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestOfHostile checks that fields are not much longer than their document.
func TestOfHostile(t *testing.T) {
	t.Parallel()
	const levels = 3000
	var values strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&values, `"%x":1,`, i)
	}
	for name, document := range map[string]string{
		"deep nesting": strings.Repeat(`{"abc":`, levels) + "{" + values.String() + `"last":1}` + strings.Repeat("}", levels),
		"long key":     `{"` + strings.Repeat("k", 10_000) + `":{` + values.String() + `"last":1}}`,
		"long list":    `{"x":[` + strings.Repeat("1,", 400_000) + `1]}`,
	} {
		list, _ := fields.Of([]byte(document))
		total := 0
		for _, f := range list {
			total += len(f.Name) + len(f.Value)
		}
		if total > 30*len(document) {
			t.Errorf("%s: got %d bytes of fields from %d, want at most 30 times as many", name, total, len(document))
		}
		if name == "long list" && list != nil {
			t.Errorf("%s: got %d fields, want none", name, len(list))
		}
	}
}

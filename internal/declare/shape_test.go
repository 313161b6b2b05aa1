package declare_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/declare"
)

// TestShapes sets keys of davit.yaml that must be lists or mappings to other values. It checks that the hint shows a valid value.
func TestShapes(t *testing.T) {
	t.Parallel()
	data, err := declare.SpecSchemaJSON()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	checker, err := declare.NewChecker(schema)
	if err != nil {
		t.Fatal(err)
	}
	faults := func(declaration string) []declare.Fault {
		document := declare.ReadDocument("davit.yaml", []byte(declaration))
		if len(document.Problems) > 0 {
			t.Fatalf("%s: %v", declaration, document.Problems)
		}
		return checker.Check(document.Value)
	}
	for _, key := range []string{"tags", "annotations", "config", "layers", "platforms", "referrers"} {
		for _, wrong := range []string{"true", "1", "word", ""} {
			written := fmt.Sprintf("kind: generic\n%s: %s\n", key, wrong)
			found := 0
			for _, fault := range faults(written) {
				if fault.Pointer != "/"+key || !strings.Contains(fault.Message, "must be a") {
					continue
				}
				found++
				example, ok := strings.CutPrefix(fault.Hint, "as in ")
				if !ok || strings.Contains(example, "\n") {
					t.Fatalf("%s: %s: got the hint %q, want one line that begins with as in", written, fault.Message, fault.Hint)
				}
				if !strings.HasPrefix(example, key+": ") {
					t.Errorf("%s: the example in the hint %q does not begin with the key", written, fault.Hint)
				}
				if again := faults("kind: generic\n" + example + "\n"); len(again) > 0 {
					t.Errorf("%s: the example %q is invalid: %s", written, example, again[0].Message)
				}
			}
			if found != 1 {
				t.Errorf("%s: got %d faults about the type, want 1", written, found)
			}
		}
	}
	entry := faults("kind: image\nplatforms: [linux/amd64]\n")
	if len(entry) != 1 || entry[0].Hint != "as in {platform: linux/amd64, layers: [amd64/]}" {
		t.Errorf("a platform that is a string: got %+v, want one fault with an example", entry)
	}
}

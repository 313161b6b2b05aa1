package declare_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/declare"
)

// TestShapes sets every key of davit.yaml that is a list or a mapping to a value of the wrong type: the hint shows a valid value.
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
					t.Fatalf("%s: %s: the hint is %q", written, fault.Message, fault.Hint)
				}
				if !strings.HasPrefix(example, key+": ") {
					t.Errorf("%s: the hint %q does not begin with the key", written, fault.Hint)
				}
				if again := faults("kind: generic\n" + example + "\n"); len(again) > 0 {
					t.Errorf("%s: the hint %q has the problem %q", written, example, again[0].Message)
				}
			}
			if found != 1 {
				t.Errorf("%s: %d faults about its type, want 1", written, found)
			}
		}
	}
	entry := faults("kind: image\nplatforms: [linux/amd64]\n")
	if len(entry) != 1 || entry[0].Hint != "as in {platform: linux/amd64, layers: [amd64/]}" {
		t.Errorf("an entry of platforms that is a string: %+v", entry)
	}
}

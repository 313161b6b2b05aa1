package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// recorded are manifests in testdata/native: what a native client made of the files of an example. For each is said where davit's
// manifest of the same files is another one, and why; it is the same everywhere else.
var recorded = []struct {
	kind, client string
	differs      map[string]string
}{
	{"conftest", "conftest", map[string]string{
		"config.mediaType": "conftest's names nothing (application/vnd.unknown.config.v1+json); it reads no config",
		"mediaType":        "conftest leaves it out, and registries that want it refuse that",
	}},
	{"cue", "cue", map[string]string{
		"annotations.org.opencontainers.image.version": "davit's own, as in all kinds",
		"layers.0.digest": "the zip has the same files, packed otherwise",
		"layers.0.size":   "as the digest",
	}},
}

// TestManifestsAsNativeClientsMakeThem compares the golden manifest of an example with the one that the kind's own client made of
// the same files. The tests with the build tag late record them, with -update.
func TestManifestsAsNativeClientsMakeThem(t *testing.T) {
	t.Parallel()
	for _, r := range recorded {
		t.Run(r.kind, func(t *testing.T) {
			t.Parallel()
			want, got := documents(t, nativeFile(r.kind)), documents(t, filepath.Join("testdata", "golden", r.kind+".json"))
			differs := map[string]bool{}
			for _, name := range slices.Concat(slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got))) {
				if want[name] != got[name] {
					differs[name] = true
				}
			}
			for _, name := range slices.Sorted(maps.Keys(differs)) {
				if r.differs[name] == "" {
					t.Errorf("%s is %s, and %s writes %s", name, got[name], r.client, want[name])
				}
			}
			for name := range r.differs {
				if !differs[name] {
					t.Errorf("%s is the same", name)
				}
			}
		})
	}
}

func nativeFile(kind string) string { return filepath.Join("testdata", "native", kind+".json") }

// documents reads a golden file: the values in its documents, by their paths. Those of a config begin with "blob".
func documents(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	prefix := ""
	for line := range bytes.Lines(data) {
		var document any
		if line[0] != '{' {
			continue // a digest
		}
		if err := json.Unmarshal(line, &document); err != nil {
			t.Fatal(err)
		}
		flatten(values, prefix, document)
		prefix = "blob."
	}
	return values
}

// flatten adds the values in a document to a map, by their paths.
func flatten(values map[string]string, name string, document any) {
	switch d := document.(type) {
	case map[string]any:
		for key, value := range d {
			flatten(values, join(name, key), value)
		}
	case []any:
		for i, value := range d {
			flatten(values, join(name, fmt.Sprint(i)), value)
		}
	default:
		values[name] = fmt.Sprintf("%#v", d)
	}
}

func join(name, key string) string {
	if name == "" || name == "blob." {
		return name + key
	}
	return name + "." + key
}

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorded lists the manifests in testdata/native, which native clients wrote for the files of examples. Each entry states which values
// differ in davit's manifest of the files, and why. All other values must be the same.
var recorded = []struct {
	kind, client string
	differs      map[string]string
}{
	{"conftest", "conftest", map[string]string{
		"config.mediaType": "conftest has no media type for configs, and writes the default of its library; it reads no config",
		"mediaType":        "conftest leaves it out; registries and clients may require it",
	}},
	{"cue", "cue", map[string]string{
		version:           ours,
		"layers.0.digest": "the archive has the same files, compressed by another library",
		"layers.0.size":   "differs with the digest",
	}},
	{"falco-asset", "falcoctl", map[string]string{version: ours, created: reproducible}},
	{"falco-plugin", "falcoctl", map[string]string{
		version:                    ours,
		"manifests.0." + created:   reproducible,
		"manifests.0.artifactType": "repeats the type of the config, as does the library that falcoctl uses; falcoctl reads only the platform",
		"manifests.0.digest":       "the manifest differs in the date",
		"manifests.0.size":         "differs with the digest",
		"1:" + created:             reproducible,
		"1:" + version:             ours,
	}},
	{"falco-rules", "falcoctl", map[string]string{
		version: ours, created: reproducible,
		"config.digest": "the same fields, in another order",
	}},
	{"opa", "oras, as OPA's documentation says", map[string]string{
		created:            reproducible,
		"config.mediaType": "conftest's type says what the artifact is; OPA reads no config",
		"layers.0.digest":  "opa build joins the data in one file, and formats the policy",
		"layers.0.size":    "differs with the digest",
		title:              "OPA reads the first layer, whatever its name",
	}},
	{"opentofu-module", "oras, as OpenTofu's documentation says", map[string]string{version: ours, created: reproducible}},
	{"tekton-bundle", "tkn", map[string]string{
		version: ours, "annotations.dev.davit.kind": "names the kind where only the annotations of the manifest are known",
		"mediaType": docker, "config.mediaType": docker, "layers.0.mediaType": docker, "layers.1.mediaType": docker,
		"layers.0.digest": asJSON, "layers.0.size": asJSON, "layers.1.digest": asJSON, "layers.1.size": asJSON,
		"1:rootfs.diff_ids.0": asJSON, "1:rootfs.diff_ids.1": asJSON,
		"config.digest": "the configs differ as below", "config.size": "the configs differ as below",
		"1:architecture": platform, "1:os": platform,
		"1:created": noHistory, "1:history.0.created": noHistory, "1:history.1.created": noHistory,
	}},
}

// Names of values, and reasons for differences, that several kinds share.
const (
	version      = "annotations.org.opencontainers.image.version"
	ours         = "davit's own annotation, as in all kinds"
	created      = "annotations.org.opencontainers.image.created"
	reproducible = "no time of the push, so that the same files have the same digest"
	docker       = "tkn writes the media types of Docker, davit those of OCI, their successors; Tekton reads both"
	asJSON       = "tkn converts an object to JSON and compresses it; davit leaves the document as it is"
	platform     = "clients that select an image by platform need one"
	noHistory    = "no dates, so that the same files have the same digest"
	title        = "layers.0.annotations.org.opencontainers.image.title"
)

// TestManifestsMatchNativeClients compares the golden manifest of each example with the one that the native client of the kind wrote for
// the files. With -update, the tests with the build tag late record the manifests of the clients.
func TestManifestsMatchNativeClients(t *testing.T) {
	t.Parallel()
	for _, r := range recorded {
		t.Run(r.kind, func(t *testing.T) {
			t.Parallel()
			want, got := readDocuments(t, nativeFile(r.kind)), readDocuments(t, filepath.Join("testdata", "golden", r.kind+".json"))
			differs := map[string]bool{}
			for _, name := range slices.Concat(slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got))) {
				if want[name] != got[name] {
					differs[name] = true
				}
			}
			for _, name := range slices.Sorted(maps.Keys(differs)) {
				if r.differs[name] == "" {
					t.Errorf("%s: got %s, want %s, as %s writes", name, got[name], want[name], r.client)
				}
			}
			for name := range r.differs {
				if !differs[name] {
					t.Errorf("%s is listed in recorded, but does not differ", name)
				}
			}
		})
	}
}

func nativeFile(kind string) string { return filepath.Join("testdata", "native", kind+".json") }

// readDocuments returns the values in the documents of a golden file, by path. The paths in each document after the first begin
// with the index of the document.
func readDocuments(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	n := 0
	for line := range bytes.Lines(data) {
		var document any
		if line[0] != '{' {
			continue // a digest
		}
		if err := json.Unmarshal(line, &document); err != nil {
			t.Fatal(err)
		}
		prefix := ""
		if n > 0 {
			prefix = fmt.Sprintf("%d:", n)
		}
		flatten(values, prefix, document)
		n++
	}
	return values
}

// flatten adds the values in a document to a map, by path.
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
	if name == "" || strings.HasSuffix(name, ":") {
		return name + key
	}
	return name + "." + key
}

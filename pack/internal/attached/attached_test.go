package attached_test

import (
	"encoding/json"
	"testing"

	"github.com/davit-oci/davit/pack/internal/attached"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/memory"
)

// entry returns a manifest with these keys and values as annotations, and its descriptor in a list of referrers.
func entry(t *testing.T, annotations ...string) (ocispec.Descriptor, []byte) {
	t.Helper()
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "a/b", Annotations: map[string]string{}}
	for i := 0; i < len(annotations); i += 2 {
		m.Annotations[annotations[i]] = annotations[i+1]
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: m.MediaType, ArtifactType: m.ArtifactType, Digest: digest.FromBytes(data), Size: int64(len(data)),
		Annotations: m.Annotations}, data
}

// TestCompareTime checks that a given time replaces each referrer with the same content and no time, also one that lacks an annotation
// that is added by default, and no other.
func TestCompareTime(t *testing.T) {
	t.Parallel()
	const title, created, added = ocispec.AnnotationTitle, ocispec.AnnotationCreated, "added"
	ours, data := entry(t, title, "one", added, "x", created, "2026-01-01T00:00:00Z")
	for _, test := range []struct {
		name   string
		listed [][]string
		want   int
	}{
		{"none", nil, 0},
		{"one", [][]string{{title, "one", added, "x"}}, 1},
		{"two", [][]string{{title, "one", added, "x"}, {title, "one"}}, 2},
		{"invalid time", [][]string{{title, "one", created, "soon"}}, 1},
		{"other name", [][]string{{title, "two"}, {title, "one"}}, 1},
		{"other annotation", [][]string{{title, "one", "c", "d"}, {title, "one", added, "y"}}, 0},
	} {
		var listed []ocispec.Descriptor
		for _, annotations := range test.listed {
			desc, _ := entry(t, annotations...)
			listed = append(listed, desc)
		}
		for _, set := range []bool{false, true} {
			c := attached.Candidate{Desc: ours, Manifest: data, Defaults: map[string]string{added: "x"}, SetTime: set}
			same := c.Same(listed)
			if isSame := !set && test.want > 0; isSame != (same != nil) {
				t.Errorf("%s: set %t: got same %v, want %t", test.name, set, same, isSame)
			}
			if !set {
				continue
			}
			r, err := c.Compare(t.Context(), memory.New(), listed)
			if err != nil || len(r.Replaced) != test.want || len(r.Beside) > len(listed)-test.want {
				t.Errorf("%s: replaced %d, beside %d, %v, want %d replaced", test.name, len(r.Replaced), len(r.Beside), err, test.want)
			}
			dated, _ := entry(t, title, "one", added, "x", created, "2025-01-01T00:00:00Z")
			if same := c.Same(append(listed, dated)); same == nil || same.Digest != dated.Digest {
				t.Errorf("%s: got same %v, want the one with a time", test.name, same)
			}
			if same := c.Same(append(listed, dated, ours)); same == nil || same.Digest != ours.Digest {
				t.Errorf("%s: got same %v, want the equal one", test.name, same)
			}
		}
	}
}

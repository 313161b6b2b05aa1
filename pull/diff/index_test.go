package diff_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull/diff"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
)

// TestLargeIndexes checks that two indexes with thousands of platforms are compared in time, and that a difference which is only in the
// JSON of two indexes is listed.
func TestLargeIndexes(t *testing.T) {
	t.Parallel()
	store := memory.New()
	push := func(mediaType, text, tag string) ocispec.Descriptor {
		t.Helper()
		desc := content.NewDescriptorFromBytes(mediaType, []byte(text))
		if err := store.Push(t.Context(), desc, bytes.NewReader([]byte(text))); err != nil {
			t.Fatal(err)
		}
		if tag != "" {
			if err := store.Tag(t.Context(), desc, tag); err != nil {
				t.Fatal(err)
			}
		}
		return desc
	}
	config := push("application/vnd.oci.empty.v1+json", "{}", "")
	entry := func(text string) string {
		m := push(ocispec.MediaTypeImageManifest, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":"text/%s","config":{"mediaType":%q,"digest":%q,"size":2},"layers":[]}`,
			ocispec.MediaTypeImageManifest, text, config.MediaType, config.Digest), "")
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":"linux","architecture":"%%s"}}`, m.MediaType, m.Digest, m.Size)
	}
	one, two := entry("one"), entry("two")
	var many []string
	for i := range 19000 {
		many = append(many, fmt.Sprintf(one, fmt.Sprint("a", i)))
	}
	for tag, entries := range map[string][]string{
		"many": append(many[:len(many):len(many)], fmt.Sprintf(one, "last")), "changed": append(many[:len(many):len(many)], fmt.Sprintf(two, "last")),
		"small": {many[0], fmt.Sprintf(two, "b")}, "turned": {fmt.Sprintf(two, "b"), many[0]},
	} {
		push(ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[`+strings.Join(entries, ",")+"]}", tag)
	}
	push(ocispec.MediaTypeImageIndex, `{"schemaVersion":2, "manifests":[`+many[0]+","+fmt.Sprintf(two, "b")+"]}", "spaced")
	for _, test := range []struct{ from, to, want string }{
		{"many", "changed", "artifactType"},
		{"small", "turned", "entries"},
		{"small", "spaced", "digest"},
		{"small", "small", ""},
	} {
		d, err := diff.Artifacts(t.Context(), diff.Side{Source: store, Ref: test.from}, diff.Side{Source: store, Ref: test.to}, diff.Options{})
		if err != nil {
			t.Errorf("%s and %s: %v", test.from, test.to, err)
			continue
		}
		var got []string
		for _, f := range d.Manifest {
			got = append(got, f.Field)
		}
		if strings.Join(got, " ") != test.want || d.Same != (test.want == "") {
			t.Errorf("%s and %s: got %q and same %v, want %q", test.from, test.to, got, d.Same, test.want)
		}
	}
}

package index_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// read parses an index.json.
func read(t testing.TB, text string) *index.Index {
	t.Helper()
	ix, err := index.Read(strings.NewReader(text), "index.json", int64(len(text)))
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, text)
	}
	return ix
}

// text returns an index as JSON.
func text(t testing.TB, ix *index.Index) string {
	t.Helper()
	r, size, err := ix.Text()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil || int64(len(data)) != size {
		t.Fatalf("got %d bytes, %v, want %d", len(data), err, size)
	}
	return string(data)
}

// desc returns the descriptor of the ith manifest. Every fifth manifest is an image index.
func desc(i int) ocispec.Descriptor {
	mediaType := ocispec.MediaTypeImageManifest
	if i%5 == 0 {
		mediaType = ocispec.MediaTypeImageIndex
	}
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString(fmt.Sprint(i)), Size: int64(i)}
}

// TestEdits makes the same random changes to two indexes and compares them. One index has been searched so often that it has
// tables. The other is read again for each change and has no tables.
func TestEdits(t *testing.T) {
	t.Parallel()
	tags := []string{"a", "b", "latest", "v1", "x/app:a", "x/app:latest", "h.io/x/app:a", "h.io/x/app", "h.io/y:v1@" + string(desc(1).Digest)}
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 7))
		often := index.New()
		for range 200 {
			_, _ = often.Find("searched")
		}
		for step := range 150 {
			once := read(t, text(t, often))
			d, tag := desc(r.IntN(8)), tags[r.IntN(len(tags))]
			var c index.Change
			switch r.IntN(7) {
			case 0, 1:
				c = index.Tagging(d, tag)
			case 2:
				c = index.TaggingFrom(d, "h.io/x/app", []string{"a", "latest", "v1"}[r.IntN(3)])
			case 3:
				c = index.Untagging(tag)
			case 4:
				c = index.Removal(d.Digest)
			case 5:
				c.Apply = func(ix *index.Index) error { ix.Add(d); return nil }
			default:
				c.Apply = func(ix *index.Index) error { ix.Fold([]ocispec.Descriptor{d, desc(r.IntN(3))}[:1]); return nil }
			}
			before := often.Version()
			errOften, errOnce := c.Apply(often), c.Apply(once)
			if (errOften == nil) != (errOnce == nil) || errOften != nil && often.Version() != before {
				t.Fatalf("seed %d, step %d: got %v with tables, %v without", seed, step, errOften, errOnce)
			}
			if got, want := text(t, often), text(t, once); got != want {
				t.Fatalf("seed %d, step %d: with tables:\n%s\nwithout:\n%s", seed, step, got, want)
			}
			if c.Holds != nil && c.Holds(often) != c.Holds(once) {
				t.Fatalf("seed %d, step %d: Holds: got %v with tables, %v without", seed, step, c.Holds(often), c.Holds(once))
			}
			compare(t, often, once, tags)
		}
	}
}

// compare fails if searches of the two indexes have different results.
func compare(t *testing.T, often, once *index.Index, tags []string) {
	t.Helper()
	for _, tag := range tags[:3] {
		a, errA := often.Find(tag)
		b, errB := once.Find(tag)
		if a != b || (errA == nil) != (errB == nil) {
			t.Fatalf("Find(%q): got %+v, %v with tables, %+v, %v without", tag, a, errA, b, errB)
		}
		if a, b := often.RepositoryOf(a.Digest, tag), once.RepositoryOf(b.Digest, tag); a != b {
			t.Fatalf("RepositoryOf(%q): got %q with tables, %q without", tag, a, b)
		}
	}
	for i := range 8 {
		_, a := often.Lists(desc(i).Digest)
		_, b := once.Lists(desc(i).Digest)
		if a != b || !slices.Equal(often.Names(desc(i).Digest), once.Names(desc(i).Digest)) {
			t.Fatalf("manifest %d: got listed %t with tables, %t without, or different names", i, a, b)
		}
	}
	if often.Len() != once.Len() || len(often.Roots()) != once.Len() {
		t.Fatalf("got %d entries and %d roots with tables, %d entries without", often.Len(), len(often.Roots()), once.Len())
	}
}

// TestManyEdits checks that many changes take much less time than a linear search for each change would take.
func TestManyEdits(t *testing.T) {
	t.Parallel()
	const n = 20_000
	start := time.Now()
	ix := index.New()
	for i := range n {
		if err := index.Tagging(desc(i%2*i), fmt.Sprintf("v%d", i)).Apply(ix); err != nil { // half of the tags for one manifest
			t.Fatal(err)
		}
	}
	for i := range n { // every tag for another manifest, with a full name
		if err := index.TaggingFrom(desc(1), "h.io/app", fmt.Sprintf("v%d", i)).Apply(ix); err != nil {
			t.Fatal(err)
		}
	}
	var children []ocispec.Descriptor
	for i := range n {
		children = append(children, desc(i))
	}
	ix.Fold(children)
	if e, ok := ix.FindOf("h.io/app", "v77"); !ok || e.Digest != desc(1).Digest || ix.Len() != n {
		t.Errorf("v77: got %v, %t, and %d entries, want %s and %d", e, ok, ix.Len(), desc(1).Digest, n)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("%d changes took %v, want at most a minute", 2*n, took)
	}
}

// TestText checks that an index is written as it was read, except for white space, escapes, and unknown fields.
func TestText(t *testing.T) {
	t.Parallel()
	d := `"digest":"` + desc(1).Digest.String() + `"`
	for in, want := range map[string]string{
		`{"schemaVersion":2}`: `{"schemaVersion":2,"manifests":[]}`,
		`{"manifests":null, "schemaVersion":2 , "mediaType":"m"}`: `{"schemaVersion":2,"mediaType":"m","manifests":[]}`,
		" {\n\"schemaVersion\": 2,\n\"manifests\": [\n{ " + d + ", \"x\": {\"]\": \"\\\"}\"} }\n,{" + d + "}\n],\n\"annotations\":{\"a\": \"<\"},\"other\":[1]}\n": `{"schemaVersion":2,"manifests":[{` + d + `,"x":{"]":"\"}"}},{` + d + `}],"annotations":{"a":"\u003c"}}`,
		`{"schemaVersion":2,"a":"\"manifests\":[","manifests":[{` + d + `,"annotations":{"org.opencontainers.image.ref.name":"\u0061"}}],"subject":{}}`:            `{"schemaVersion":2,"manifests":[{` + d + `,"annotations":{"org.opencontainers.image.ref.name":"\u0061"}}],"subject":{}}`,
	} {
		ix := read(t, in)
		if got := text(t, ix); got != want {
			t.Errorf("%s: got\n%s, want\n%s", in, got, want)
		}
		if strings.Contains(in, `\u0061`) {
			if e, err := ix.Find("a"); err != nil || e.Digest != desc(1).Digest {
				t.Errorf("a tag with an escape: got %v, %v, want %s", e, err, desc(1).Digest)
			}
		}
	}
}

// TestReadRefuses checks that invalid indexes are refused.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	d := `{"digest":"` + desc(1).Digest.String() + `"}`
	for _, in := range []string{
		``, `x`, `[]`, `1`, `{`, `{"schemaVersion":2`, `{"schemaVersion":2,}`, `{"schemaVersion":2} x`, `{"schemaVersion":2}{}`,
		`{"schemaVersion":1}`, `{}`, `{"manifests":[]}`,
		`{"schemaVersion":2,"manifests":[` + d, `{"schemaVersion":2,"manifests":[` + d + `}`, `{"schemaVersion":2,"manifests":[` + d + `,]}`,
		`{"schemaVersion":2,"manifests":[,` + d + `]}`, `{"schemaVersion":2,"manifests":[` + d + d + `]}`, `{"schemaVersion":2,"manifests":[` + d + ` 1]}`,
		`{"schemaVersion":2,"manifests":[1]}`, `{"schemaVersion":2,"manifests":[{}]}`, `{"schemaVersion":2,"manifests":{}}`, `{"schemaVersion":2,"manifests":[[]]}`,
		`{"schemaVersion":2,"manifests":[` + d + `],"manifests":[]}`, `{"schemaVersion":2,"manifests":[` + d + `],"Manifests":[]}`,
		`{"schemaVersion":2,"Manifests":[` + d + `]}`, `{"schemaVersion":2,"manifests":[` + d + `],"manifest\u0073":[` + d + `]}`,
		`{"schemaVersion":2,"manifest\u0073":[` + d + `]}`, `{"schemaVersion":2,"manifests":[{"digest":"x"]}]}`, `{"schemaVersion":2 "manifests":[]}`,
		`{"schemaVersion":2,"manifests":[` + d + `],"annotations":{"a":"` + strings.Repeat("x", 5<<20) + `"}}`,
		`{"schemaVersion":2,"manifests":[{"digest":"x","a":"` + strings.Repeat("x", 5<<20) + `"}]}`,
	} {
		if ix, err := index.Read(strings.NewReader(in), "index.json", int64(len(in))); err == nil {
			t.Errorf("%.200s: got %d entries, want an error", in, ix.Len())
		}
	}
	if _, err := index.Read(strings.NewReader(""), "index.json", 32<<20+1); err == nil || !strings.Contains(err.Error(), "33554433 bytes, limit is 32 MiB") {
		t.Errorf("too many bytes: got %v, want the size and the limit", err)
	}
}

// FuzzRead checks that package json reads the same entries, and that an index that is written and read again is the same.
func FuzzRead(f *testing.F) {
	d := `{"digest":"sha256:x","annotations":{"org.opencontainers.image.ref.name":"a:b/c"}}`
	for _, seed := range []string{`{"schemaVersion":2,"manifests":[` + d + `,` + d + `]}`, `{"manifests" : [ ] ,"schemaVersion":2,"annotations":{"]":"\\"}}`,
		`{"schemaVersion":2,"manifests":[{"digest":"\"]"}],"subject":{"a":[{}]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		ix, err := index.Read(strings.NewReader(in), "index.json", int64(len(in)))
		if err != nil {
			return
		}
		var want ocispec.Index
		if err := json.Unmarshal([]byte(in), &want); err != nil || want.SchemaVersion != 2 || len(want.Manifests) != ix.Len() {
			t.Fatalf("%q: got %d entries, package json %d, %v", in, ix.Len(), len(want.Manifests), err)
		}
		for i, got := range ix.Roots() {
			if w := want.Manifests[i]; got.Digest != w.Digest || got.MediaType != w.MediaType || got.Size != w.Size {
				t.Errorf("entry %d: got %v, want %v", i, got, w)
			}
		}
		written := text(t, ix)
		if again := text(t, read(t, written)); again != written {
			t.Errorf("%q was written as %q, and read again and written as %q", in, written, again)
		}
	})
}

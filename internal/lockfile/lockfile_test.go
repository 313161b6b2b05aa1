package lockfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
)

const someDigest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	entry := func(fields string) string { return `{"lockVersion":1,"artifacts":[{` + fields + `}]}` }
	good := `"reference":"a.b/c:1","digest":"` + someDigest + `","size":5`
	if _, err := Parse([]byte(entry(good))); err != nil {
		t.Fatal(err)
	}
	var many strings.Builder
	for i := range maxEntries + 1 {
		fmt.Fprintf(&many, `{"reference":"a.b/c:%d","digest":"%s","size":5},`, i, someDigest)
	}
	for name, text := range map[string]string{
		"empty": "", "not JSON": "a: b", "not an object": "[]", "other version": `{"lockVersion":2,"artifacts":[]}`, "no version": `{"artifacts":[]}`,
		"data after the document":            `{"lockVersion":1,"artifacts":[]} {}`,
		"unknown field":                      `{"lockVersion":1,"artifacts":[],"x":1}`,
		"unknown field of an entry":          entry(good + `,"run":"sh"`),
		"duplicate reference":                `{"lockVersion":1,"artifacts":[{` + good + `},{` + good + `}]}`,
		"no tag":                             entry(strings.Replace(good, "c:1", "c", 1)),
		"no reference":                       entry(strings.Replace(good, "a.b/c:1", "", 1)),
		"no digest":                          entry(strings.Replace(good, someDigest, "", 1)),
		"unsupported digest":                 entry(strings.Replace(good, someDigest, "md5:d41d8cd98f00b204e9800998ecf8427e", 1)),
		"short digest":                       entry(strings.Replace(good, someDigest, someDigest[:40], 1)),
		"negative size":                      entry(strings.Replace(good, `"size":5`, `"size":-5`, 1)),
		"size is a string":                   entry(strings.Replace(good, `"size":5`, `"size":"5"`, 1)),
		"size out of range":                  entry(strings.Replace(good, `"size":5`, `"size":1e400`, 1)),
		"kind with an escape":                entry(good + `,"kind":"a\u001b[31mb"`),
		"long kind":                          entry(good + `,"kind":"` + strings.Repeat("k", 65) + `"`),
		"invalid key":                        entry(good + `,"key":"AAAA"`),
		"digest differs from the reference":  entry(strings.Replace(good, "a.b/c:1", "a.b/c@sha256:"+strings.Repeat("0", 64), 1)),
		"too many entries":                   `{"lockVersion":1,"artifacts":[` + strings.TrimSuffix(many.String(), ",") + `]}`,
		"too large":                          `{"lockVersion":1,"artifacts":[` + strings.Repeat(" ", maxSize) + `]}`,
		"deep nesting":                       `{"lockVersion":1,"artifacts":` + strings.Repeat("[", 100_000) + `}`,
		"control character in the reference": entry(strings.Replace(good, "c:1", `c\u001b:1`, 1)),
	} {
		if f, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, f)
		} else if strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 1000 {
			t.Errorf("%s: got %.200q, want at most 1000 bytes without escapes", name, err)
		}
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "davit.lock")
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			err := Update(t.Context(), name, filepath.Join(dir, "locks"), func(f *File) error {
				f.Set(Entry{Reference: fmt.Sprintf("a.b/c:%d", i), Digest: someDigest, Size: int64(i)})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	f, err := Read(name)
	if err != nil || len(f.Artifacts) != 20 {
		t.Fatalf("got %+v, %v, want 20 entries", f, err)
	}
	before, _ := os.ReadFile(name)
	if again, err := f.Marshal(); err != nil || !bytes.Equal(again, before) {
		t.Errorf("marshaled again: got %s, %v, want %s", again, err, before)
	}
	if old := f.Set(Entry{Reference: "a.b/c:7", Digest: someDigest, Size: 70}); old == nil || old.Size != 7 || f.Find("a.b/c:7").Size != 70 {
		t.Errorf("got the replaced entry %+v, want size 7, and then 70", old)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("got the files %v, %v, want the lock file and its locks", entries, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"lockVersion":1,"artifacts":[{"reference":"a.b/c:1","digest":"` + someDigest + `","size":5,"kind":"model"}]}`))
	f.Add([]byte(`{"lockVersion":1,"artifacts":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := Parse(data)
		if err != nil {
			return
		}
		written, err := parsed.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if twice, err := again.Marshal(); err != nil || !bytes.Equal(written, twice) {
			t.Errorf("got %s, then %s, want the same text", written, twice)
		}
		for _, e := range parsed.Artifacts {
			if e.Digest.Validate() != nil || digest.Digest(e.Digest).Algorithm() == "" {
				t.Errorf("got %+v, want a valid digest", e)
			}
		}
	})
}

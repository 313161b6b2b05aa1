package statement_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/statement"
)

const provenance = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"ab"}},{"name":"none"}],"predicateType":"https://slsa.dev/provenance/v1",` +
	`"predicate":{"buildDefinition":{"buildType":"t","resolvedDependencies":[{"uri":"git+https://example.com/x"}]},"runDetails":{"builder":{"id":"b"},"metadata":{"finishedOn":"2026-01-01T00:00:00Z"}}}}`

func TestRead(t *testing.T) {
	t.Parallel()
	const want = "[{states https://slsa.dev/provenance/v1} {builder b} {build type t} {finished 2026-01-01T00:00:00Z} {built from git+https://example.com/x}] [[app sha256:ab] [none ]]"
	envelope := `{"payloadType":"application/vnd.in-toto+json","payload":"` + base64.StdEncoding.EncodeToString([]byte(provenance)) + `","signatures":[{"sig":"x"}]}`
	for name, document := range map[string]string{"bare statement": provenance, "statement in an envelope": envelope, "statement in a bundle": `{"mediaType":"x","dsseEnvelope":` + envelope + `}`} {
		o, err := statement.Read(strings.NewReader(document))
		if err != nil || fmt.Sprint(o.Fields, " ", o.Rows) != want {
			t.Errorf("%s: got %+v, %v, want %s", name, o, err, want)
		}
	}
	for _, document := range []string{"", "{}", `{"_type":"x"}`, "[1]", `{"payload":"e30=","payloadType":"x"}`} {
		if o, err := statement.Read(strings.NewReader(document)); err == nil {
			t.Errorf("%s: got %+v, want an error", document, o)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(provenance)
	f.Add(`{"_type":"https://in-toto.io/Statement/v0.1","subject":7,"predicate":{"builder":{"id":"b"},"materials":[{"uri":"m"}]}}`)
	f.Fuzz(func(t *testing.T, document string) {
		o, err := statement.Read(strings.NewReader(document))
		if err == nil && len(o.Rows) > 10_000 {
			t.Errorf("got %d rows, want at most 10000", len(o.Rows))
		}
	})
}

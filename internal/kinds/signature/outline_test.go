package signature_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/signature"
)

const (
	// statement is {"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"e3b0c442…"},"annotations":{"stage":"prod"}}],…}.
	statement = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NSJ9LCJhbm5vdGF0aW9ucyI6eyJzdGFnZSI6InByb2QifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zaWdzdG9yZS5kZXYvY29zaWduL3NpZ24vdjEiLCJwcmVkaWNhdGUiOnt9fQ=="
	empty     = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// bundle returns a sigstore bundle with a signed statement and the given verification material.
func bundle(material string) string {
	return `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":` + material + `,"dsseEnvelope":` +
		`{"payload":"` + statement + `","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"eA=="}]}}`
}

func TestOutline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ document, want string }{
		"bundle with a key hint":      {bundle(`{"publicKey":{"hint":"abc="}}`), "[{signs " + empty + "} {key abc=} {signature not verified}] [[stage prod]]"},
		"payload with annotations":    {simple(`{"stage":"prod"}`), "[{signs " + empty + "} {repository example.com/app} {signature not verified}] [[stage prod]]"},
		"payload without annotations": {simple("null"), "[{signs " + empty + "} {repository example.com/app} {signature not verified}] []"},
	} {
		o, err := signature.Kind().Outline(strings.NewReader(test.document), "")
		if err != nil || fmt.Sprint(o.Fields, " ", o.Rows) != test.want {
			t.Errorf("%s: got %+v, %v, want %s", name, o, err, test.want)
		}
	}
	for name, document := range map[string]string{
		"empty":                "",
		"another document":     `{"a": 1}`,
		"bundle without a key": bundle("{}"),
		"two documents":        simple("null") + simple("null"),
		"too large":            `{"a": "` + strings.Repeat("a", 1<<20) + `"}`,
	} {
		if o, err := signature.Kind().Outline(strings.NewReader(document), ""); err == nil {
			t.Errorf("%s: got %+v, want an error", name, o)
		}
	}
}

// simple returns a cosign signature payload with the given optional annotations.
func simple(optional string) string {
	return `{"critical":{"identity":{"docker-reference":"example.com/app"},"image":{"docker-manifest-digest":"` + empty +
		`"},"type":"cosign container image signature"},"optional":` + optional + `}`
}

func FuzzOutline(f *testing.F) {
	f.Add(bundle(`{"publicKey":{"hint":"abc="}}`))
	f.Add(simple("null"))
	f.Fuzz(func(t *testing.T, document string) {
		if o, err := signature.Kind().Outline(strings.NewReader(document), ""); err == nil && len(o.Fields) == 0 {
			t.Error("got neither a field nor an error, want one of them")
		}
	})
}

package dsse_test

import (
	"testing"

	"github.com/davit-oci/davit/internal/format/dsse"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	const bare = `{"payloadType":"text/x","payload":"aGk/","signatures":[]}`
	for document, want := range map[string]string{
		bare: "text/x hi?",
		`{"payloadType":"text/x","payload":"aGk_"}`:                        "text/x hi?", // the alphabet for URLs
		`{"mediaType":"x","dsseEnvelope":` + bare + `}`:                    "text/x hi?",
		`{"payloadType":"outer","payload":"","dsseEnvelope":` + bare + `}`: "text/x hi?",
		`{"payloadType":"text/x","payload":"*"}`:                           " ",
		`{"payloadType":"text/x","payload":""}`:                            " ",
		`{"payloadType":"text/x"`:                                          " ",
		`[]`:                                                               " ",
	} {
		content, mediaType := dsse.Open([]byte(document))
		if got := mediaType + " " + string(content); got != want {
			t.Errorf("%s: got %q, want %q", document, got, want)
		}
	}
}

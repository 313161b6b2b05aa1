package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const (
		single = ocispec.MediaTypeImageManifest
		index  = ocispec.MediaTypeImageIndex
		older  = "application/vnd.oci.artifact.manifest.v1+json"
	)
	tests := []struct {
		name, mediaType, data string
		want                  string // a part of the error; "": no error
	}{
		{"manifest", single, `{"schemaVersion":2,"mediaType":"` + single + `","config":{},"layers":[]}`, ""},
		{"no mediaType", single, `{"schemaVersion":2,"config":{},"layers":[]}`, ""},
		{"empty index", index, `{"schemaVersion":2,"manifests":[]}`, ""},
		{"annotation keys that differ in case", single, `{"schemaVersion":2,"layers":[],"annotations":{"a.B":"1","a.b":"2","Layers":"x"}}`, ""},
		{"unknown fields", single, `{"schemaVersion":2,"layers":[{"x-thing":{"a":[1,[2]]}}]}`, ""},
		{"artifact manifest", older, `{"mediaType":"` + older + `","blobs":[]}`, ""},
		{"other mediaType", single, `{"schemaVersion":2,"mediaType":"` + index + `","layers":[]}`, "media type mismatch"},
		{"layers and manifests", single, `{"schemaVersion":2,"layers":[],"manifests":[]}`, "both layers and manifests"},
		{"index with config", index, `{"schemaVersion":2,"config":{}}`, "has layers or a config"},
		{"manifest with manifests", single, `{"schemaVersion":2,"manifests":[]}`, "lists manifests"},
		{"duplicate key", single, `{"schemaVersion":2,"layers":[],"layers":[]}`, `duplicate key "layers"`},
		{"keys that differ in case", single, `{"schemaVersion":2,"layers":[{"x":1,"X":2}]}`, `duplicate key "X"`},
		{"known key in another case", single, `{"schemaVersion":2,"Layers":[]}`, `key "Layers" differs from "layers" in case`},
		{"nested key in another case", single, `{"schemaVersion":2,"layers":[{"Digest":""}]}`, `key "Digest" differs from "digest" in case`},
		{"duplicate annotation", single, `{"schemaVersion":2,"layers":[],"annotations":{"a":"1","a":"2"}}`, `duplicate key "a"`},
		{"two objects", single, `{"schemaVersion":2}{}`, "data after"},
		{"schema 1", single, `{"schemaVersion":1,"fsLayers":[]}`, "schemaVersion"},
		{"no schema", single, `{}`, "schemaVersion"},
		{"array", single, `[]`, "not a JSON object"},
		{"HTML", "", `<html>`, "invalid manifest"},
		{"deep nesting", single, `{"schemaVersion":2,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested"},
		{"truncated", single, `{"schemaVersion":2`, "invalid manifest"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data := []byte(tt.data)
			desc := ocispec.Descriptor{MediaType: tt.mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
			err := manifest.Check(desc, data)
			if tt.want == "" && err != nil {
				t.Fatalf("got %v, want no error", err)
			}
			if tt.want != "" && (!errors.Is(err, spec.ErrRefused) || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want ErrRefused with %q", err, tt.want)
			}
			desc.Digest = digest.FromString("other")
			if err := manifest.Check(desc, data); !errors.Is(err, spec.ErrRefused) {
				t.Errorf("other digest: got %v, want ErrRefused", err)
			}
		})
	}
}

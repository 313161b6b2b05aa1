package artifact

import (
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestCheckManifest(t *testing.T) {
	t.Parallel()
	const (
		manifest = ocispec.MediaTypeImageManifest
		index    = ocispec.MediaTypeImageIndex
	)
	tests := []struct {
		name, mediaType, data string
		want                  string // in the error; "": accepted
	}{
		{"manifest", manifest, `{"schemaVersion":2,"mediaType":"` + manifest + `","config":{},"layers":[]}`, ""},
		{"no mediaType", manifest, `{"schemaVersion":2,"config":{},"layers":[]}`, ""},
		{"empty index", index, `{"schemaVersion":2,"manifests":[]}`, ""},
		{"annotations in two cases", manifest, `{"schemaVersion":2,"layers":[],"annotations":{"a.B":"1","a.b":"2","Layers":"x"}}`, ""},
		{"unknown fields", manifest, `{"schemaVersion":2,"layers":[{"x-thing":{"a":[1,[2]]}}]}`, ""},
		{"artifact manifest", ociArtifactManifest, `{"mediaType":"` + ociArtifactManifest + `","blobs":[]}`, ""},
		{"other mediaType", manifest, `{"schemaVersion":2,"mediaType":"` + index + `","layers":[]}`, "calls itself"},
		{"both", manifest, `{"schemaVersion":2,"layers":[],"manifests":[]}`, "both layers and manifests"},
		{"index with config", index, `{"schemaVersion":2,"config":{}}`, "with layers or a config"},
		{"manifest with manifests", manifest, `{"schemaVersion":2,"manifests":[]}`, "with manifests"},
		{"key twice", manifest, `{"schemaVersion":2,"layers":[],"layers":[]}`, `key "layers" twice`},
		{"key in two cases", manifest, `{"schemaVersion":2,"layers":[{"x":1,"X":2}]}`, `key "X" twice`},
		{"known key in another case", manifest, `{"schemaVersion":2,"Layers":[]}`, `key "Layers" for "layers"`},
		{"deep key in another case", manifest, `{"schemaVersion":2,"layers":[{"Digest":""}]}`, `key "Digest" for "digest"`},
		{"annotation twice", manifest, `{"schemaVersion":2,"layers":[],"annotations":{"a":"1","a":"2"}}`, `key "a" twice`},
		{"two objects", manifest, `{"schemaVersion":2}{}`, "something follows"},
		{"schema 1", manifest, `{"schemaVersion":1,"fsLayers":[]}`, "schemaVersion"},
		{"no schema", manifest, `{}`, "schemaVersion"},
		{"array", manifest, `[]`, "no JSON object"},
		{"page", "", `<html>`, "no manifest"},
		{"deep", manifest, `{"schemaVersion":2,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested"},
		{"cut", manifest, `{"schemaVersion":2`, "no manifest"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data := []byte(tt.data)
			desc := ocispec.Descriptor{MediaType: tt.mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
			err := CheckManifest(desc, data)
			if tt.want == "" && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if tt.want != "" && (!errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want ErrRefused with %q", err, tt.want)
			}
			desc.Digest = digest.FromString("other")
			if err := CheckManifest(desc, data); !errors.Is(err, ErrRefused) {
				t.Errorf("with another digest: %v, want ErrRefused", err)
			}
		})
	}
}

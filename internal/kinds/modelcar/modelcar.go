// Package modelcar implements the kind for models in container images, which clusters mount as volumes.
package modelcar

import (
	"github.com/davit-oci/davit/internal/kinds/image"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

const name = "modelcar"

// Kind returns the kind of models in images: files below models/, in tars that are not compressed, since weights hardly shrink.
// The kind is never detected: davit.yaml must name it, because the same files are detected as kind model.
func Kind() kind.Kind {
	tars := map[mediatypes.Packing]string{mediatypes.TarGzip: mediatypes.LayerTarGzip, mediatypes.TarZstd: mediatypes.LayerTarZstd}
	form := mediatypes.Form{Prefix: "models/", Untitled: true, Split: true, Follow: true}
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:    name,
			Summary: "a model as a container image, with its files in models/, for Kubernetes and KServe",
			Shape:   mediatypes.Image,
			Config:  mediatypes.Config{MediaType: mediatypes.ImageConfig, Derive: "image", Schema: image.Fields()},
			Layers: []mediatypes.LayerType{
				{Role: "directory", MediaType: mediatypes.LayerTar, MediaTypes: tars, Match: []string{"*/"}, Packing: mediatypes.Tar, Exclude: []string{"**/.git", "**/.cache"}, Form: form},
				{Role: "file", MediaType: mediatypes.LayerTar, MediaTypes: tars, Match: []string{"*"}, Packing: mediatypes.Tar, Form: mediatypes.Form{Prefix: "models/", Untitled: true}},
			},
			Annotations: map[string]string{mediatypes.KindAnnotation: name},
			Clients:     []string{"Kubernetes", "KServe", "ramalama", "podman"},
			Example: `kind: modelcar
version: 1.0.0
layers: [model/]
`,
		},
		Matches: func(t mediatypes.Traits) bool { return t.Annotations[mediatypes.KindAnnotation] == name },
	}
}

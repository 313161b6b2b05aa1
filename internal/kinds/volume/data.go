package volume

import (
	"github.com/davit-oci/davit/internal/kinds/image"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes the content of a volume, with owners, modes, times and extended attributes.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    mediatypes.Volume,
		Summary: "the content of a volume, as Docker Desktop's Volumes Backup & Share keeps it",
		Shape:   mediatypes.Image,
		Config:  mediatypes.Config{MediaType: mediatypes.ImageConfig, Derive: "image", Schema: image.Fields()},
		Layers: []mediatypes.LayerType{
			{Role: "data", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"_data/"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "volume-data/", Preserve: true, Split: true, Untitled: true}, Min: 1, Tells: true},
			{Role: "data", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "volume-data/", Preserve: true, Split: true, Untitled: true}, Min: 1},
			{Role: "data", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*.tar", "*.tar.gz", "*.tgz", "*.tar.zst"}, Content: "tar", Packing: mediatypes.TarGzip,
				Form: mediatypes.Form{Prefix: "volume-data/", Preserve: true, Archive: true, Untitled: true}, Min: 1},
		},
		Annotations: map[string]string{mediatypes.KindAnnotation: mediatypes.Volume},
		Clients:     []string{"Docker Desktop", "podman", "skopeo"},
		Example: `kind: volume
name: greeting-data
layers: [_data/]
`,
	}
}

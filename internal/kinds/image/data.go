package image

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// imageFields are the fields of an image config that davit.yaml may set, with the names of image-spec.
var imageFields = kind.ObjectField(map[string]any{
	"architecture": kind.StringField("amd64, arm64, wasm …; the platform says it too"),
	"os":           kind.StringField("linux, wasip1 …; the platform says it too"),
	"variant":      kind.StringField("of the architecture"),
	"author":       kind.StringField("who made it"),
	"config": map[string]any{
		"type": "object", "additionalProperties": false, "description": "how a container of the image runs",
		"properties": map[string]any{
			"User": kind.StringField("UID, UID:GID or names"), "WorkingDir": kind.StringField("where the command starts"),
			"Env": kind.StringsField("NAME=VALUE"), "Entrypoint": kind.StringsField("the command"), "Cmd": kind.StringsField("its default arguments"),
			"StopSignal": kind.StringField("SIGTERM …"), "ExposedPorts": map[string]any{"type": "object"},
			"Volumes": map[string]any{"type": "object"}, "Labels": map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
		},
	},
})

// image is a plain container image that holds files at its root.
func image() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "image",
		Summary: "files as a container image: Kubernetes image volumes, podman image mount, wasm runtimes",
		Shape:   mediatypes.Image,
		Config:  mediatypes.Config{MediaType: mediatypes.ImageConfig, Derive: "image", Schema: imageFields},
		Layers: []mediatypes.LayerType{
			{Role: "files", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars, Match: []string{"*/"}, Content: "rootfs", Packing: mediatypes.TarGzip, Untitled: true, Tells: true},
			{Role: "files", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars, Match: []string{"*/"}, Packing: mediatypes.TarGzip, Untitled: true},
			{Role: "file", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars, Match: []string{"*"}, Packing: mediatypes.TarGzip, Untitled: true},
		},
		Clients: []string{"docker", "podman", "Kubernetes", "skopeo"},
		Example: `kind: image
name: greeting-data
version: 1.0.0
layers: [rootfs/]
`,
	}
}

// volume is the content of a volume, with owners, modes, times and extended attributes.
func volume() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    mediatypes.Volume,
		Summary: "the content of a volume, as Docker Desktop's Volumes Backup & Share keeps it",
		Shape:   mediatypes.Image,
		Config:  mediatypes.Config{MediaType: mediatypes.ImageConfig, Derive: "image", Schema: imageFields},
		Layers: []mediatypes.LayerType{
			{Role: "data", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars, Match: []string{"_data/"}, Packing: mediatypes.TarGzip, Prefix: "volume-data/", Preserve: true, Split: true, Untitled: true, Min: 1, Tells: true},
			{Role: "data", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars, Match: []string{"*/"}, Packing: mediatypes.TarGzip, Prefix: "volume-data/", Preserve: true, Split: true, Untitled: true, Min: 1},
			{Role: "data", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars, Match: []string{"*.tar", "*.tar.gz", "*.tgz", "*.tar.zst"}, Content: "tar", Packing: mediatypes.TarGzip,
				Prefix: "volume-data/", Preserve: true, Archive: true, Untitled: true, Min: 1},
		},
		Annotations: map[string]string{mediatypes.KindAnnotation: mediatypes.Volume},
		Clients:     []string{"Docker Desktop", "podman", "skopeo"},
		Example: `kind: volume
name: greeting-data
layers: [_data/]
`,
	}
}

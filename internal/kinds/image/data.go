package image

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Fields returns the schema of the fields of an image config that davit.yaml may set, with the names of image-spec.
func Fields() map[string]any {
	return kind.ObjectField(map[string]any{
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
}

// data describes a plain container image that holds files at its root.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "image",
		Summary: "files as a container image: Kubernetes image volumes, podman image mount, wasm runtimes",
		Shape:   mediatypes.Image,
		Config:  mediatypes.Config{MediaType: mediatypes.ImageConfig, Derive: "image", Schema: Fields()},
		Layers: []mediatypes.LayerType{
			{Role: "files", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Content: "rootfs", Packing: mediatypes.TarGzip, Form: mediatypes.Form{Untitled: true}, Tells: true},
			{Role: "files", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Untitled: true}},
			{Role: "file", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Untitled: true}},
		},
		Clients: []string{"docker", "podman", "Kubernetes", "skopeo"},
		Example: `kind: image
name: greeting-data
version: 1.0.0
layers: [rootfs/]
`,
	}
}

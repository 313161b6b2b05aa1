package image

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Fields returns the schema of the image config fields that davit.yaml may set. Their names are those of the image-spec.
func Fields() map[string]any {
	return kind.ObjectField(map[string]any{
		"architecture": kind.StringField("such as amd64 or arm64; that of the platform if left out"),
		"os":           kind.StringField("such as linux; that of the platform if left out"),
		"variant":      kind.StringField("variant of the architecture, such as v8; that of the platform if left out"),
		"author":       kind.StringField("name and address of the author"),
		"config": map[string]any{
			"type": "object", "additionalProperties": false, "description": "defaults for containers that run the image",
			"properties": map[string]any{
				"User": kind.StringField("user or UID, with a group or GID after a colon if needed"), "WorkingDir": kind.StringField("working directory of the command"),
				"Env": kind.StringsField("environment variables, as NAME=VALUE"), "Entrypoint": kind.StringsField("command that is executed"), "Cmd": kind.StringsField("default arguments of the entrypoint"),
				"StopSignal": kind.StringField("signal that stops the container, such as SIGTERM"), "ExposedPorts": map[string]any{"type": "object"},
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

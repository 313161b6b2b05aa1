package mediatypes

// imageFields are the fields of an image config that davit.yaml may set, with the names of image-spec.
var imageFields = objectField(map[string]any{
	"architecture": stringField("amd64, arm64, wasm …; the platform says it too"),
	"os":           stringField("linux, wasip1 …; the platform says it too"),
	"variant":      stringField("of the architecture"),
	"author":       stringField("who made it"),
	"config": map[string]any{
		"type": "object", "additionalProperties": false, "description": "how a container of the image runs",
		"properties": map[string]any{
			"User": stringField("UID, UID:GID or names"), "WorkingDir": stringField("where the command starts"),
			"Env": stringsField("NAME=VALUE"), "Entrypoint": stringsField("the command"), "Cmd": stringsField("its default arguments"),
			"StopSignal": stringField("SIGTERM …"), "ExposedPorts": map[string]any{"type": "object"},
			"Volumes": map[string]any{"type": "object"}, "Labels": map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
		},
	},
})

// image is a plain container image that holds files at its root.
var image = Kind{
	Name:    "image",
	Summary: "files as a container image: Kubernetes image volumes, podman image mount, wasm runtimes",
	Shape:   Image,
	Config:  Config{MediaType: ImageConfig, Derive: "image", Schema: imageFields},
	Layers: []LayerType{
		{Role: "files", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*/"}, Content: "rootfs", Packing: TarGzip, Untitled: true, Tells: true},
		{Role: "files", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*/"}, Packing: TarGzip, Untitled: true},
		{Role: "file", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*"}, Packing: TarGzip, Untitled: true},
	},
	Clients: []string{"docker", "podman", "Kubernetes", "skopeo"},
	Example: `kind: image
name: greeting-data
version: 1.0.0
layers: [rootfs/]
`,
}

// KindAnnotation is the manifest annotation that tells a volume from other container images. No client needs it.
const KindAnnotation = "dev.davit.kind"

// Volume is the name of the kind of volumes, which are unpacked in another way than other images.
const Volume = "volume"

// volume is the content of a volume, with owners, modes, times and extended attributes.
var volume = Kind{
	Name:    Volume,
	Summary: "the content of a volume, as Docker Desktop's Volumes Backup & Share keeps it",
	Shape:   Image,
	Config:  Config{MediaType: ImageConfig, Derive: "image", Schema: imageFields},
	Layers: []LayerType{
		{Role: "data", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"_data/"}, Packing: TarGzip, Prefix: "volume-data/", Preserve: true, Split: true, Untitled: true, Min: 1, Tells: true},
		{Role: "data", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*/"}, Packing: TarGzip, Prefix: "volume-data/", Preserve: true, Split: true, Untitled: true, Min: 1},
		{Role: "data", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*.tar", "*.tar.gz", "*.tgz", "*.tar.zst"}, Content: "tar", Packing: TarGzip,
			Prefix: "volume-data/", Preserve: true, Archive: true, Untitled: true, Min: 1},
	},
	Annotations: map[string]string{KindAnnotation: Volume},
	Clients:     []string{"Docker Desktop", "podman", "skopeo"},
	Example: `kind: volume
name: greeting-data
layers: [_data/]
`,
}

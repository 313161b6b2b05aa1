package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// imageIndex pushes an index as "docker buildx build --sbom --provenance" does, for two platforms that share a layer.
type imageIndex struct {
	t     *testing.T
	store oras.Target
}

func (x imageIndex) blob(mediaType string, content []byte) ocispec.Descriptor {
	x.t.Helper()
	desc, err := oras.PushBytes(x.t.Context(), x.store, mediaType, content)
	if err != nil {
		x.t.Fatal(err)
	}
	return desc
}

func (x imageIndex) document(mediaType string, v any) ocispec.Descriptor {
	x.t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.blob(mediaType, content)
}

func (x imageIndex) manifest(config any, layers ...ocispec.Descriptor) ocispec.Descriptor {
	x.t.Helper()
	return x.document(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: x.document(ocispec.MediaTypeImageConfig, config), Layers: layers,
	})
}

// platform pushes an image for an architecture, and its attestations.
func (x imageIndex) platform(arch string) (image, attestation ocispec.Descriptor) {
	x.t.Helper()
	image = x.manifest(json.RawMessage(`{"os": "linux", "architecture": "`+arch+`", "created": "2026-01-01T00:00:00Z",
		"config": {"Env": ["PATH=/usr/bin"], "Entrypoint": ["/app", "--serve"]}, "rootfs": {"type": "layers", "diff_ids": []},
		"history": [{"created_by": "ADD rootfs.tar /"}, {"created_by": "ENTRYPOINT [\"/app\"]", "empty_layer": true}, {"created_by": "COPY app /"}]}`),
		x.blob(ocispec.MediaTypeImageLayer, []byte("shared")), x.blob(ocispec.MediaTypeImageLayer, []byte(arch)))
	image.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
	statement := func(predicateType, predicate string) ocispec.Descriptor {
		desc := x.blob(mediatypes.InToto, []byte(`{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "`+predicateType+
			`", "subject": [], "predicate": `+predicate+`}`))
		desc.Annotations = map[string]string{mediatypes.PredicateType: predicateType}
		return desc
	}
	attestation = x.manifest(json.RawMessage(`{"os": "unknown", "architecture": "unknown"}`),
		statement("https://spdx.dev/Document", `{"spdxVersion": "SPDX-2.3", "name": "app for `+arch+`", "packages": [{"licenseDeclared": "MIT"}]}`),
		statement("https://slsa.dev/provenance/v1", `{"buildDefinition": {}}`))
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{
		"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.Digest.String(),
	}
	return image, attestation
}

// put pushes the index, and returns the digest of its image for arm64.
func (x imageIndex) put(tag string) digest.Digest {
	x.t.Helper()
	amd64, aboutAMD64 := x.platform("amd64")
	arm64, aboutARM64 := x.platform("arm64")
	index := x.document(ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{amd64, arm64, aboutAMD64, aboutARM64},
	})
	if err := x.store.Tag(x.t.Context(), index, tag); err != nil {
		x.t.Fatal(err)
	}
	return arm64.Digest
}

// TestBuildKit compares the output of commands on an image as BuildKit pushes it with testdata/buildkit.golden.
func TestBuildKit(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	layout, err := registry.New(registry.Options{}).Open(t.Context(), registry.Reference{Path: dir + "/oci"}, registry.Write)
	if err != nil {
		t.Fatal(err)
	}
	arm64 := imageIndex{t, layout}.put("1.0")
	if err := layout.Close(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, command := range []string{
		"inspect ./oci:1.0",
		"discover ./oci:1.0",
		"discover ./oci:1.0 --kind sbom --format go-template={{range.manifests}}{{.platform.architecture}}{{end}}",
		"discover ./oci:1.0 --kind vex",
		"show ./oci:1.0 --kind sbom --platform linux/arm64",
		"show ./oci:1.0 --kind https://slsa.dev/provenance/v1 --platform linux/arm64",
		"show ./oci:1.0 --kind sbom --platform linux/s390x",
		"show ./oci:1.0 --kind vex --platform linux/arm64",
		"show ./oci@" + arm64.String() + " --kind sbom",
		"pull ./oci:1.0 --platform linux/arm64 --referrers --no-unpack -o ./out",
	} {
		var out bytes.Buffer
		Run(t.Context(), strings.Fields(strings.ReplaceAll(command, "./o", dir+"/o")), strings.NewReader(""), &out, &out)
		got.WriteString("$ davit " + command + "\n" + strings.ReplaceAll(out.String(), dir+"/o", "./o") + "\n")
	}
	checkGolden(t, "buildkit", got.String())
}

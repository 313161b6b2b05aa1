package pack

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/node"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
)

// store pushes v: a string as it is, another value as JSON.
func store(t *testing.T, dst *memory.Store, mediaType string, v any) ocispec.Descriptor {
	t.Helper()
	b, ok := v.(string)
	if !ok {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b = string(data)
	}
	desc := content.NewDescriptorFromBytes(mediaType, []byte(b))
	if ok, _ := dst.Exists(t.Context(), desc); !ok {
		if err := dst.Push(t.Context(), desc, strings.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
	return desc
}

// storeBusybox stores an image of one layer with the media types of Docker or OCI.
func storeBusybox(t *testing.T, dst *memory.Store, docker bool) ocispec.Descriptor {
	t.Helper()
	types := [3]string{ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, ocispec.MediaTypeImageLayerGzip}
	if docker {
		types = [3]string{mediatypes.DockerManifest, mediatypes.DockerConfig, node.DockerLayer + ".gzip"}
	}
	config := `{"architecture":"arm64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sh"]},` +
		`"rootfs":{"type":"layers","diff_ids":["sha256:base"]},"history":[{"created_by":"base"}]}`
	return store(t, dst, types[0], ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: types[0],
		Config: store(t, dst, types[1], config), Layers: []ocispec.Descriptor{store(t, dst, types[2], "layer")},
	})
}

func TestImageOnBase(t *testing.T) {
	t.Parallel()
	for _, docker := range []bool{false, true} {
		t.Run(fmt.Sprintf("docker %t", docker), func(t *testing.T) {
			t.Parallel()
			src, dst := memory.New(), memory.New()
			base := storeBusybox(t, src, docker)
			p := plan(artifact.Layer{Content: []byte("ours"), MediaType: mediatypes.LayerTarGzip, Title: "x"})
			p.ArtifactType, p.ConfigType, p.Kind.Shape = "", ocispec.MediaTypeImageConfig, mediatypes.Image
			p.Finish = func(layers []artifact.Packed) (artifact.Finished, error) {
				return artifact.Finished{Config: fmt.Appendf(nil,
					`{"architecture":"amd64","os":"linux","config":{"Cmd":["ours"]},"rootfs":{"type":"layers","diff_ids":[%q]}}`, layers[0].DiffID)}, nil
			}
			opts := PushOptions{Options: Options{Base: &Base{src, base}}, Tags: []string{"v1"}}
			r, err := Push(t.Context(), files, p, dst, opts)
			if err != nil {
				t.Fatal(err)
			}
			config, err := content.FetchAll(t.Context(), dst, *r.Config)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"architecture":"arm64","config":{"Cmd":["ours"],"Env":["PATH=/bin"]},"history":[{"created_by":"base"},{"created_by":"davit"}],` +
				`"os":"linux","rootfs":{"diff_ids":["sha256:base","` + r.Layers[1].Digest.String() + `"],"type":"layers"}}`
			if string(config) != want {
				t.Errorf("config\n got %s\nwant %s", config, want)
			}
			if got := r.Layers[1].MediaType == node.DockerLayer+".gzip" && r.MediaType == mediatypes.DockerManifest &&
				r.Config.MediaType == mediatypes.DockerConfig; got != docker {
				t.Errorf("got media types %s, %s, %s, want those of Docker: %t", r.MediaType, r.Config.MediaType, r.Layers[1].MediaType, docker)
			}
			if _, err := content.FetchAll(t.Context(), dst, r.Layers[0]); err != nil {
				t.Errorf("layer of the base: %v", err)
			}
			if r, err = Push(t.Context(), files, p, dst, opts); err != nil || !r.Skipped {
				t.Errorf("again: got skipped %t, %v, want true", r.Skipped, err)
			}
		})
	}
}

func TestBaseOfSeveralPlatforms(t *testing.T) {
	t.Parallel()
	src := memory.New()
	entry := storeBusybox(t, src, false)
	entry.Platform = &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	index := store(t, src, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{entry},
	})
	for _, c := range []struct {
		platform *ocispec.Platform
		ok       bool
	}{{entry.Platform, true}, {&ocispec.Platform{OS: "linux", Architecture: "s390x"}, false}, {nil, false}} {
		p := plan(artifact.Layer{Content: []byte("ours"), MediaType: mediatypes.LayerTarGzip, Title: "x"})
		p.ConfigType, p.Platform = ocispec.MediaTypeImageConfig, c.platform
		p.Finish = func([]artifact.Packed) (artifact.Finished, error) {
			return artifact.Finished{Config: []byte(`{}`)}, nil
		}
		_, err := Artifact(t.Context(), files, p, nil, Options{Base: &Base{src, index}})
		if (err == nil) != c.ok {
			t.Errorf("%v: got %v, want accepted %t", c.platform, err, c.ok)
		}
	}
}

func TestBasePlatformIsLinuxByDefault(t *testing.T) {
	t.Parallel()
	dst := memory.New()
	amd := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: ocispec.DescriptorEmptyJSON.Digest, Size: 2,
		Platform: &ocispec.Platform{OS: "linux", Architecture: "amd64"}}
	b, err := json.Marshal(ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{amd}})
	if err != nil {
		t.Fatal(err)
	}
	desc, err := oras.PushBytes(t.Context(), dst, ocispec.MediaTypeImageIndex, b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := node.BasePlatform(t.Context(), &node.Base{Source: dst, Descriptor: desc}, nil)
	if err != nil || got.Digest != amd.Digest {
		t.Errorf("got %+v, %v, want %s", got, err, amd.Digest)
	}
}

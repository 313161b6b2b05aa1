package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/pull/inspect"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestRequests checks that the main page of an artifact causes at most one request more than Inspect, and reads only a small part of
// large layers.
func TestRequests(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("\x00", 40<<20)
	for name, layers := range map[string]func(store) []ocispec.Descriptor{
		"model": func(s store) []ocispec.Descriptor {
			return []ocispec.Descriptor{
				s.blob("application/vnd.docker.ai.gguf.v3", "weights.gguf", large), s.blob("text/markdown", "README.md", "# Model"), s.blob("text/plain", "LICENSE", "free"),
			}
		},
		"image": func(s store) []ocispec.Descriptor {
			return []ocispec.Descriptor{s.blob(ocispec.MediaTypeImageLayer, "", large), s.blob(ocispec.MediaTypeImageLayer, "", strings.Repeat("\x00", 1024))}
		},
		"no readable layer": func(s store) []ocispec.Descriptor {
			return []ocispec.Descriptor{s.blob("application/octet-stream", "data.bin", large)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := registrytest.Start(t, registrytest.Options{})
			ref := registry.Reference{Registry: server.Host, Repository: "team/thing"}
			open := func() registry.Target {
				target, err := registry.New(registry.Options{}).Open(t.Context(), ref, registry.Write)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = target.Close(context.Background(), nil) })
				return target
			}
			s := store{t, open()}
			config := s.blob(ocispec.MediaTypeImageConfig, "", `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
			subject := s.manifest("1.0", ocispec.Manifest{Config: config, Layers: layers(s)})
			s.manifest("", ocispec.Manifest{ArtifactType: "application/vnd.example.note", Subject: &subject, Layers: []ocispec.Descriptor{s.blob("text/plain", "n", "n")}})

			server.ResetLog()
			if _, err := inspect.Inspect(t.Context(), open(), "1.0", inspect.Options{Referrers: true, Weights: true}); err != nil {
				t.Fatal(err)
			}
			inspected := server.Count()
			server.ResetLog()
			w := get(web.New(targets{"team/thing": open()}, web.Options{}), "/r/team/thing:1.0")
			if w.Code != 200 || !strings.Contains(w.Body.String(), "Attachments") {
				t.Fatalf("got %d %s, want 200 and the attachments", w.Code, w.Body)
			}
			if got := server.Count(); got > inspected+1 {
				t.Errorf("got %d requests, but Inspect makes %d: %s", got, inspected, fmt.Sprint(server.Requests()))
			}
			if _, out := server.Bytes(); out > 1<<20 {
				t.Errorf("read %d bytes, want at most 1 MiB", out)
			}
		})
	}
}

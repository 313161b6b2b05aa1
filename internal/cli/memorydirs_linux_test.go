//go:build clients

package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestMemoryOfDirectories is like TestMemory, for an artifact of many deep directories with long names.
func TestMemoryOfDirectories(t *testing.T) {
	t.Parallel()
	const files, levels = 5200, 17
	below := strings.Repeat("/"+strings.Repeat("d", 200), levels)
	var layer bytes.Buffer
	zip := gzip.NewWriter(&layer)
	w := tar.NewWriter(zip)
	for i := range files {
		name := fmt.Sprintf("%06d%s/file", i, below)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
	}
	if w.Close() != nil || zip.Close() != nil {
		t.Fatal("the archive could not be written")
	}
	config := []byte(`{"os":"linux","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":["` + digest.FromString("x").String() + `"]}}`)
	manifest := []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `","config":` +
		described("", ocispec.MediaTypeImageConfig, config) + `,"layers":[` + described("", ocispec.MediaTypeImageLayerGzip, layer.Bytes()) + `]}`)
	path := createLayout(t, []byte(`{"schemaVersion":2,"manifests":[`+
		described(`"annotations":{"org.opencontainers.image.ref.name":"one"},`, ocispec.MediaTypeImageManifest, manifest)+`]}`),
		config, layer.Bytes(), manifest)
	checkBounded(t, "0", "pull", "-q", path+":one", "-o", filepath.Join(t.TempDir(), "out"))
}

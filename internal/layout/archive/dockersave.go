package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// dockerManifestFile lists the images in a docker save archive. Older versions of Docker wrote archives with this file and
// without an index.json, and crane and other tools still do (docker: image/tarexport/save.go).
const dockerManifestFile = "manifest.json"

// maxDockerImages limits the images in a docker save archive.
const maxDockerImages = 1000

// dockerImage is an entry of manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// importDocker makes a docker save archive readable as a layout. Such an archive has neither manifests nor digests, so
// importDocker hashes its files and generates a manifest for each image. It does not change the archive.
func (t *tarFile) importDocker(name string) error {
	list, err := t.readSmall(dockerManifestFile)
	if err != nil {
		return err
	}
	var images []dockerImage
	if err := json.Unmarshal(list, &images); err != nil {
		return artifact.Refused(name, "%s can't be read: %w", dockerManifestFile, err)
	}
	if len(images) == 0 || len(images) > maxDockerImages {
		return artifact.Refused(name, "%s lists %d images, want 1 to %d", dockerManifestFile, len(images), maxDockerImages)
	}
	t.index = index.New()
	known := map[string]ocispec.Descriptor{}
	for _, image := range images {
		if err := t.importImage(image, known); err != nil {
			return artifact.Refused(name, "image %s: %w", untrusted.Line(strings.Join(image.RepoTags, ", "), 200), err)
		}
	}
	return nil
}

// importImage generates the manifest of an image. known holds the descriptors of the files hashed so far, by name.
func (t *tarFile) importImage(image dockerImage, known map[string]ocispec.Descriptor) error {
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	var err error
	if m.Config, err = t.importFile(image.Config, known); err != nil {
		return err
	}
	if m.Config.Size > manifest.MaxSize {
		return fmt.Errorf("config too large: %d bytes, limit is %d MiB", m.Config.Size, manifest.MaxSize>>20)
	}
	m.Config.MediaType = ocispec.MediaTypeImageConfig
	for _, layer := range image.Layers {
		desc, err := t.importFile(layer, known)
		if err != nil {
			return err
		}
		m.Layers = append(m.Layers, desc)
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	desc, err := t.addGenerated(data)
	if err != nil {
		return err
	}
	if len(image.RepoTags) == 0 {
		t.index.Add(desc)
	}
	for _, tag := range image.RepoTags {
		t.index.AddNamed(desc, tag)
	}
	return nil
}

// importFile hashes an entry and makes it a blob. Layers may be symbolic links to each other, in archives of older versions of
// Docker.
func (t *tarFile) importFile(name string, known map[string]ocispec.Descriptor) (ocispec.Descriptor, error) {
	name = path.Clean(name)
	if link, ok := t.links[name]; ok {
		name = path.Join(path.Dir(name), link)
	}
	if desc, ok := known[name]; ok {
		return desc, nil
	}
	e, ok := t.files[name]
	if !ok {
		return ocispec.Descriptor{}, fmt.Errorf("%q is not in the archive", untrusted.Line(name, 200))
	}
	d, err := digest.FromReader(e.Reader())
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: d, Size: e.Size}
	magic := make([]byte, 4)
	n, _ := io.ReadFull(e.Reader(), magic)
	switch {
	case bytes.HasPrefix(magic[:n], []byte{0x1f, 0x8b}):
		desc.MediaType = ocispec.MediaTypeImageLayerGzip
	case bytes.Equal(magic[:n], []byte{0x28, 0xb5, 0x2f, 0xfd}):
		desc.MediaType = ocispec.MediaTypeImageLayerZstd
	}
	t.blobs[d], known[name] = e, desc
	return desc, nil
}

// addGenerated stores a generated manifest in an unlinked temporary file.
func (t *tarFile) addGenerated(data []byte) (ocispec.Descriptor, error) {
	if t.generated == nil {
		f, err := os.CreateTemp("", "davit-")
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		t.generated = f
		if err := os.Remove(f.Name()); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	at, err := t.generated.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = t.generated.Write(data)
	}
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(data), Size: int64(len(data))}
	t.blobs[desc.Digest] = files.Extent{File: t.generated, Offset: at, Size: desc.Size}
	return desc, err
}

// readSmall reads an entry of at most manifest.MaxSize bytes.
func (t *tarFile) readSmall(name string) ([]byte, error) {
	e := t.files[name]
	if e.Size > manifest.MaxSize {
		return nil, fmt.Errorf("%s too large: %d bytes, limit is %d MiB", name, e.Size, manifest.MaxSize>>20)
	}
	return io.ReadAll(e.Reader())
}

// errDockerArchive is the reason why davit does not write to a docker save archive.
var errDockerArchive = errors.New("a docker save archive, not an image layout: copy it to another archive first")

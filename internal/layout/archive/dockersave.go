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

// dockerManifestFile lists the images of an archive that docker save wrote before it wrote image layouts, and that crane
// and others still write (docker: image/tarexport/save.go).
const dockerManifestFile = "manifest.json"

// maxDockerImages limits the images of such an archive that are read.
const maxDockerImages = 1000

// dockerImage is an entry of manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// importDocker makes an archive of docker save look like that of a layout. It has neither manifests nor digests, so
// everything in it is hashed and a manifest is made for each image; the file itself stays as it is.
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
		return artifact.Refused(name, "%s lists %d images", dockerManifestFile, len(images))
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

func (t *tarFile) importImage(image dockerImage, known map[string]ocispec.Descriptor) error {
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	var err error
	if m.Config, err = t.importFile(image.Config, known); err != nil {
		return err
	}
	if m.Config.Size > manifest.MaxSize {
		return fmt.Errorf("a config of %d bytes", m.Config.Size)
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
	desc, err := t.addInvented(data)
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

// importFile hashes an entry and makes it a blob. Layers of older versions of docker are links to each other.
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
		return ocispec.Descriptor{}, fmt.Errorf("it has no %q", untrusted.Line(name, 200))
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

// addInvented keeps a manifest that the archive does not have in an unnamed temporary file.
func (t *tarFile) addInvented(data []byte) (ocispec.Descriptor, error) {
	if t.invented == nil {
		f, err := os.CreateTemp("", "davit-")
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		t.invented = f
		if err := os.Remove(f.Name()); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	at, err := t.invented.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = t.invented.Write(data)
	}
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(data), Size: int64(len(data))}
	t.blobs[desc.Digest] = files.Extent{File: t.invented, Offset: at, Size: desc.Size}
	return desc, err
}

// readSmall reads a small entry.
func (t *tarFile) readSmall(name string) ([]byte, error) {
	e := t.files[name]
	if e.Size > manifest.MaxSize {
		return nil, fmt.Errorf("%s has %d bytes", name, e.Size)
	}
	return io.ReadAll(e.Reader())
}

// errDockerArchive is the reason why such an archive is not written to.
var errDockerArchive = errors.New("docker save wrote it, and it is not an image layout: copy it to another archive first")

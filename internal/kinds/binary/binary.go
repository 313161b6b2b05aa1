// Package binary implements the kind for the files of a release.
package binary

import (
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// checksum is the annotation of a layer with the SHA-512 of the file. Its SHA-256 is the digest of the layer.
const checksum = "sha512"

// Kind returns the kind of release files. Each layer is an unchanged file, so the digest of the layer is the checksum of the file.
// An index has a manifest for each platform, as in Kubernetes' promo-tools. Any file may be a release file, so the kind must
// be named.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:     "binary",
			Summary:  "files of a release, as they are, for one or more platforms",
			Identity: mediatypes.Identity{ArtifactType: "application/vnd.davit.binary.v1"},
			Shape:    mediatypes.Index,
			Config:   mediatypes.Config{Derive: "binary", Schema: kind.NoFields()},
			Layers:   []mediatypes.LayerType{{Role: "binary", MediaType: mediatypes.OctetStream, Match: []string{"*"}, Min: 1}},
			Clients:  []string{"oras", "curl"},
			Example: `kind: binary
name: greeting
version: 1.0.0
layers: ["greeting-*"]
`,
		},
		Derive: derive,
	}
}

// derive finds the platform in the names of the files, unless it is declared, and adds checksums.
func derive(d *compose.Draft) (configblob.Finish, error) {
	for _, l := range d.Layers {
		l.Title = path.Base(l.Path)
		sum, err := checksumOf(d, l)
		if err != nil {
			return nil, &spec.Error{Item: l.Source(), Err: err}
		}
		l.SetAnnotation(checksum, sum)
		if d.Spec.Platform != "" {
			continue
		}
		if d.Platform = platformOf(l.Title); d.Platform == nil {
			d.Refuse(l, "declare it: platforms: [{platform: linux/amd64, layers: ["+l.Path+"]}]", "the name of %q has no platform, such as linux-amd64", l.Path)
			return nil, nil
		}
		d.Notes = append(d.Notes, fmt.Sprintf("binary: %s is for %s, by its name", l.Path, manifest.FormatPlatform(d.Platform)))
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		var titles []string
		for _, l := range layers {
			titles = append(titles, l.Title)
		}
		return spec.Finished{Entry: map[string]string{ocispec.AnnotationTitle: strings.Join(titles, ", ")}}, nil
	}, nil
}

// checksumOf computes the SHA-512 of a file, in hex.
func checksumOf(d *compose.Draft, l *compose.Layer) (string, error) {
	f, err := d.FS.Open(l.Source())
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha512.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// platformOf returns the platform in the name of a file, or nil if the name has none.
func platformOf(name string) *ocispec.Platform {
	p := manifest.PlatformIn(name)
	if p.OS == "" || p.Architecture == "" {
		return nil
	}
	return &p
}

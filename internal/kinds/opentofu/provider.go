package opentofu

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// target is the artifact type of the manifest for one platform.
const target = "application/vnd.opentofu.provider-target"

// Provider returns the kind of providers: the zip archives of a release, one for each platform, under one index.
func Provider() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:     "opentofu-provider",
			Summary:  "an OpenTofu provider: its zip files for one or more platforms",
			Identity: mediatypes.Identity{ArtifactType: "application/vnd.opentofu.provider", Types: []string{target}},
			Shape:    mediatypes.Index,
			Config:   mediatypes.Config{Derive: "opentofu-provider", Schema: kind.NoFields()},
			Layers: []mediatypes.LayerType{{
				Role: "provider", MediaType: archive, Match: []string{"terraform-provider-*_*_*_*.zip"}, Content: "opentofu-provider", Min: 1, Max: 1, Tells: true,
			}},
			Clients: []string{"tofu"},
			Example: `kind: opentofu-provider
layers: ["*.zip"]
`,
		},
		Derive: derive,
		Tests:  map[string]roles.Test{"opentofu-provider": {Expects: "an OpenTofu provider", Find: isProvider}},
	}
}

// archiveName matches the name of an archive in a provider's release. Its groups are the name, the version, the OS, and the
// architecture.
var archiveName = lazy.Regexp(`^terraform-provider-([a-z0-9-]+)_v?([0-9][0-9A-Za-z.+-]*)_([a-z0-9]+)_([a-z0-9]+)\.zip$`)

// isProvider recognizes a zip archive by its name, which must be that of a provider.
func isProvider(s *tree.Sample) (string, bool) {
	m := archiveName().FindStringSubmatch(path.Base(s.Path))
	if m == nil || !strings.HasPrefix(string(s.Head()), "PK") {
		return "", false
	}
	return fmt.Sprintf("is named as the provider %s %s for %s/%s", m[1], m[2], m[3], m[4]), true
}

// derive makes the manifest for one platform from the name of its archive.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if len(d.Layers) != 1 {
		return nil, nil // reported elsewhere
	}
	l := d.Layers[0]
	m := archiveName().FindStringSubmatch(path.Base(l.Path))
	if m == nil {
		return nil, &spec.Error{Item: l.Path, Err: errors.New("is not named as a provider: terraform-provider-NAME_VERSION_OS_ARCH.zip")}
	}
	d.CheckNamed(m[1], m[2], "the name of the archive")
	l.Title = path.Base(l.Path)
	d.ArtifactType = target
	d.Platform = &ocispec.Platform{OS: m[3], Architecture: m[4]}
	d.IndexAnnotations = map[string]string{ocispec.AnnotationTitle: m[1], ocispec.AnnotationVersion: m[2]}
	d.Tags = []string{strings.ReplaceAll(m[2], "+", "_")}
	return func([]spec.Packed) (spec.Finished, error) { return spec.Finished{}, nil }, nil
}

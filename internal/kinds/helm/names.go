package helm

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fileName returns the file name that helm pull uses for a chart or its provenance: NAME-VERSION.tgz or NAME-VERSION.tgz.prov, with
// the name and version in the config. It returns "" for other layers.
func fileName(config []byte, layer ocispec.Descriptor) (string, error) {
	extension := map[string]string{mediatypes.HelmChart: ".tgz", mediatypes.HelmProvenance: ".tgz.prov"}[layer.MediaType]
	if extension == "" {
		return "", nil
	}
	var chart struct{ Name, Version string }
	if err := json.Unmarshal(config, &chart); err != nil || chart.Name == "" || chart.Version == "" {
		return "", errors.New("the chart's config lacks a name or a version")
	}
	name := chart.Name + "-" + chart.Version
	if strings.ContainsAny(name, `/\`) {
		return "", spec.Refused(name, "a chart's name and version can't have a path separator")
	}
	return name + extension, nil
}

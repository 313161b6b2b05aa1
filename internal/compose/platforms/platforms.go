// Package platforms completes the entries of platforms in a declaration.
package platforms

import (
	"maps"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/configblob"
)

// Inherit fills a platform's Spec from that of the whole artifact.
func Inherit(whole, platform *spec.Spec) *spec.Spec {
	p := *platform
	p.Kind, p.Own, p.Name, p.Version, p.ArtifactType, p.Dir = whole.Kind, whole.Own, whole.Name, whole.Version, whole.ArtifactType, whole.Dir
	if p.Base == "" {
		p.Base = whole.Base
	}
	p.Annotations = maps.Clone(whole.Annotations)
	if p.Annotations == nil {
		p.Annotations = map[string]string{}
	}
	maps.Copy(p.Annotations, platform.Annotations)
	p.Config = configblob.Merge(whole.Config, platform.Config)
	p.SetWhole(whole, len(platform.Config) > 0)
	return &p
}

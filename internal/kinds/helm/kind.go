// Package helm implements the kind for Helm charts.
package helm

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of Helm charts.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:     data(),
		Native:   []string{"helm pull oci://{ref}"},
		Defaults: "values.yaml",
		Derive:   derive,
		Tests: map[string]roles.Test{
			"chart":         {Expects: "a directory with a Chart.yaml", Find: isChart, Ignore: readIgnore, Near: lacksChartFile},
			"chart-archive": {Expects: "a packaged chart", Find: isChartArchive, Fault: chartFault},
		},
		Names: []kind.Naming{{Rank: kind.RankSource, Stems: []string{"chart"}, Types: kind.YAML}},
		Pull: kind.Pull{
			Name: fileName,
			NeedsConfig: func(mediaType string) bool {
				return mediaType == mediatypes.HelmChart || mediaType == mediatypes.HelmProvenance
			},
			Tars:      kind.Unpacking{Keep: true},
			PathInTar: true,
		},
	}
}

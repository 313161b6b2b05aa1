package artifacthub

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// File is the name of the packed file. Its artifact has a separate tag in the repository of a chart.
const File = "artifacthub-repo.yml"

// data describes the file that names the owners of a repository to Artifact Hub. The config has content, since some registries
// refuse an empty blob.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "artifacthub",
		Summary: "the owners of a repository of charts, for Artifact Hub",
		Config:  mediatypes.Config{MediaType: "application/vnd.cncf.artifacthub.config.v1+yaml", Schema: kind.NoFields()},
		Layers: []mediatypes.LayerType{{
			Role: "metadata", MediaType: "application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml", Match: []string{File}, Min: 1, Max: 1,
			Form: mediatypes.Form{Untitled: true}, Annotations: map[string]string{"org.opencontainers.image.title": "{base}"},
		}},
		Tagging: mediatypes.Tagging{Tag: "artifacthub.io"},
		Clients: []string{"Artifact Hub"},
		Example: `kind: artifacthub
layers: [artifacthub-repo.yml]
`,
	}
}

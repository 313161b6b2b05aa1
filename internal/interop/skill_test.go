package interop

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestSkillMeetsClientRules checks what clients require of a skill: the config has its name, and the only layer unpacks to a directory
// with that name.
func TestSkillMeetsClientRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "skill") + ":1.0.0"
	push(t, example("skill"), "", ref)
	m, _ := manifestOf(t, ref)
	var config struct{ Name, SchemaVersion string }
	if err := json.Unmarshal(blobOf(t, ref, m.Config), &config); err != nil || config.SchemaVersion != "1" {
		t.Errorf("got the config %+v, %v", config, err)
	}
	if len(m.Layers) != 1 || !strings.HasSuffix(m.Layers[0].MediaType, "skill.content.v1.tar+gzip") || m.Layers[0].Annotations != nil {
		t.Errorf("got the layers %+v", m.Layers)
	}
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, filepath.Join(dir, config.Name)), readFiles(t, filepath.Join(example("skill"), "greeting")))
}

// TestCollectionMeetsClientRules checks what clients require of a collection: the type of the index, its name, and the name and
// description of each skill in its entry.
func TestCollectionMeetsClientRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "skills") + ":1.0.0"
	push(t, example("skills"), "", ref)
	var index ocispec.Index
	_, raw := manifestOf(t, ref)
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	if index.ArtifactType != "application/vnd.agentskills.collection.v1" || index.Annotations["io.agentskills.collection.name"] != "manners" {
		t.Errorf("got the index %q, %q", index.ArtifactType, index.Annotations)
	}
	for i, name := range []string{"farewell", "greeting"} {
		e := index.Manifests[i]
		if e.ArtifactType != "application/vnd.agentskills.skill.v1" || e.Platform != nil || e.Annotations["io.agentskills.skill.name"] != name || e.Annotations[ocispec.AnnotationDescription] == "" {
			t.Errorf("entry %d: got %+v", i, e)
		}
	}
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	want := readFiles(t, example("skills"))
	delete(want, "davit.yaml")
	wantFiles(t, readFiles(t, dir), want)
	wantKind(t, ref, "skills")
}

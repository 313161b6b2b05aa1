package interop

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull"
)

// TestSkillAsClientsReadIt follows clients of skills: the config names the skill, and its only layer unpacks to a directory of
// that name.
func TestSkillAsClientsReadIt(t *testing.T) {
	t.Parallel()
	ref := repo(t, "skill") + ":1.0.0"
	push(t, example("skill"), "", ref)
	m, _ := manifestOf(t, ref)
	var config struct{ Name, SchemaVersion string }
	if err := json.Unmarshal(blobOf(t, ref, m.Config), &config); err != nil || config.SchemaVersion != "1" {
		t.Errorf("config is %+v, %v", config, err)
	}
	if len(m.Layers) != 1 || !strings.HasSuffix(m.Layers[0].MediaType, "skill.content.v1.tar+gzip") || m.Layers[0].Annotations != nil {
		t.Errorf("layers are %+v", m.Layers)
	}
	dir, _ := pulled(t, ref, pull.Options{NoSync: true})
	sameFiles(t, files(t, filepath.Join(dir, config.Name)), files(t, filepath.Join(example("skill"), "greeting")))
}

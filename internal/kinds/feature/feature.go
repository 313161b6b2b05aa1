package feature

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/kinds/devcontainer"
)

func derive(d *compose.Draft) (configblob.Finish, error) {
	return devcontainer.Derive(d, "feature", Complete)
}

// Complete adds currentId if the feature had other IDs, and fails if there is no install.sh.
func Complete(m *devcontainer.Metadata, fsys fs.FS, l *compose.Layer) error {
	if _, err := fs.Stat(fsys, path.Join(l.Path, "install.sh")); err != nil {
		return errors.New("it has no install.sh, which installs a Dev Container Feature")
	}
	var legacy []string
	if json.Unmarshal(m.Field("legacyIds"), &legacy) == nil && len(legacy) > 0 {
		return m.Set("currentId", m.ID)
	}
	return nil
}

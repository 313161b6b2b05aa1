package source

import (
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/mediatypes"
)

// ReadKind reads a kind file. The limit is 4 MiB.
func ReadKind(name string) (mediatypes.Kind, error) {
	f, err := os.Open(name)
	if err != nil {
		return mediatypes.Kind{}, exit.FileError("kind file", name, err)
	}
	defer f.Close()
	data, err := ReadAll(name, f)
	if err != nil {
		return mediatypes.Kind{}, err
	}
	return artifact.ParseKind(name, data)
}

package carry

import (
	"io"
	"os"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
)

// maxList bounds a list of artifacts.
const maxList = 16 << 20

// readList reads a list, of which it returns at most maxList+1 bytes.
func readList(a *app.App, name string) ([]byte, error) {
	r := a.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, exit.FileError("list", name, err)
		}
		defer f.Close()
		r = f
	}
	return io.ReadAll(io.LimitReader(r, maxList+1))
}

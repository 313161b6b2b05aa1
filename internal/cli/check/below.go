package check

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/internal/shell"
)

// maxAdvised limits the hints about directories with records.
const maxAdvised = 5

// advisePulled returns hints for a directory without a record: the commands that compare the files of pulls into directories below it, and
// of attachments, which have records of their own. Without any, it is the command that compares the directory with an artifact.
func advisePulled(ctx context.Context, dir, records string) string {
	var commands []string
	states, _ := os.ReadDir(records)
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || !e.IsDir():
			return nil // nothing is known about it
		case path != dir && e.Name()[0] == '.':
			return fs.SkipDir
		}
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil
		}
		defer root.Close()
		place := app.LocalPath(path)
		if state, err := record.Find(records, root); err == nil && len(state.All()) > 0 {
			commands = append(commands, shell.Command("davit", "verify", place))
		}
		for _, r := range record.Attached(records, states, root) {
			commands = append(commands, shell.Command("davit", "verify", r.Origin+"@"+r.Root.Digest.String(), "--dir", place))
		}
		return nil
	})
	if len(commands) == 0 {
		return "to compare it with an artifact: " + shell.Command("davit", "verify", "TARGET", "--dir", dir)
	}
	if more := len(commands) - maxAdvised; more > 0 {
		commands = append(commands[:maxAdvised], fmt.Sprintf("%d more below %s", more, dir))
	}
	return "pulls into directories below it are compared one by one:\n" + strings.Join(commands, "\n")
}

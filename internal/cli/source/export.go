package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/kinds"
)

// exportName matches the names that can be exported. It is podman's syntax for volumes.
const exportName = `^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`

// Export runs the program that exports from, "SCHEME:NAME", and stores its output in a tar file: packing reads a tar twice. It sets the kind
// and the name in opts unless they are set. The caller must call done after packing: it removes the file.
func Export(ctx context.Context, from string, opts *Options) (file string, done func(), err error) {
	scheme, name, _ := strings.Cut(from, ":")
	exports := kinds.Exports()
	k, ok := exports[scheme]
	if !ok || !regexp.MustCompile(exportName).MatchString(name) {
		var known []string
		for _, scheme := range slices.Sorted(maps.Keys(exports)) {
			known = append(known, scheme+":NAME")
		}
		return "", nil, &exit.UsageError{Err: fmt.Errorf("--from %q is not a source that can be exported", from), Hint: "--from takes " + strings.Join(known, ", ")}
	}
	dir, err := os.MkdirTemp("", "davit-export-")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	file = filepath.Join(dir, name+".tar")
	if err := export(ctx, append(slices.Clone(k.Export.Command), name), file); err != nil {
		done()
		return "", nil, err
	}
	opts.kind, opts.name = cmp.Or(opts.kind, k.Name), cmp.Or(opts.name, name)
	return file, done, nil
}

// export runs a command and writes its output to a new file. The error of a failed command has its standard error.
func export(ctx context.Context, command []string, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = f, &stderr
	err = cmd.Run()
	var failed *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return &exit.UsageError{Err: fmt.Errorf("--from runs %q: program not found", strings.Join(command, " ")), Hint: "install " + command[0] + ", or name a directory or a tar"}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(stderr.String()))
	case err != nil:
		return err
	}
	return f.Close()
}

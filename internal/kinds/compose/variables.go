package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/tree"
)

// readVariables reads a file with variables for compose files. Its values may refer to the variables in set. A file that does not
// exist has no variables.
func readVariables(fsys fs.FS, name string, set map[string]string) (map[string]string, error) {
	data, err := tree.ReadFile(fsys, name, tree.MaxSmallFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrNotFile) {
		return nil, nil
	}
	if err != nil {
		return nil, &spec.Error{Item: name, Err: err}
	}
	vars, err := dotenv.ParseWithLookup(bytes.NewReader(data), func(name string) (string, bool) { v, ok := set[name]; return v, ok })
	if err != nil {
		return nil, unreadable(name, data, err)
	}
	return vars, nil
}

// fillIn replaces the variables in a path with their values in vars or their defaults, and fails if a variable has neither. It does
// not read the environment, so that the same files make the same artifact on every machine.
func fillIn(value string, vars map[string]string) (string, error) {
	if !strings.Contains(value, "$") {
		return value, nil
	}
	for name, v := range template.ExtractVariables(map[string]any{"path": value}, template.DefaultPattern) {
		if _, set := vars[name]; !set && v.DefaultValue == "" && v.PresenceValue == "" {
			return "", fmt.Errorf("neither .env nor a default sets the variable %q", name)
		}
	}
	filled, err := template.SubstituteWithOptions(value, func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}, template.WithoutLogging)
	if err != nil {
		return "", fmt.Errorf("docker compose can't fill in its variables: %w", err)
	}
	return filled, nil
}

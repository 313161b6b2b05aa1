package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/davit-oci/davit/internal/cli"
)

// script has the commands in the picture. They write to a temporary directory.
var script = []string{
	"davit push examples/model ./oci:1.0.0",
	"davit attach -q examples/sbom/greeting.spdx.json examples/runbook/greeting-down.md ./oci:1.0.0",
	"davit discover ./oci:1.0.0",
	"davit show --alert GreetingDown ./oci:1.0.0",
	"davit pull ./oci:1.0.0 -o tiny",
}

// maxLines limits the number of output lines shown for a command.
const maxLines = 9

// Step is a command and its output.
type Step struct {
	Command string
	Output  []string
}

// Play runs the script with the examples in the source tree at the path repository.
func Play(ctx context.Context, repository string) ([]Step, error) {
	dir, err := os.MkdirTemp("", "recording")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var steps []Step
	for _, command := range script {
		args := strings.Fields(command)[1:]
		for i, arg := range args {
			switch {
			case strings.HasPrefix(arg, "examples/"):
				args[i] = filepath.Join(repository, arg)
			case strings.HasPrefix(arg, "./"), arg == "tiny":
				args[i] = filepath.Join(dir, arg)
			}
		}
		var out, messages bytes.Buffer
		if code := cli.Run(ctx, args, strings.NewReader(""), &out, &messages); code != 0 {
			return nil, fmt.Errorf("%s: exit code %d: %s", command, code, messages.String())
		}
		steps = append(steps, Step{command, trimOutput(out.String(), dir)})
	}
	return steps, nil
}

var digests = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

// trimOutput returns the first lines of a command's output, with shortened digests and without the temporary directory dir.
func trimOutput(text, dir string) []string {
	text = strings.ReplaceAll(text, dir+string(filepath.Separator), "./")
	text = strings.ReplaceAll(text, "./tiny", "tiny")
	text = digests.ReplaceAllString(text, "$1")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	if len(lines) > maxLines {
		lines = append(lines[:maxLines:maxLines], "…")
	}
	return lines
}

// Package clients runs third-party programs in tests: native clients that must read what davit pushes, and real registries.
//
// [Path] finds a program that .ci/clients.sh built, and skips the test if it is missing or the tests are built without the tag "clients".
// [Run] and [New] run a program in its own home directory. [Distribution], which has no referrers API, and [Olareg], which has one, start a
// registry on a free loopback port. [SharedDistribution] and [SharedOlareg] return one that all tests of a binary share, for tests that only
// need their own repository.
//
// [Podman] and [ModelRunner] set up more than a home directory.
//
// Only tests import this package.
package clients

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// systemPrograms are programs that exist on every system on which the tests run.
var systemPrograms = []string{"cmp", "sh", "tar"}

// Path returns the path of a program: in $DAVIT_TOOLS (or .tools of the repository), among its npm packages, or on PATH.
// A test whose program is missing is skipped, and fails when DAVIT_REQUIRE_CLIENTS is 1. Without the build tag "clients",
// only programs of the system are found.
func Path(tb testing.TB, name string) string {
	tb.Helper()
	if !Enabled && !slices.Contains(systemPrograms, name) {
		tb.Skipf("%s runs with the build tag clients", name)
	}
	if path := find(name); path != "" {
		return path
	}
	Missing(tb, "%s is not installed; make clients and .ci/run install what tests use", name)
	return ""
}

// Missing skips a test because this machine lacks something that the test needs. If DAVIT_REQUIRE_CLIENTS is 1, it fails the test instead.
func Missing(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("DAVIT_REQUIRE_CLIENTS") == "1" {
		tb.Fatalf(format, args...)
	}
	tb.Skipf(format, args...)
}

func find(name string) string {
	if tools := toolsDir(); tools != "" {
		for _, dir := range []string{"bin", "npm/node_modules/.bin"} {
			if path, err := exec.LookPath(filepath.Join(tools, dir, name)); err == nil {
				return path
			}
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// toolsDir returns the directory that .ci/clients.sh fills.
func toolsDir() string {
	if dir := os.Getenv("DAVIT_TOOLS"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".tools")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// A Client is a program with its own home directory: a login lasts from one run to the next, and the machine's configuration has no effect.
type Client struct {
	Home    string        // HOME; DOCKER_CONFIG is .docker in it, and the XDG directories are below it
	Dir     string        // working directory; Home when empty
	Env     []string      // added to the environment, which it overrides
	Stdin   io.Reader     // of the next run; nil: empty
	Timeout time.Duration // of one run; two minutes when zero

	tb   testing.TB
	path string
}

// New finds the program as [Path] does and creates a fresh home for it.
func New(tb testing.TB, name string) *Client {
	tb.Helper()
	return &Client{Home: tb.TempDir(), tb: tb, path: Path(tb, name)}
}

// Run runs the program name once in a fresh home and fails the test unless it
// exits with 0.
func Run(tb testing.TB, name string, args ...string) (stdout, stderr string) {
	tb.Helper()
	return New(tb, name).Run(args...)
}

// Run runs the program and fails the test unless it exits with 0.
func (c *Client) Run(args ...string) (stdout, stderr string) {
	c.tb.Helper()
	stdout, stderr, err := c.Try(args...)
	if err != nil {
		c.tb.Fatalf("%s %s: %v\n%s%s", filepath.Base(c.path), strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout, stderr
}

// Try runs the program; the error is an [exec.ExitError] when it ran and failed.
func (c *Client) Try(args ...string) (stdout, stderr string, err error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(c.tb.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = c.Home
	}
	cmd.Env = append(environ(c.Home), c.Env...)
	cmd.Stdin, c.Stdin = c.Stdin, nil
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 5 * time.Second // a grandchild may hold the pipes open
	err = cmd.Run()
	if ctx.Err() != nil && err != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	return out.String(), errs.String(), err
}

// foreign are the prefixes of variables that would lead a client out of its home or change its output.
var foreign = []string{
	"CONTAINERS_", "COSIGN_", "DAVIT_", "DOCKER_", "HELM_", "HOME=", "NOTATION_", "ORAS_", "REGCTL_",
	"REGISTRY_", "SOURCE_DATE_EPOCH=", "SSL_CERT_", "XDG_",
}

func environ(home string) []string {
	var env []string
next:
	for _, v := range os.Environ() {
		for _, prefix := range foreign {
			if strings.HasPrefix(v, prefix) {
				continue next
			}
		}
		env = append(env, v)
	}
	return append(env,
		"HOME="+home,
		"DOCKER_CONFIG="+filepath.Join(home, ".docker"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"),
		"XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_DATA_HOME="+filepath.Join(home, ".local/share"),
		"XDG_RUNTIME_DIR="+filepath.Join(home, ".run"),
	)
}

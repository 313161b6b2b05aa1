//go:build unix

package cli

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// runInterrupted runs davit against a registry, and sends it a signal at the first request of the operation, which is never
// answered.
func runInterrupted(t *testing.T, registry *registrytest.Registry, operation string, signal os.Signal, args ...string) (stderr string) {
	t.Helper()
	cmd := exec.Command("davit", args...)
	var out bytes.Buffer
	cmd.Stderr, cmd.Dir = &out, t.TempDir()
	var once sync.Once
	started := make(chan struct{})
	registry.Inject(operation, faults.Always, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-started
			once.Do(func() { _ = cmd.Process.Signal(signal) }) // davit waits for this response
			<-r.Context().Done()
		})
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	registry.Heal()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != int(exit.Interrupted) {
		t.Errorf("davit %s: %v, want exit status 130; stderr:\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// TestInterrupt sends signals in the middle of a push and of a pull. davit must print how to resume, and leave neither a tag nor a
// file that looks complete.
func TestInterrupt(t *testing.T) {
	t.Setenv("DAVIT_CACHE_DIR", t.TempDir())
	registry := registrytest.Start(t, registrytest.Options{})
	dir := t.TempDir()
	file := filepath.Join(dir, "big.bin")
	if err := os.WriteFile(file, bytes.Repeat([]byte("davit"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	const wantStart = "davit: error: interrupted\ndavit: hint: run the same command again"
	reference := registry.Host + "/app:1"

	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		got := runInterrupted(t, registry, "POST uploads", signal, "push", "--quiet", file, reference)
		if !strings.HasPrefix(got, wantStart) {
			t.Errorf("push, %v: got %q, want %q at the start", signal, got, wantStart)
		}
		if _, _, _, ok := registry.Manifest("app", "1"); ok {
			t.Errorf("push, %v: the interrupted push created the tag", signal)
		}
	}

	if out, err := exec.Command("davit", "push", "--quiet", file, reference).CombinedOutput(); err != nil {
		t.Fatalf("push: %v\n%s", err, out)
	}
	into := filepath.Join(dir, "made", "out")
	if got := runInterrupted(t, registry, "GET blob", os.Interrupt, "pull", reference, "-o", into); !strings.HasPrefix(got, wantStart) {
		t.Errorf("pull: got %q, want %q at the start", got, wantStart)
	}
	if _, err := os.Lstat(filepath.Join(into, "big.bin")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pull: the interrupted pull created the file: %v", err)
	}
	if out, err := exec.Command("davit", "pull", reference, "-o", into).CombinedOutput(); err != nil {
		t.Fatalf("pull again: %v\n%s", err, out)
	}
	entries, err := os.ReadDir(into)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != "big.bin" }) {
		t.Errorf("pull again: got %v, %v, want only big.bin", entries, err)
	}
}

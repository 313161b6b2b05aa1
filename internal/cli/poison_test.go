package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/digestcache"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
)

// TestPoisonedDigests checks that a command fails if the cache has a wrong digest for a file, and that the next run succeeds.
func TestPoisonedDigests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	const file = "../../LICENSE" // old enough for the cache
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	poison := func() {
		cache := digestcache.New(app.CacheDir())
		cache.Store(info, digest.FromString("something else"))
		cache.Close()
	}
	registry, layout := registrytest.Start(t, registrytest.Options{}).Host+"/app:1", dir+"/oci:1"
	for _, test := range []struct{ command, target string }{{"push --kind generic $F $T", registry}, {"pack --kind generic $F -o $T", layout}} {
		poison()
		args := strings.Fields(strings.NewReplacer("$F", file, "$T", test.target).Replace(test.command))
		var stderr bytes.Buffer
		if code := exit.Code(Run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr)); code != exit.Local && code != exit.Refused {
			t.Errorf("%s: got exit code %d, want %d or %d: %s", test.command, code, exit.Local, exit.Refused, &stderr)
		}
		if !strings.Contains(stderr.String(), "LICENSE") {
			t.Errorf("%s: the error does not name the file: %s", test.command, &stderr)
		}
		davit(t, args...) // this run reads the file again
		davit(t, "verify", test.target)
	}
}

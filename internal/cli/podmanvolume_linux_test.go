//go:build clients

package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"golang.org/x/sys/unix"
)

// TestPodmanVolume pushes a Podman volume by name, and checks that a pull restores it unchanged, and that Podman does, too, from the
// tar that a pull with --no-unpack writes.
func TestPodmanVolume(t *testing.T) {
	podman := clients.Podman(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", home)
	t.Setenv("TMPDIR", home)
	for _, pair := range podman.Env {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	t.Chdir(home)
	mounted := func(name string) string {
		dir, _ := podman.Run("volume", "mount", name)
		return strings.TrimSpace(dir)
	}
	podman.Run("volume", "create", "data")
	at := func(name string) string { return filepath.Join(mounted("data"), name) }
	if err := errors.Join(
		os.MkdirAll(at("d/sub"), 0o750), os.WriteFile(at("d/sub/f"), []byte("hello"), 0o600), os.Chown(at("d/sub/f"), 1000, 1001),
		os.Symlink("sub/f", at("d/link")), os.Symlink("/dev/stdout", at("access.log")), os.Link(at("d/sub/f"), at("hard")),
		os.WriteFile(at("caf\xe9.txt"), []byte("x"), 0o644), os.WriteFile(at("empty"), nil, 0o644), unix.Mkfifo(at("pipe"), 0o600), os.Chmod(at("pipe"), 0o622),
	); err != nil {
		t.Fatal(err)
	}
	want := listTree(t, mounted("data"), false)

	davit(t, "push", "--from", "podman-volume:data", "./oci:v1")
	if got := davit(t, "inspect", "./oci:v1", "--format", "{{.kind}}"); got != "volume" {
		t.Errorf("got an artifact of kind %q, want volume", got)
	}
	davit(t, "pull", "--preserve", "./oci:v1", "-o", "restored")
	if got := listTree(t, "restored", false); got != want {
		t.Errorf("restored: got\n%s\nwant\n%s", got, want)
	}
	var stat unix.Stat_t
	if err := unix.Stat("restored/d/sub/f", &stat); err != nil || stat.Uid != 1000 || stat.Gid != 1001 {
		t.Errorf("got the owner %d:%d, %v, want 1000:1001", stat.Uid, stat.Gid, err)
	}
	davit(t, "push", "--from", "podman-volume:data", "./oci:v2")
	if one, two := davit(t, "resolve", "./oci:v1", "-q"), davit(t, "resolve", "./oci:v2", "-q"); one != two {
		t.Errorf("two pushes: got the digests %s and %s, want one", one, two)
	}

	davit(t, "pull", "--no-unpack", "--preserve", "./oci:v1", "-o", "packed")
	tars, _ := filepath.Glob("packed/*.tar*")
	if len(tars) != 1 {
		t.Fatalf("got the tars %q, want one", tars)
	}
	podman.Run("volume", "create", "again")
	podman.Run("volume", "import", "again", filepath.Join(home, tars[0]))
	if got := listTree(t, mounted("again"), false); got != want {
		t.Errorf("imported: got\n%s\nwant\n%s", got, want)
	}

	var stderr bytes.Buffer
	if code := Run(t.Context(), []string{"push", "--from", "podman-volume:absent", "./oci:v3"}, strings.NewReader(""), new(bytes.Buffer), &stderr); code == 0 || !strings.Contains(stderr.String(), "absent") {
		t.Errorf("missing volume: got exit code %d, %s, want an error that names it", code, &stderr)
	}
	left, _ := filepath.Glob("davit-export-*")
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

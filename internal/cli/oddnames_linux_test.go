package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestVolumeKeepsLinuxFiles packs a directory or its tar with named pipes, absolute links, and names that are not UTF-8 or have control
// characters, and checks that a pull restores them. Sockets are left out, with a note.
func TestVolumeKeepsLinuxFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Chdir(dir)
	for _, err := range []error{
		os.MkdirAll("vol/d\xe9/sub", 0o755), os.WriteFile("vol/caf\xe9.txt", []byte("a"), 0o640), os.WriteFile("vol/d\xe9/sub/\xff", []byte("b"), 0o600),
		os.WriteFile("vol/Icon\r", []byte("c"), 0o644), os.WriteFile("vol/a\x1b[31m\nb", []byte("d"), 0o644), os.WriteFile("vol/plain", []byte("e"), 0o644),
		os.Symlink("/dev/stdout", "vol/access.log"), os.Symlink("caf\xe9.txt", "vol/d\xe9/link"),
		unix.Mkfifo("vol/pipe", 0o600), os.Chmod("vol/pipe", 0o622), unix.Mkfifo("vol/d\xe9/p\xe9", 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	socket, err := net.Listen("unix", "vol/s.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var stderr bytes.Buffer
	if code := Run(t.Context(), []string{"push", "--kind", "volume", "vol", "./oci:v"}, strings.NewReader(""), new(bytes.Buffer), &stderr); code != 0 {
		t.Fatalf("push: exit code %d, %s", code, &stderr)
	}
	for _, want := range []string{"are left out: s.sock\n", `named pipes are kept for pull --preserve: d\xe9/p\xe9, pipe`, "links lead out of the directory: access.log -> /dev/stdout"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("stderr lacks %q: %s", want, &stderr)
		}
	}
	want := listTree(t, "vol", false)
	davit(t, "pull", "--preserve", "./oci:v", "-o", "preserved")
	if got := listTree(t, "preserved", false); got != want {
		t.Errorf("preserved: got\n%s\nwant\n%s", got, want)
	}
	davit(t, "pull", "--preserve", "./oci:v", "-o", "preserved") // again, over itself
	davit(t, "verify", "./preserved")
	davit(t, "pull", "./oci:v", "-o", "plain")
	if got, want := listTree(t, "plain", true), listTree(t, "vol", true); got != want {
		t.Errorf("without --preserve: got\n%s\nwant\n%s", got, want)
	}
	if list := davit(t, "ls", "./oci:v"); !strings.Contains(list, `a\x1b[31m\nb`) || !strings.Contains(list, `d\xe9/sub/\xff`) {
		t.Errorf("ls: got %s", list)
	}
	davit(t, "pull", "--no-unpack", "--preserve", "./oci:v", "-o", "packed")
	tars, _ := filepath.Glob("packed/*.tar")
	if len(tars) != 1 {
		t.Fatalf("got the tars %q, want one", tars)
	}
	davit(t, "push", "--kind", "volume", tars[0], "./oci:tar")
	davit(t, "pull", "--preserve", "./oci:tar", "-o", "again")
	if got := listTree(t, "again", false); got != want {
		t.Errorf("from the tar: got\n%s\nwant\n%s", got, want)
	}
}

// listTree lists the files below a directory, except sockets, with their modes and contents or targets. If plain is set, it leaves out
// everything that a pull without --preserve changes: pipes, modes, and links out of the directory.
func listTree(t *testing.T, dir string, plain bool) string {
	t.Helper()
	var b strings.Builder
	var list func(name string)
	list = func(name string) {
		entries, err := os.ReadDir(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			at := name + "/" + e.Name()
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			content := ""
			switch mode := info.Mode(); {
			case mode.Type() == fs.ModeSocket, plain && mode.Type() == fs.ModeNamedPipe, plain && e.Name() == "access.log":
				continue
			case mode.Type() == fs.ModeSymlink:
				content, _ = os.Readlink(at)
			case mode.IsRegular():
				data, err := os.ReadFile(at)
				if err != nil {
					t.Fatal(err)
				}
				content = string(data)
			}
			if plain {
				fmt.Fprintf(&b, "%q %q\n", at[len(dir):], content)
			} else {
				fmt.Fprintf(&b, "%q %v %q\n", at[len(dir):], info.Mode(), content)
			}
			if e.IsDir() {
				list(at)
			}
		}
	}
	list(dir)
	return b.String()
}

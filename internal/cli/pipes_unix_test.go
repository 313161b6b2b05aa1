//go:build unix

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
)

// newPipe returns the path of a pipe with the given content: a named pipe, or /dev/fd/N, as a shell passes <(...).
func newPipe(t *testing.T, content string, named bool) string {
	t.Helper()
	if named {
		name := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		go func() { _ = os.WriteFile(name, []byte(content), 0) }() // waits for the reader
		return name
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	go func() {
		_, _ = w.WriteString(content)
		_ = w.Close()
	}()
	return fmt.Sprintf("/dev/fd/%d", r.Fd())
}

// TestPipes attaches documents and packs declarations that come from pipes.
func TestPipes(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	document := fmt.Sprintf(spdx, "piped")
	for _, named := range []bool{false, true} {
		o.runWith(exit.BadUsage, "attach "+newPipe(t, document, named)+" $R/app:1", "is not a davit.yaml", "--file-name NAME")
		o.runWith(exit.Done, fmt.Sprintf("attach --file-name a%v.spdx.json %s $R/app:1", named, newPipe(t, document, named)), "sbom")
		o.runWith(exit.BadUsage, "attach --file-name x.json "+newPipe(t, "", named)+" $R/app:1", "is empty")
	}
	o.expect("2")
	for _, flag := range []string{"", "--kind sbom ", "--artifact-type application/x.y "} {
		for _, content := range []string{document, "[1]", "text", "# Title\n\na: b: c\n", "\x00\xff", strings.Repeat("a", 1<<20+1)} {
			o.runWith(exit.BadUsage, "attach "+flag+newPipe(t, content, false)+" $R/app:1", "is not a davit.yaml", "--file-name NAME")
		}
		o.runWith(exit.BadUsage, "attach "+flag+"- $R/app:1", "standard input is empty: the command before the pipe wrote nothing")
	}
	for _, content := range []string{`{"kind": "Deployment"}`, `{"kind": "sbom", "version": "1"}`} {
		o.runWith(exit.BadUsage, "attach --kind sbom "+newPipe(t, content, false)+" $R/app:1", "is not a davit.yaml: ", "--file-name NAME")
		if out := o.run(exit.BadUsage, "attach "+newPipe(t, content, false)+" $R/app:1"); strings.Contains(out, "--file-name") {
			t.Errorf("%s may be a davit.yaml with a mistake, but the hint names --file-name: %s", content, out)
		}
	}
	o.runWith(exit.BadUsage, "attach --file-name x.json "+newPipe(t, document, false)+" - $R/app:1", "got 2")

	declaration := "kind: generic\nlayers: [app.txt]\n"
	t.Chdir(o.dir)
	want := o.run(exit.Done, "pack -q --kind generic app.txt -o $D/oci:1")
	for _, command := range []string{"pack -q -f %s -o $D/oci:1", "pack -q %s -o $D/oci:1"} {
		if got := o.run(exit.Done, fmt.Sprintf(command, newPipe(t, declaration, false))); got != want {
			t.Errorf("%s: got %s, want %s", command, got, want)
		}
	}
	o.runWith(exit.BadUsage, "check -f "+newPipe(t, "kind: [\n", false), "/dev/fd/", ":2:1: ")

	if err := syscall.Mkfifo("davit.yaml", 0o600); err != nil {
		t.Fatal(err)
	}
	o.runWith(exit.BadUsage, "check .", "davit.yaml: is not a regular file") // without waiting for a writer
	go func() { _ = os.WriteFile("davit.yaml", []byte(declaration), 0) }()
	o.runWith(exit.Done, "check ./davit.yaml", "1 layer")
	if err := os.Remove("davit.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../elsewhere.yaml", "davit.yaml"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(filepath.Dir(o.dir), "elsewhere.yaml"), declaration)
	for _, command := range []string{"check .", "check -f davit.yaml"} {
		if text := o.run(exit.BadUsage, command); !strings.Contains(text, `leaves the directory through the link "davit.yaml" -> "../elsewhere.yaml"`) {
			t.Errorf("%s: got %s, want an error about the link", command, text)
		}
	}
}

// TestPipesAsTargets checks that a pipe in place of a layout, an archive, or a directory is refused without waiting for a writer.
func TestPipesAsTargets(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	t.Chdir(o.dir)
	o.run(exit.Done, "pack -q app.txt -o $D/oci:1")
	for _, name := range []string{"pipe", "pipe.tar"} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range []string{
		"ls ./pipe", "inspect ./pipe:1", "verify ./pipe", "verify pipe", "diff ./oci:1 pipe", "diff ./oci:1 ./pipe", "copy ./pipe ./new", "copy ./oci:1 ./pipe",
		"pack app.txt -o ./pipe:1", "serve ./pipe", "browse ./pipe", "prune ./pipe --keep-last 1",
	} {
		o.runWith(exit.BadUsage, command, "not a directory")
	}
	for _, command := range []string{"ls ./pipe.tar", "verify ./pipe.tar", "copy ./oci:1 ./pipe.tar"} {
		o.runWith(exit.BadUsage, command, "not a regular file")
	}
}

// TestPipesWithoutWriter interrupts commands that wait for the other end of a pipe.
func TestPipesWithoutWriter(t *testing.T) {
	withHome(t)
	t.Chdir(t.TempDir())
	writeFile(t, "app.txt", "app")
	private := registrytest.Start(t, registrytest.Options{Auth: registrytest.Basic}).Host + "/a:1"
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"pack pipe -o oci:1", "pack -f pipe -o oci:1", "pack - -o oci:1", "check ./pipe", "pack app.txt --config pipe -o oci:1", "pack app.txt --kind ./pipe -o oci:1",
		"attach --file-name x.json pipe 127.0.0.1:1/a:1", "attach --file-name x.json - 127.0.0.1:1/a:1", "copy --from-file pipe 127.0.0.1:1/a",
		"copy --from-file - 127.0.0.1:1/a",
		"pull --verify-key pipe -o out 127.0.0.1:1/a:1", "verify --key pipe 127.0.0.1:1/a:1", "sign --key pipe 127.0.0.1:1/a:1", "push app.txt --sign-key pipe 127.0.0.1:1/a:1",
		"pull --ca-file pipe -o out 127.0.0.1:1/a:1", "tags --cert-file pipe --key-file pipe 127.0.0.1:1/a", "repos --ca-file pipe 127.0.0.1:1",
		"logout 127.0.0.1:1 --registry-config pipe", "resolve --registry-config pipe " + private, "login 127.0.0.1:1 --username me --password-stdin",
	} {
		stdin, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		ended := make(chan int, 1)
		var stderr bytes.Buffer
		go func() { ended <- Run(ctx, strings.Fields(command), stdin, io.Discard, &stderr) }()
		select {
		case code := <-ended:
			if code != int(exit.Interrupted) {
				t.Errorf("davit %s: got exit code %d, want %d: %s", command, code, exit.Interrupted, stderr.String())
			}
		case <-time.After(20 * time.Second):
			t.Errorf("davit %s: still waits 20 seconds after the interrupt", command)
		}
		_ = writer.Close()
	}
	if f, err := os.OpenFile("pipe", os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil { // ends the readers
		_ = f.Close()
	}
	if _, err := os.Lstat("oci"); err == nil {
		t.Error("an interrupted command created a layout")
	}
}

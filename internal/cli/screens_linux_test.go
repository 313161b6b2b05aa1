package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
)

// TestScreens compares the output on color terminals of 40, 80, and 120 columns and on dumb terminals with testdata/screens.golden,
// which -update renews. In that file, "{" begins an escape sequence.
func TestScreens(t *testing.T) {
	t.Setenv("DAVIT_CACHE_DIR", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("DAVIT_PAGER", "cat")
	t.Setenv("NO_COLOR", "")
	t.Setenv("CLICOLOR", "")
	t.Setenv("CLICOLOR_FORCE", "")
	t.Setenv("DAVIT_PROGRESS", "none") // bars appear only on a slow machine
	dir := t.TempDir()
	for name, text := range map[string]string{
		"one/app/README.md": "# App\n\nfirst\n", "one/app/data/numbers.txt": "1\n2\n3\n", "two/app/README.md": "# App\n\nsecond\n", "two/app/data/numbers.txt": "1\n2\n3\n",
		"bad/davit.yaml": "kind: docs\nname: a\nversion: 1\nlayers:\n  - path: nosuch-file-with-a-long-name-in-the-directory.md\n    role: page\n  - pth: x\n  - ../outside\nplatforms: [linux/amd46]\n",
		"down.md":        "---\ntitle: The app is down\nalerts: [AppDown]\nseverity: critical\n---\n# The app is down\n\nRestart it. ![Where to look](img/where.png)\n",
		"sbom.spdx.json": `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"app","packages":[]}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	for i, command := range []string{
		"push one/app ./oci:1", "push two/app ./oci:2", "attach down.md sbom.spdx.json ./oci:1", "discover ./oci:1", "inspect ./oci:1", "ls -l ./oci:1",
		"diff --text ./oci:1 ./oci:2", "tag ./oci:1 2 --dry-run", "kinds docs", "cat ./oci:1 READM", "pull ./oci:1 --dry-run", "help logout",
		"ls ./oci:1", "verify ./oci:1", "show --alert AppDown ./oci:1", "diff ./oci:1 ./oci:2", "tags ./oci", "kinds", "check bad", "show ./oci:1 --alert Nope",
		"TERM=dumb discover ./oci:1", "TERM=dumb show --alert AppDown ./oci:1", "TERM=dumb cat ./oci:1 READM", "TERM=dumb push one/app ./oci:3",
	} {
		t.Setenv("TERM", "xterm")
		arguments, isDumb := strings.CutPrefix(command, "TERM=dumb ")
		if isDumb {
			t.Setenv("TERM", "dumb")
		}
		widths := []uint16{40, 80, 120}
		if i < 3 || isDumb {
			widths = widths[1:2] // the first three change the layout; dumb terminals have one width
		}
		for _, width := range widths {
			c := onScreen(t, width, dir, strings.Fields(arguments)...)
			_ = c.cmd.Wait() // the exit code is part of the screen
			<-c.done
			text := strings.NewReplacer("\r\n", "\n", "\x1b[", "{").Replace(c.text())
			fmt.Fprintf(&b, "$ davit %s  # TERM=%s, %d columns, exit code %d\n%s\n", arguments, os.Getenv("TERM"), width, c.cmd.ProcessState.ExitCode(), text)
		}
	}
	const golden = "testdata/screens.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := readFile(t, golden); b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestColorsAreOptional checks the variables that turn colors on and off.
func TestColorsAreOptional(t *testing.T) {
	for _, test := range []struct {
		noColor, cli, force, term string
		want                      bool
	}{
		{"", "", "", "xterm", true}, {"1", "", "", "xterm", false}, {"", "0", "", "xterm", false}, {"", "1", "", "xterm", true},
		{"", "", "", "dumb", false}, {"", "0", "1", "xterm", true}, {"1", "", "1", "xterm", false},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("CLICOLOR", test.cli)
		t.Setenv("CLICOLOR_FORCE", test.force)
		t.Setenv("TERM", test.term)
		c := onTerminal(t, "inspect", "./nosuch")
		c.waitExit(exit.NotFound)
		if got := strings.Contains(c.text(), "\x1b["); got != test.want {
			t.Errorf("%+v: got %q, want colors: %v", test, c.text(), test.want)
		}
	}
}

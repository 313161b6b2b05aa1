package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
)

// TestShowOnTerminal checks that show uses colors, and sends long text to the pager.
func TestShowOnTerminal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	t.Setenv("DAVIT_PAGER", "sed s/^/paged:/")
	layout := filepath.Join(dir, "oci")
	for name, text := range map[string]string{"short.md": "# Short\n", "long.md": "# Long\n" + strings.Repeat("\nline\n", 30)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		davit(t, "push", "--kind", "docs", file, layout+":"+name, "-q")
	}
	for _, test := range []struct{ name, noColor, want string }{
		{"short.md", "", "\x1b[1mShort\x1b[0m\r\n\x1b[2m═════\x1b[0m\r\n"},
		{"short.md", "1", "Short\r\n═════\r\n"},
		{"long.md", "1", "paged:Long\r\npaged:════\r\npaged:\r\npaged:line\r\n"},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		term := onTerminal(t, "show", layout+":"+test.name)
		term.waitExit(exit.Done)
		if got := term.text(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s, NO_COLOR=%s: got %q, want %q at the start", test.name, test.noColor, got, test.want)
		}
	}
}

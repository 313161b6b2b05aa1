package term_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/term"
)

func TestPage(t *testing.T) {
	screen, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	for pager, want := range map[string]bool{`tr a-z "$TO"`: true, "exit 127": false, "exit 126": false, "exit 3": true} {
		if got := term.Page(screen, []byte("text\n"), pager, append(os.Environ(), "TO=A-Z")); got != want {
			t.Errorf("%s: got %t, want %t", pager, got, want)
		}
	}
	if _, err := screen.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(screen)
	if want := "TEXT\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
